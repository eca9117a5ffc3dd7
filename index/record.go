package index

import (
	"fmt"
	"math"
	"unicode/utf8"
)

// CheckRecord reports what keeps a record from being stored in a collection of
// dims-valued vectors: ErrInvalidDocument for the document itself, no passages,
// or passages that are not stretches of its text in order; ErrInvalidVector for
// a passage's vector, which may be nil. Engines call it before they write
// anything.
func CheckRecord(r Record, dims int) error {
	if err := CheckDocument(r.Document); err != nil {
		return err
	}
	if len(r.Passages) == 0 {
		return fmt.Errorf("%w: document %q has no passages", ErrInvalidDocument, r.ID)
	}
	runes, last := utf8.RuneCountInString(r.Text), 0
	for i, p := range r.Passages {
		if p.Start < last || p.End < p.Start || p.End > runes {
			return fmt.Errorf("%w: passage %d of document %q spans %d to %d in a text of %d runes", ErrInvalidDocument, i, r.ID, p.Start, p.End, runes)
		}
		last = p.Start
		if p.Vector == nil {
			continue
		}
		if err := CheckVector(p.Vector, dims); err != nil {
			return fmt.Errorf("passage %d of document %q: %w", i, r.ID, err)
		}
	}
	return nil
}

// CheckVector reports ErrInvalidVector unless v has dims finite values, not all
// of them zero.
func CheckVector(v []float32, dims int) error {
	if len(v) != dims {
		return fmt.Errorf("%w: it has %d values, the collection %d", ErrInvalidVector, len(v), dims)
	}
	var sum float64
	for i, x := range v {
		f := float64(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%w: value %d is %v", ErrInvalidVector, i, x)
		}
		sum += f * f
	}
	if sum == 0 {
		return fmt.Errorf("%w: all values are zero", ErrInvalidVector)
	}
	return nil
}
