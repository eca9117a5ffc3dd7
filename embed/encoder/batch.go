package encoder

import (
	"errors"
	"fmt"
)

// ErrBatch marks a batch that does not fit the model: an id outside the
// vocabulary, a sentence longer than the model's positions, broken offsets.
var ErrBatch = errors.New("invalid batch")

// Batch is a ragged batch: the tokens of all sentences one after another,
// without padding. Its zero value is an empty batch to Append to.
type Batch struct {
	IDs []int32 // [tokens]
	// Types are the token types (segments), [tokens]; nil means all 0.
	Types []int32
	// Offsets has one entry more than there are sentences: sentence i is the
	// tokens from Offsets[i] to Offsets[i+1]. It starts with 0.
	Offsets []int32
}

// Len is the number of sentences.
func (b *Batch) Len() int { return max(0, len(b.Offsets)-1) }

// Tokens is the number of tokens.
func (b *Batch) Tokens() int { return len(b.IDs) }

// Append adds a sentence of token type 0 and keeps a copy of ids. It must not
// be mixed with Types set by hand.
func (b *Batch) Append(ids []int32) {
	if len(b.Offsets) == 0 {
		b.Offsets = append(b.Offsets, 0)
	}
	b.IDs = append(b.IDs, ids...)
	b.Offsets = append(b.Offsets, int32(len(b.IDs)))
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.IDs, b.Offsets = b.IDs[:0], b.Offsets[:0]
	b.Types = nil
}

// sentence is the ids and types of sentence i; types may be nil.
func (b *Batch) sentence(i int) (ids, types []int32) {
	lo, hi := b.Offsets[i], b.Offsets[i+1]
	if b.Types != nil {
		types = b.Types[lo:hi]
	}
	return b.IDs[lo:hi], types
}

// limits are the bounds that a model puts on a batch; 0 positions: no limit.
type limits struct{ vocab, types, positions int }

// check reports the first entry of b outside l. An encoder calls it before any
// work, so that its loops need no checks of their own.
func (b *Batch) check(l limits) error {
	if len(b.Offsets) == 0 {
		if len(b.IDs) > 0 {
			return fmt.Errorf("%w: %d tokens without offsets", ErrBatch, len(b.IDs))
		}
		return nil
	}
	if b.Offsets[0] != 0 || int(b.Offsets[b.Len()]) != len(b.IDs) {
		return fmt.Errorf("%w: offsets run from %d to %d over %d tokens",
			ErrBatch, b.Offsets[0], b.Offsets[b.Len()], len(b.IDs))
	}
	if b.Types != nil && len(b.Types) != len(b.IDs) {
		return fmt.Errorf("%w: %d token types for %d tokens", ErrBatch, len(b.Types), len(b.IDs))
	}
	for i := range b.Len() {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		if hi < lo || int(hi) > len(b.IDs) {
			return fmt.Errorf("%w: sentence %d runs from token %d to %d", ErrBatch, i, lo, hi)
		}
		if n := int(hi - lo); l.positions > 0 && n > l.positions {
			return fmt.Errorf("%w: sentence %d has %d tokens, the model has %d positions",
				ErrBatch, i, n, l.positions)
		}
	}
	return b.checkIDs(l)
}

// checkRanges reports ranges that are no parts of the batch's sentences, and
// counts them.
func (b *Batch) checkRanges(ranges [][]Range) (n int, err error) {
	if len(ranges) != b.Len() {
		return 0, fmt.Errorf("%w: ranges of %d sentences for %d", ErrBatch, len(ranges), b.Len())
	}
	for i, parts := range ranges {
		tokens := b.Offsets[i+1] - b.Offsets[i]
		for _, r := range parts {
			if r.Start < 0 || r.End < r.Start || r.End > tokens {
				return 0, fmt.Errorf("%w: range %d to %d of sentence %d, which has %d tokens", ErrBatch, r.Start, r.End, i, tokens)
			}
		}
		n += len(parts)
	}
	return n, nil
}

func (b *Batch) checkIDs(l limits) error {
	for t, id := range b.IDs {
		if uint(id) >= uint(l.vocab) {
			return fmt.Errorf("%w: token %d has id %d, the vocabulary has %d entries",
				ErrBatch, t, id, l.vocab)
		}
	}
	if l.types == 0 {
		return nil // the model ignores token types
	}
	for t, typ := range b.Types {
		if uint(typ) >= uint(l.types) {
			return fmt.Errorf("%w: token %d has type %d, the model has %d", ErrBatch, t, typ, l.types)
		}
	}
	return nil
}
