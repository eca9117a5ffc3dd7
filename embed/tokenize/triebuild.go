package tokenize

// trieBuilder places the nodes of a trie. Free units form a doubly linked
// ring, so that a place is found without scanning what is taken.
type trieBuilder struct {
	units      []unit
	next, prev []uint32 // ring of free units; meaningless for taken ones
	head       uint32   // a free unit, or free if none is left
	labels     []byte   // stack of the children's labels
	tokens     []string // by id
	spare      []int32  // room to sort ids in
	twice      *duplicateError
}

// maxTries bounds the search for a place among the free units, so that
// building stays linear; a fresh block always has one.
const maxTries = 32

// newTrieBuilder expects tokens of so many bytes together.
func newTrieBuilder(tokens []string, bytes int) *trieBuilder {
	n := bytes/2 + 512 // about half of the bytes are in shared beginnings
	b := &trieBuilder{
		units: make([]unit, 0, n), next: make([]uint32, 0, n), prev: make([]uint32, 0, n),
		head: free, tokens: tokens, spare: make([]int32, len(tokens)),
	}
	b.grow()
	b.take(startRoot)
	b.take(continueRoot)
	return b
}

// insert places what is below node: the tokens ids, in ascending order, share
// their first depth bytes, which lead to node. It reorders ids.
func (b *trieBuilder) insert(node uint32, ids []int32, depth int) {
	ids = b.terminate(node, ids, depth)
	if len(ids) == 1 {
		b.tail(node, ids[0], depth)
		return
	}
	if len(ids) == 0 {
		return
	}
	b.sort(ids, depth)
	mark := len(b.labels)
	for i, id := range ids {
		if c := b.tokens[id][depth]; i == 0 || c != b.labels[len(b.labels)-1] {
			b.labels = append(b.labels, c)
		}
	}
	base := b.place(b.labels[mark:])
	b.units[node].base = base
	for _, label := range b.labels[mark:] {
		b.child(node, base, label)
	}
	b.labels = b.labels[:mark]

	for len(ids) > 0 {
		label, n := b.tokens[ids[0]][depth], 1
		for n < len(ids) && b.tokens[ids[n]][depth] == label {
			n++
		}
		b.insert(base^uint32(label), ids[:n], depth+1)
		ids = ids[n:]
	}
}

// terminate takes the token that ends at node out of ids.
func (b *trieBuilder) terminate(node uint32, ids []int32, depth int) []int32 {
	rest := ids
	for i, id := range ids {
		if len(b.tokens[id]) > depth {
			continue
		}
		if first := b.units[node].value; first != none && b.twice == nil {
			b.twice = &duplicateError{b.tokens[id], first, id}
		}
		b.units[node].value = id
		// Close the gap from the front, so that the others keep their order.
		copy(rest[1:], rest[:i-len(ids)+len(rest)])
		rest = rest[1:]
	}
	return rest
}

// tail places what is left of one token, a chain without branches.
func (b *trieBuilder) tail(node uint32, id int32, depth int) {
	token := b.tokens[id]
	for ; depth < len(token); depth++ {
		label := token[depth]
		if b.head == free {
			b.grow()
		}
		base := b.head ^ uint32(label)
		b.units[node].base = base
		node = b.child(node, base, label)
	}
	b.units[node].value = id
}

// sort orders ids by the byte of their token at depth, keeping the order of
// equals.
func (b *trieBuilder) sort(ids []int32, depth int) {
	if len(ids) <= 32 {
		for i := 1; i < len(ids); i++ {
			id, j := ids[i], i
			for c := b.tokens[id][depth]; j > 0 && b.tokens[ids[j-1]][depth] > c; j-- {
				ids[j] = ids[j-1]
			}
			ids[j] = id
		}
		return
	}
	var at [257]int
	for _, id := range ids {
		at[int(b.tokens[id][depth])+1]++
	}
	for i := 1; i < len(at); i++ {
		at[i] += at[i-1]
	}
	sorted := b.spare[:len(ids)]
	for _, id := range ids {
		c := b.tokens[id][depth]
		sorted[at[c]] = id
		at[c]++
	}
	copy(ids, sorted)
}

// place finds a base under which the unit of every label is free.
func (b *trieBuilder) place(labels []byte) uint32 {
	if b.head != free {
		at := b.head
		for range maxTries {
			base := at ^ uint32(labels[0])
			if b.fits(base, labels[1:]) {
				return base
			}
			if at = b.next[at]; at == b.head {
				break
			}
		}
		b.head = at // the places before this one are crowded: go on from here
	}
	fresh := uint32(len(b.units))
	b.grow()
	return fresh
}

func (b *trieBuilder) fits(base uint32, labels []byte) bool {
	for _, label := range labels {
		if b.units[base^uint32(label)].check != free {
			return false
		}
	}
	return true
}

// grow appends a block of 256 free units.
func (b *trieBuilder) grow() {
	first := uint32(len(b.units))
	for i := first; i < first+256; i++ {
		b.units = append(b.units, unit{check: free, value: none})
		b.next = append(b.next, i+1)
		b.prev = append(b.prev, i-1)
	}
	last := first + 255
	if b.head == free {
		b.head = first
		b.next[last], b.prev[first] = first, last
		return
	}
	end := b.prev[b.head]
	b.next[end], b.prev[first] = first, end
	b.next[last], b.prev[b.head] = b.head, last
}

// child takes the unit of a label for a child of node.
func (b *trieBuilder) child(node, base uint32, label byte) uint32 {
	i := base ^ uint32(label)
	b.take(i)
	b.units[i].check = node
	return i
}

// take removes a unit from the ring; it is no node's child yet.
func (b *trieBuilder) take(i uint32) {
	next, prev := b.next[i], b.prev[i]
	b.next[prev], b.prev[next] = next, prev
	if b.head == i {
		b.head = next
		if next == i {
			b.head = free
		}
	}
	b.units[i].check = orphan
}
