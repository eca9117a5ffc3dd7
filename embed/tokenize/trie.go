package tokenize

import (
	"fmt"
	"strings"
)

// trie finds the longest token at the start of a word. It is a double array
// (Aoe 1989) in the form where a child stands at base XOR label, with two
// roots: one for tokens that begin a word and one for those that continue it,
// stored without their prefix.
type trie struct {
	units []unit
}

type unit struct {
	base  uint32 // of the children; they share the block of 256 units around it
	check uint32 // parent, or free
	value int32  // id of the token that ends here, or none
}

const (
	startRoot    = uint32(0)
	continueRoot = uint32(1)
	free         = ^uint32(0)
	orphan       = free - 1 // the parent of a root
	none         = int32(-1)
)

// longest walks down from root and gives the longest token that w begins with
// and its length in bytes, 0 if there is none. The empty token does not count.
func (t *trie) longest(root uint32, w []byte) (id int32, n int) {
	units, node := t.units, root
	id = none
	for i, c := range w {
		next := units[node].base ^ uint32(c)
		u := &units[next]
		if u.check != node {
			break
		}
		node = next
		if u.value != none {
			id, n = u.value, i+1
		}
	}
	return id, n
}

// exact gives the id of the token w below root.
func (t *trie) exact(root uint32, w string) (int32, bool) {
	node := root
	for i := range len(w) {
		next := t.units[node].base ^ uint32(w[i])
		if t.units[next].check != node {
			return none, false
		}
		node = next
	}
	v := t.units[node].value
	return v, v != none
}

// duplicateError names the two ids of a repeated token.
type duplicateError struct {
	token         string
	first, second int32
}

func (e *duplicateError) Error() string {
	return fmt.Sprintf("token %q is there twice, with ids %d and %d", e.token, e.first, e.second)
}

// newTrie builds the trie of all tokens but empty ones.
func newTrie(tokens []string) (*trie, error) {
	var starts, continues []int32
	bytes := 0
	for id, token := range tokens {
		bytes += len(token)
		switch {
		case token == "":
		case strings.HasPrefix(token, continuation):
			continues = append(continues, int32(id))
		default:
			starts = append(starts, int32(id))
		}
	}
	b := newTrieBuilder(tokens, bytes)
	b.insert(startRoot, starts, 0)
	b.insert(continueRoot, continues, len(continuation))
	if b.twice != nil {
		return nil, b.twice
	}
	return &trie{units: b.units}, nil
}
