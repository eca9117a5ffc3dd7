package local

import (
	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
)

// series holds one ordered value for some of the documents, in order of
// document number; a condition is one pass over the values.
type series[V int64 | float64] struct {
	docs   []uint32
	values []V
}

// add appends the value of a document behind all others.
func (s *series[V]) add(doc uint32, v V) {
	s.docs = append(s.docs, doc)
	s.values = append(s.values, v)
}

// renumber returns the series of the documents that number maps, which keeps
// their order.
func (s *series[V]) renumber(number map[uint32]uint32) series[V] {
	var out series[V]
	for i, doc := range s.docs {
		if n, ok := number[doc]; ok {
			out.add(n, s.values[i])
		}
	}
	return out
}

// compare returns the documents whose value stands in that relation to want.
func (s *series[V]) compare(op index.Op, want V) *roaring.Bitmap {
	return s.where(func(v V) bool {
		switch op {
		case index.Lt:
			return v < want
		case index.Lte:
			return v <= want
		case index.Gt:
			return v > want
		case index.Gte:
			return v >= want
		}
		return v == want
	})
}

// addMembers adds the documents whose value is wanted.
func (s *series[V]) addMembers(out *roaring.Bitmap, wanted map[V]bool) {
	if len(wanted) > 0 {
		out.Or(s.where(func(v V) bool { return wanted[v] }))
	}
}

func (s *series[V]) where(accepts func(V) bool) *roaring.Bitmap {
	var docs []uint32
	for i, v := range s.values {
		if accepts(v) {
			docs = append(docs, s.docs[i])
		}
	}
	return roaring.BitmapOf(docs...)
}
