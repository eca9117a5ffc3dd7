package postings

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"
)

// Dropped is the number of a passage that a merge left out.
const Dropped = math.MaxUint64

// Source is a segment to merge, without the passages in Drop, which may be nil.
type Source struct {
	*Segment
	Drop *roaring.Bitmap
}

// Merge writes the passages of segments as one. numbers gives the new numbers of the
// passages of each. stop is asked now and then whether to give up, and why.
func Merge(w io.Writer, sources []Source, stop func() error) (numbers [][]uint64, err error) {
	keys, numbers, err := mergeKeys(sources)
	if err != nil {
		return nil, err
	}
	out, err := NewWriter(w, keys)
	if err != nil {
		return nil, err
	}
	m := merger{numbers: numbers}
	for i, s := range sources {
		c, err := s.cursor(0)
		if err != nil {
			return nil, err
		}
		m.cursors = append(m.cursors, mergeCursor{c, i})
	}
	// Segments of different times follow each other in this order, and so do a term's
	// passages.
	slices.SortStableFunc(m.cursors, func(a, b mergeCursor) int {
		return cmp.Compare(firstNumber(numbers[a.source]), firstNumber(numbers[b.source]))
	})
	if err := m.advance(slices.Clone(m.cursors)); err != nil {
		return nil, err
	}
	for n := 0; len(m.cursors) > 0; n++ {
		if n%1024 == 0 {
			if err := stop(); err != nil {
				return nil, err
			}
		}
		if err := m.term(out); err != nil {
			return nil, err
		}
	}
	return numbers, out.Close()
}

// mergeKeys numbers the passages that stay.
func mergeKeys(sources []Source) (keys []Key, numbers [][]uint64, err error) {
	numbers = make([][]uint64, len(sources))
	next := make([]int, len(sources))
	total := 0
	for i, s := range sources {
		numbers[i] = make([]uint64, s.passages)
		total += s.passages
	}
	keys = make([]Key, 0, total)
	for range total {
		least := -1
		var key Key
		for i, s := range sources {
			if next[i] == s.passages {
				continue
			}
			if k := s.Key(next[i]); least < 0 || k.Compare(key) < 0 {
				least, key = i, k
			}
		}
		n := next[least]
		next[least]++
		if drop := sources[least].Drop; drop != nil && drop.Contains(uint32(n)) {
			numbers[least][n] = Dropped
			continue
		}
		if len(keys) > 0 && keys[len(keys)-1].Compare(key) >= 0 {
			return nil, nil, fmt.Errorf("%w: key %v behind %v", ErrCorrupt, key, keys[len(keys)-1])
		}
		numbers[least][n] = uint64(len(keys))
		keys = append(keys, key)
	}
	return keys, numbers, nil
}

// firstNumber is the least new number of a source's passages.
func firstNumber(numbers []uint64) uint64 {
	for _, n := range numbers {
		if n != Dropped {
			return n
		}
	}
	return Dropped
}

type merger struct {
	numbers [][]uint64
	cursors []mergeCursor // those that have a term

	equal []mergeCursor
	word  []byte
	list  []Posting
}

type mergeCursor struct {
	*termCursor
	source int
}

// advance moves cursors on and takes out those that are at their end.
func (m *merger) advance(cursors []mergeCursor) error {
	for _, c := range cursors {
		ok, err := c.next()
		if err != nil {
			return err
		}
		if !ok {
			m.cursors = slices.DeleteFunc(m.cursors, func(o mergeCursor) bool { return o.source == c.source })
		}
	}
	return nil
}

// term writes the least of the terms.
func (m *merger) term(out *Writer) error {
	m.equal = append(m.equal[:0], m.cursors[0])
	for _, c := range m.cursors[1:] {
		switch order := bytes.Compare(c.termCursor.term, m.equal[0].termCursor.term); {
		case order < 0:
			m.equal = append(m.equal[:0], c)
		case order == 0:
			m.equal = append(m.equal, c)
		}
	}
	m.word = append(m.word[:0], m.equal[0].termCursor.term...)
	m.list = m.list[:0]
	sorted := true
	for _, c := range m.equal {
		before := len(m.list)
		if err := m.take(c); err != nil {
			return err
		}
		sorted = sorted && (before == 0 || before == len(m.list) || m.list[before-1].Passage < m.list[before].Passage)
	}
	if !sorted {
		slices.SortFunc(m.list, func(a, b Posting) int { return cmp.Compare(a.Passage, b.Passage) })
	}
	if len(m.list) > 0 {
		if err := out.Add(string(m.word), m.list); err != nil {
			return err
		}
	}
	return m.advance(m.equal)
}

// take appends the passages of a cursor's term that stay.
func (m *merger) take(c mergeCursor) error {
	l, err := c.termCursor.list()
	if err != nil {
		return err
	}
	begin := len(m.list)
	if m.list, err = l.Append(m.list); err != nil {
		return err
	}
	numbers, kept := m.numbers[c.source], m.list[:begin]
	for _, p := range m.list[begin:] {
		if n := numbers[p.Passage]; n != Dropped {
			kept = append(kept, Posting{uint32(n), p.Frequency})
		}
	}
	m.list = kept
	return nil
}
