package train

import (
	"errors"
	"fmt"
)

// ErrBatch marks input that does not fit the model: an id outside the
// vocabulary, a sentence longer than the positions, a target without a class.
var ErrBatch = errors.New("invalid batch")

// Batch is a ragged batch: the tokens of all sentences one after another. It
// converts to the encoder package's Batch and back.
type Batch struct {
	IDs     []int32 // [tokens]
	Types   []int32 // [tokens] token types (segments); nil: all 0
	Offsets []int32 // sentence i is the tokens from Offsets[i] to Offsets[i+1]
}

// Len is the number of sentences.
func (b *Batch) Len() int { return max(0, len(b.Offsets)-1) }

// Tokens is the number of tokens.
func (b *Batch) Tokens() int { return len(b.IDs) }

// Append adds a sentence and keeps a copy. Types is nil for token type 0, which
// then holds for the whole batch.
func (b *Batch) Append(ids, types []int32) {
	if len(b.Offsets) == 0 {
		b.Offsets = append(b.Offsets, 0)
	}
	b.IDs = append(b.IDs, ids...)
	b.Types = append(b.Types, types...)
	b.Offsets = append(b.Offsets, int32(len(b.IDs)))
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.IDs, b.Types, b.Offsets = b.IDs[:0], b.Types[:0], b.Offsets[:0]
}

// Check verifies that the batch fits a model. Errors wrap ErrBatch. Encoder
// calls it before it builds a graph.
func (b *Batch) Check(c *Config) error {
	if len(b.Offsets) < 2 || b.Offsets[0] != 0 || int(b.Offsets[b.Len()]) != len(b.IDs) {
		return fmt.Errorf("%w: %d offsets over %d tokens", ErrBatch, len(b.Offsets), len(b.IDs))
	}
	if len(b.Types) != 0 && len(b.Types) != len(b.IDs) {
		return fmt.Errorf("%w: %d token types for %d tokens", ErrBatch, len(b.Types), len(b.IDs))
	}
	for i := range b.Len() {
		n := int(b.Offsets[i+1]) - int(b.Offsets[i])
		if n < 1 {
			return fmt.Errorf("%w: sentence %d has no tokens", ErrBatch, i)
		}
		if n > c.MaxPositions {
			return fmt.Errorf("%w: sentence %d has %d tokens, the model has %d positions", ErrBatch, i, n, c.MaxPositions)
		}
	}
	for t, id := range b.IDs {
		if uint(id) >= uint(c.VocabSize) {
			return fmt.Errorf("%w: token %d has id %d, the vocabulary has %d entries", ErrBatch, t, id, c.VocabSize)
		}
	}
	if c.TypeVocabSize > 0 {
		for t, typ := range b.Types {
			if uint(typ) >= uint(c.TypeVocabSize) {
				return fmt.Errorf("%w: token %d has type %d, the model has %d", ErrBatch, t, typ, c.TypeVocabSize)
			}
		}
	}
	return nil
}

// positions is the position of every token in its sentence.
func (b *Batch) positions() []int32 {
	p := make([]int32, len(b.IDs))
	for i := range b.Len() {
		for j := range p[b.Offsets[i]:b.Offsets[i+1]] {
			p[int(b.Offsets[i])+j] = int32(j)
		}
	}
	return p
}
