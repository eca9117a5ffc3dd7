package local

import (
	"encoding/binary"
	"math"
	"sort"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
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
	store vectors
	live  *roaring.Bitmap // numbers of current documents; never modified

	passages int    // of live documents
	terms    uint64 // in the passages of live documents
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
		view:    view{store: vectors{dims: dims}, live: roaring.New()},
		byID:    make(map[string]uint32),
		columns: make(columns),
		fields:  mergeFields(fields, nil),
	}
}

// edit makes live safe to modify; views taken before keep theirs.
func (s *state) edit() { s.live = s.live.Clone() }

// put adds a document version, after edit, and returns the one it replaces.
func (s *state) put(d *document, metadata map[string]any, add func(*vectors)) (old *document) {
	old = s.remove(d.id)
	number := uint32(len(s.docs))
	s.docs = append(s.docs, d)
	s.first = append(s.first, uint32(s.store.count))
	add(&s.store)
	s.columns.add(number, metadata)
	s.byID[d.id] = number
	s.live.Add(number)
	s.count(d, 1)
	return old
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

// compact returns a state without the slots of dead documents.
func (s *state) compact() *state {
	out := newState(s.store.dims, s.fields)
	number := make(map[uint32]uint32, s.live.GetCardinality())
	for it := s.live.Iterator(); it.HasNext(); {
		old := it.Next()
		d, n := s.docs[old], uint32(len(out.docs))
		number[old] = n
		out.docs = append(out.docs, d)
		out.first = append(out.first, uint32(out.store.count))
		for i := range d.passages() {
			out.store.add(s.store.at(int(s.first[old]) + i))
		}
		out.byID[d.id] = n
		out.live.Add(n)
		out.count(d, 1)
	}
	out.columns = s.columns.renumber(number)
	return out
}

// vectors are stored in blocks of fixed size, so that adding some never moves
// the others under a reader.
type vectors struct {
	dims   int
	count  int
	blocks [][]float32
}

const blockVectors = 256

func (v *vectors) at(slot int) []float32 {
	b, i := v.blocks[slot/blockVectors], slot%blockVectors*v.dims
	return b[i : i+v.dims : i+v.dims]
}

// slot appends room for one vector.
func (v *vectors) slot() []float32 {
	if v.count == len(v.blocks)*blockVectors {
		v.blocks = append(v.blocks, make([]float32, blockVectors*v.dims))
	}
	v.count++
	return v.at(v.count - 1)
}

// add appends a vector; nil, for a passage without one, is stored as zeros.
func (v *vectors) add(x []float32) { copy(v.slot(), x) }

// missing reports whether the passage of a slot has no vector.
func (v *vectors) missing(slot int) bool {
	for _, x := range v.at(slot) {
		if x != 0 {
			return false
		}
	}
	return true
}

// addEncoded appends vectors as a frame holds them.
func (v *vectors) addEncoded(b []byte) {
	for len(b) > 0 {
		x := v.slot()
		if binary.LittleEndian.Uint32(b) != noVector {
			for i := range x {
				x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
			}
		}
		b = b[4*len(x):]
	}
}
