package local

import (
	"slices"
	"sort"

	"github.com/RoaringBitmap/roaring/v2"
)

// textTail has the passages that came last, as an inverted index in memory. They
// are searched there until bleve has taken them, many at a time, for it is slow
// with few. Only the writer changes a tail, under the leg's lock; what a
// tailView has of it stays as it is.
type textTail struct {
	added    []textAddition // by sequence, then position
	keys     []textKey      // of them
	postings map[string][]tailPosting
	size     int             // postings
	dead     *roaring.Bitmap // passages that are gone, replaced as a whole; nil if none
	skipped  *roaring.Bitmap // those of them that bleve was not given
	last     uint64          // sequence that the leg had when the tail was closed
}

// tailPosting is a passage with a term, and how often it has it.
type tailPosting struct {
	passage   uint32
	frequency uint32
}

// maxTailPostings bounds a tail of long passages.
const maxTailPostings = 1 << 20

func newTextTail() *textTail { return &textTail{postings: make(map[string][]tailPosting)} }

func (t *textTail) add(a textAddition) {
	n := uint32(len(t.keys))
	t.added, t.keys = append(t.added, a), append(t.keys, a.key)
	for _, c := range a.terms.counts {
		t.postings[c.term] = append(t.postings[c.term], tailPosting{n, c.count})
	}
	t.size += len(a.terms.counts)
}

// remove takes a passage away; false if the tail does not have it.
func (t *textTail) remove(k textKey) bool {
	i, ok := slices.BinarySearchFunc(t.keys, k, textKey.compare)
	if !ok {
		return false
	}
	dead := roaring.New()
	if t.dead != nil {
		dead = t.dead.Clone()
	}
	dead.Add(uint32(i))
	t.dead = dead
	return true
}

// tailView is a tail as it was at one moment.
type tailView struct {
	leg  *textLeg
	tail *textTail
	keys []textKey
	dead *roaring.Bitmap
}

// list returns the passages with a term.
func (v *tailView) list(term string) []tailPosting {
	v.leg.tailMu.RLock()
	list := v.tail.postings[term]
	v.leg.tailMu.RUnlock()
	n := sort.Search(len(list), func(i int) bool { return int(list[i].passage) >= len(v.keys) })
	list = list[:n:n]
	if v.dead == nil {
		return list
	}
	gone := func(p tailPosting) bool { return v.dead.Contains(p.passage) }
	if slices.ContainsFunc(list, gone) {
		list = slices.DeleteFunc(slices.Clone(list), gone)
	}
	return list
}
