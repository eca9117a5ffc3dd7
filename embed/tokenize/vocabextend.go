package tokenize

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Append is v with more tokens behind its own, whose ids stay as they are.
// Tokens must be new and such as NewVocab takes.
func (v *Vocab) Append(tokens ...string) (*Vocab, error) {
	for _, token := range tokens {
		if id, ok := v.ID(token); ok {
			return nil, fmt.Errorf("vocabulary: token %q is there already, with id %d", token, id)
		}
	}
	if len(tokens) == 0 {
		return v, nil
	}
	more, err := NewVocab(tokens)
	if err != nil {
		return nil, err
	}
	return newVocab(slices.Concat(v.tokens, more.tokens))
}

// Spell gives the longest pieces of the vocabulary for a normalized word from
// left to right, as a tokenizer does. Where none fits it skips a character and
// goes on, and whole is false: a tokenizer gives the unknown token instead.
func (v *Vocab) Spell(word string) (ids []int32, whole bool) {
	whole = word != ""
	text := []byte(word)
	for at := 0; at < len(text); {
		root := continueRoot
		if at == 0 {
			root = startRoot
		}
		id, n := v.trie.longest(root, text[at:])
		if n == 0 {
			whole = false
			_, n = utf8.DecodeRune(text[at:])
		} else {
			ids = append(ids, id)
		}
		at += n
	}
	return ids, whole
}

// errAdded marks a tokenizer whose vocabulary cannot grow.
var errAdded = errors.New("an added token stands beyond the vocabulary")

// Extend is t with more tokens behind its vocabulary. Every token keeps its id;
// the new ones follow, so that t's ids must be those of its vocabulary alone.
// Added tokens beyond it become part of the vocabulary where that changes
// nothing: where no word can look like one.
func (t *Tokenizer) Extend(tokens ...string) (*Tokenizer, error) {
	v, err := t.complete()
	if err != nil {
		return nil, fmt.Errorf("extend tokenizer: %w", err)
	}
	if v, err = v.Append(tokens...); err != nil {
		return nil, fmt.Errorf("extend tokenizer: %w", err)
	}
	return New(v, t.config)
}

// complete is the vocabulary with a token for every added one.
func (t *Tokenizer) complete() (*Vocab, error) {
	v, split := t.vocab, NewSplitter(t.config)
	for v.Len() < t.size {
		id := int32(v.Len())
		token := t.Token(id)
		switch {
		case token == "":
			return nil, fmt.Errorf("%w, and id %d before it has none", errAdded, id)
		case strings.HasPrefix(token, continuation) || split.isWord(token):
			return nil, fmt.Errorf("%w: %q, id %d, which the vocabulary would take for a piece of words", errAdded, token, id)
		}
		var err error
		if v, err = v.Append(token); err != nil {
			return nil, err
		}
	}
	return v, nil
}
