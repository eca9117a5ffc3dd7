package wordpiece

import (
	"context"
	"fmt"
	"slices"

	"semdex/embed/tokenize"
)

// Options of Train. The zero value of a count stands for 1: everything that
// occurs.
type Options struct {
	Size      int   // tokens of the vocabulary, all of those below included
	Unused    int   // tokens [unused0], [unused1], ... for later use
	MinChar   int64 // a character that occurs less often is left out of the alphabet
	MinHangul int64 // the same for Hangul syllables, whose tail is long and worth keeping
	MinWord   int64 // words that occur less often form no pieces
	MinPair   int64 // pairs that occur less often are not joined; 0 stands for 2
}

// Result is a trained vocabulary.
type Result struct {
	Vocab    *tokenize.Vocab
	Alphabet int   // different characters it can spell
	Left     int   // different characters of the corpus that were left out
	Joined   int   // pieces made by joining
	LastPair int64 // how often the last pair that was joined occurs
}

// specials come first, in the order of BERT's own vocabularies.
var specials = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

const continuation = "##"

// Train makes a vocabulary: special tokens, unused ones, ASCII punctuation, the
// corpus's characters and their continuations by frequency, then joined pieces
// in the order of joining. Characters that are always a word of their own have
// no continuation. It is smaller than asked if the corpus has no more pairs.
// Errors wrap ErrCorpus or are ctx's.
func Train(ctx context.Context, c *Counts, o Options) (*Result, error) {
	if o.MinPair <= 0 {
		o.MinPair = 2
	}
	a := newAlphabet(c, o)
	tokens := slices.Clone(specials)
	for i := range o.Unused {
		tokens = append(tokens, fmt.Sprintf("[unused%d]", i))
	}
	tokens = append(tokens, a.tokens()...)
	if len(tokens) > o.Size {
		return nil, fmt.Errorf("%w: its alphabet takes %d tokens, more than a vocabulary of %d has; leave rare characters out or ask for more tokens",
			ErrCorpus, len(tokens), o.Size)
	}
	m := newMerger(c, a, max(1, o.MinWord))
	r := &Result{Alphabet: len(a.chars), Left: a.left}
	for len(tokens) < o.Size {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		piece, count, fresh := m.join()
		if count < o.MinPair {
			break
		}
		r.LastPair = count
		if fresh {
			tokens = append(tokens, piece)
			r.Joined++
		}
	}
	var err error
	if r.Vocab, err = tokenize.NewVocab(tokens); err != nil {
		return nil, fmt.Errorf("trained %w", err)
	}
	return r, nil
}

// alphabet is the set of characters that a vocabulary can spell.
type alphabet struct {
	split *tokenize.Splitter
	chars []word // the text is one character; ASCII punctuation first, then by frequency
	has   map[rune]bool
	left  int
}

func newAlphabet(c *Counts, o Options) *alphabet {
	a := &alphabet{split: tokenize.NewSplitter(c.config), has: make(map[rune]bool)}
	counts := make(map[rune]int64)
	for text, n := range c.words {
		for _, r := range text {
			counts[r] += n
		}
	}
	for r := '!'; r <= '~'; r++ {
		if a.split.Alone(r) {
			a.add(r, counts[r])
		}
	}
	punctuation := len(a.chars)
	for r, n := range counts {
		least := o.MinChar
		if tokenize.IsHangul(r) {
			least = o.MinHangul
		}
		switch {
		case a.has[r]:
		case n < least:
			a.left++
		default:
			a.add(r, n)
		}
	}
	slices.SortFunc(a.chars[punctuation:], byCount)
	return a
}

func (a *alphabet) add(r rune, n int64) {
	a.has[r] = true
	a.chars = append(a.chars, word{string(r), n})
}

// tokens are the characters, then the continuations.
func (a *alphabet) tokens() []string {
	var list []string
	for _, c := range a.chars {
		list = append(list, c.text)
	}
	for _, c := range a.chars {
		if !a.split.Alone([]rune(c.text)[0]) {
			list = append(list, continuation+c.text)
		}
	}
	return list
}

// spells says whether all characters of a word are in the alphabet.
func (a *alphabet) spells(text string) bool {
	for _, r := range text {
		if !a.has[r] {
			return false
		}
	}
	return true
}
