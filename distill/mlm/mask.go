// Package mlm pre-trains encoders by masked language modelling, alone or with a
// teacher: packing of documents, masking, the training tasks, perplexity.
package mlm

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"semdex/embed/tokenize"
	"semdex/internal/train"
)

// ErrVocabulary marks a tokenizer that lacks what masking needs.
var ErrVocabulary = errors.New("vocabulary unfit for masking")

// Masker hides tokens (Devlin et al. 2019, section 3.1): of a sequence's tokens
// that are not special it chooses a share; of those it replaces 80 % by [MASK],
// 10 % by any token, and leaves 10 % as they are. It is immutable.
type Masker struct {
	share      float64
	wholeWords bool
	mask       int32
	special    []bool
	continues  []bool // pieces that continue a word
	ordinary   []int32
}

// NewMasker makes a masker that chooses share of the tokens, .15 as a rule. With
// wholeWords all pieces of a word are chosen together. Errors wrap
// ErrVocabulary, or train.ErrConfig for a share that makes no sense.
func NewMasker(tok *tokenize.Tokenizer, share float64, wholeWords bool) (*Masker, error) {
	if !(share > 0 && share < 1) {
		return nil, fmt.Errorf("%w: masking a share of %g", train.ErrConfig, share)
	}
	m := &Masker{share: share, wholeWords: wholeWords, mask: tok.MaskID()}
	if m.mask < 0 {
		return nil, fmt.Errorf("%w: it has no [MASK]", ErrVocabulary)
	}
	m.special, m.continues = make([]bool, tok.Len()), make([]bool, tok.Len())
	for id := range int32(tok.Len()) {
		m.special[id] = tok.IsSpecial(id)
		m.continues[id] = strings.HasPrefix(tok.Token(id), "##")
		if !m.special[id] {
			m.ordinary = append(m.ordinary, id)
		}
	}
	if len(m.ordinary) == 0 {
		return nil, fmt.Errorf("%w: all tokens are special", ErrVocabulary)
	}
	return m, nil
}

// Masked is a batch with hidden tokens.
type Masked struct {
	train.Batch
	Rows    []int32 // the chosen tokens of the batch, ascending in every sequence
	Targets []int32 // what they were
}

// Append adds a sequence with tokens hidden as seed says. The number of tokens
// chosen is the share of the ordinary ones, rounded up or down at random so that
// the share is met on average; whole words may leave it short by a word.
func (m *Masker) Append(b *Masked, ids []int32, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x6d61736b))
	words := m.words(ids)
	ordinary := 0
	for _, w := range words {
		ordinary += int(w[1] - w[0])
	}
	room := int(m.share*float64(ordinary) + rng.Float64())
	rng.Shuffle(len(words), func(i, j int) { words[i], words[j] = words[j], words[i] })
	chosen := make([]bool, len(ids))
	for _, w := range words {
		n := int(w[1] - w[0])
		if n > room {
			continue
		}
		room -= n
		for i := w[0]; i < w[1]; i++ {
			chosen[i] = true
		}
	}
	first := int32(b.Tokens())
	b.Batch.Append(ids, nil)
	hidden := b.IDs[first:]
	for i, c := range chosen {
		if !c {
			continue
		}
		b.Rows, b.Targets = append(b.Rows, first+int32(i)), append(b.Targets, ids[i])
		switch u := rng.Float64(); {
		case u < 0.8:
			hidden[i] = m.mask
		case u < 0.9:
			hidden[i] = m.ordinary[rng.IntN(len(m.ordinary))]
		}
	}
}

// words are the ranges that are chosen together.
func (m *Masker) words(ids []int32) [][2]int32 {
	var words [][2]int32
	for i, id := range ids {
		at := int32(i)
		switch {
		case m.special[id]:
		case m.wholeWords && m.continues[id] && len(words) > 0 && words[len(words)-1][1] == at:
			words[len(words)-1][1]++
		default:
			words = append(words, [2]int32{at, at + 1})
		}
	}
	return words
}
