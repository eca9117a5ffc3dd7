package postings

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
)

// Inverter makes a Run: it takes the terms of one passage after the other. The zero
// value is not ready; see NewInverter.
type Inverter struct {
	numbers  map[string]uint32 // of terms, as they came
	terms    []inverted
	entries  []entry // passage by passage
	passages uint32
	begin    int // of the current passage among the entries
}

// inverted is what is known of a term.
type inverted struct {
	term  string
	last  int // its last entry
	count int // of its entries; later where its list goes
}

type entry struct {
	term uint32
	Posting
}

// NewInverter returns an empty inverter.
func NewInverter() *Inverter { return &Inverter{numbers: make(map[string]uint32)} }

// Add counts a term of the current passage weight times, once at least. The term is
// kept until Run is called.
func (v *Inverter) Add(term string, weight uint32) {
	n, ok := v.numbers[term]
	if !ok {
		n = uint32(len(v.terms))
		v.numbers[term] = n
		v.terms = append(v.terms, inverted{term: term, last: -1})
	}
	t := &v.terms[n]
	if t.last >= v.begin {
		v.entries[t.last].Frequency += weight
		return
	}
	t.last = len(v.entries)
	t.count++
	v.entries = append(v.entries, entry{n, Posting{v.passages, weight}})
}

// Next ends the current passage, which may have no terms.
func (v *Inverter) Next() {
	v.passages++
	v.begin = len(v.entries)
}

// Run returns the index of the passages so far. The inverter is empty then.
func (v *Inverter) Run() *Run {
	r := &Run{ends: make([]runEnd, len(v.terms)), postings: make([]Posting, len(v.entries))}
	var text strings.Builder
	size := 0
	for _, t := range v.terms {
		size += len(t.term)
	}
	text.Grow(size)
	end := 0
	for i, n := range v.order() {
		t := &v.terms[n]
		text.WriteString(t.term)
		end, t.count = end+t.count, end
		r.ends[i] = runEnd{text.Len(), end}
	}
	r.text = text.String()
	for _, e := range v.entries {
		t := &v.terms[e.term]
		r.postings[t.count] = e.Posting
		t.count++
	}
	clear(v.numbers)
	clear(v.terms) // not to hold on to texts
	v.terms, v.entries, v.passages, v.begin = v.terms[:0], v.entries[:0], 0, 0
	return r
}

// order lists the terms in ascending order. Their first bytes mostly say which of two
// is less.
func (v *Inverter) order() []uint32 {
	type key struct {
		begin uint64
		n     uint32
	}
	keys := make([]key, len(v.terms))
	for n, t := range v.terms {
		var begin [8]byte
		copy(begin[:], t.term)
		keys[n] = key{binary.BigEndian.Uint64(begin[:]), uint32(n)}
	}
	slices.SortFunc(keys, func(a, b key) int {
		if a.begin != b.begin {
			return cmp.Compare(a.begin, b.begin)
		}
		return strings.Compare(v.terms[a.n].term, v.terms[b.n].term)
	})
	order := make([]uint32, len(keys))
	for i, k := range keys {
		order[i] = k.n
	}
	return order
}
