package local

import (
	"encoding/binary"
	"math"
	"sort"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/index/local/vector"
)

// document is one version of a document, named by the sequence of its frame.
// It does not change but for its place, which compaction moves.
type document struct {
	id       string
	content  [16]byte
	sequence uint64
	frame    int // bytes of its frame
	part     int // bytes of the document part
	lengths  []uint32
	place    atomic.Pointer[location]
}

// passages is the number of the document's passages. Lengths, their numbers of
// terms, are filled in when the text leg is opened.
func (d *document) passages() int { return len(d.lengths) }

// view is a consistent state of a collection. What it refers to is only ever
// appended to behind its ends, or replaced, so a copy of the struct stays valid
// without a lock. Documents are numbers in order of sequence; passages are
// slots, those of a document side by side.
type view struct {
	docs  []*document // by number, dead ones too
	first []uint32    // slot of each document's first passage
	owner []uint32    // number of each slot's document, or noOwner
	store vector.Rows
	live  *roaring.Bitmap // numbers of current documents; never modified
	bits  *liveBits       // the same for the vector leg

	// sealed has the first slots in a graph; nil if there is none.
	sealed *sealed

	passages int    // of live documents
	terms    uint64 // in the passages of live documents
	sequence uint64 // of the last change
}

// find returns the number of the document version with that sequence.
func (v *view) find(sequence uint64) (uint32, bool) {
	i := sort.Search(len(v.docs), func(i int) bool { return v.docs[i].sequence >= sequence })
	return uint32(i), i < len(v.docs) && v.docs[i].sequence == sequence
}

// ref names a passage of a document.
func (v *view) ref(doc, ordinal uint32) index.Ref {
	return index.Ref{Document: v.docs[doc].id, Ordinal: int(ordinal)}
}

// state is what a collection holds in memory beside the text leg. Its owner is
// the writer; readers use it under the collection's lock.
type state struct {
	view
	byID    map[string]uint32
	columns columns
	fields  map[string]index.FieldKind
	dead    int // passages of dead documents that still have slots
}

func newState(dims int, fields map[string]index.FieldKind) *state {
	return &state{
		view:    view{store: vector.NewRows(dims), live: roaring.New(), bits: new(liveBits)},
		byID:    make(map[string]uint32),
		columns: make(columns),
		fields:  mergeFields(fields, nil),
	}
}

// edit makes live safe to modify; views taken before keep theirs.
func (s *state) edit() { s.live, s.bits = s.live.Clone(), new(liveBits) }

// put adds a document version, after edit, and returns the one it replaces. add
// appends its vectors.
func (s *state) put(d *document, metadata map[string]any, add func(*vector.Rows)) (old *document) {
	first := s.store.Len()
	add(&s.store)
	return s.putAt(d, metadata, first)
}

// putAt is put for a document whose vectors are there already, from slot first.
func (s *state) putAt(d *document, metadata map[string]any, first int) (old *document) {
	old = s.remove(d.id)
	number := uint32(len(s.docs))
	s.docs = append(s.docs, d)
	s.first = append(s.first, uint32(first))
	s.own(number, first, d.passages())
	s.columns.add(number, metadata)
	s.byID[d.id] = number
	s.live.Add(number)
	s.count(d, 1)
	return old
}

// own notes whose slots these are.
func (s *state) own(number uint32, first, n int) {
	for slot := first; slot < first+n; slot++ {
		if slot == len(s.owner) {
			s.owner = append(s.owner, number)
		} else {
			s.owner[slot] = number
		}
	}
}

// remove takes a document away, after edit, and returns it.
func (s *state) remove(id string) *document {
	number, ok := s.byID[id]
	if !ok {
		return nil
	}
	d := s.docs[number]
	delete(s.byID, id)
	s.live.Remove(number)
	s.count(d, -1)
	s.dead += d.passages()
	return d
}

func (s *state) count(d *document, sign int) {
	s.passages += sign * d.passages()
	for _, n := range d.lengths {
		s.terms += uint64(sign * int(n)) // wraps back for -1
	}
}

// compact returns a state without the slots of dead documents, and without a
// graph.
func (s *state) compact() *state { return s.renumber(nil) }

// renumber returns a state without dead documents. Those that a graph has come
// to lie in its slots; the slots of others follow.
func (s *state) renumber(g *sealed) *state {
	out := newState(s.store.Dims(), s.fields)
	out.sequence = s.sequence
	out.seal(g)
	number := make(map[uint32]uint32, s.live.GetCardinality())
	for it := s.live.Iterator(); it.HasNext(); {
		old := it.Next()
		d, n := s.docs[old], uint32(len(out.docs))
		number[old] = n
		out.docs = append(out.docs, d)
		first, ok := g.slot(d)
		if !ok {
			first = out.store.Len()
			for i := range d.passages() {
				out.store.Append(s.store.At(int(s.first[old]) + i))
			}
		}
		out.first = append(out.first, uint32(first))
		out.own(n, first, d.passages())
		out.byID[d.id] = n
		out.live.Add(n)
		out.count(d, 1)
	}
	out.columns = s.columns.renumber(number)
	out.dead = out.store.Len() - out.passages
	return out
}

// addEncoded appends vectors as a frame holds them.
func addEncoded(rows *vector.Rows, b []byte) {
	x := make([]float32, rows.Dims())
	for len(b) > 0 {
		if binary.LittleEndian.Uint32(b) == noVector {
			rows.Append(nil)
		} else {
			for i := range x {
				x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
			rows.Append(x)
		}
		b = b[4*len(x):]
	}
}

// noOwner marks a row whose document is gone for good.
const noOwner = math.MaxUint32
