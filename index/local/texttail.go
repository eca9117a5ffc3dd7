package local

import (
	"slices"
	"sort"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index/local/postings"
)

// textTail has the passages that came last, as an inverted index in memory. They
// are searched there until they are a segment, many at a time, for each costs a
// search as much as many passages do. Only the writer changes a tail, under the leg's
// lock; what a tailView has of it stays as it is.
type textTail struct {
	keys    []textKey // of its passages, by sequence, then position
	terms   map[string]*tailTerm
	size    int             // postings
	dead    *roaring.Bitmap // passages that are gone, replaced as a whole; nil if none
	skipped *roaring.Bitmap // those of them that bleve was not given
	last    uint64          // sequence that the leg had when the tail was closed
}

// tailTerm is the passages of a tail that have a term.
type tailTerm struct{ list []postings.Posting }

func newTextTail() *textTail { return &textTail{terms: make(map[string]*tailTerm)} }

func (t *textTail) add(a textAddition) {
	n := uint32(len(t.keys))
	t.keys = append(t.keys, a.key)
	for _, c := range a.terms.counts {
		term, ok := t.terms[c.term]
		if !ok {
			term = new(tailTerm)
			t.terms[strings.Clone(c.term)] = term // it may be a piece of a whole text
		}
		term.list = append(term.list, postings.Posting{Passage: n, Frequency: c.count})
	}
	t.size += len(a.terms.counts)
}

// The sizes of tails. One that reaches the leg's number of passages, or this
// number of postings, goes to bleve. While another is still on its way there it
// may grow to several times of that, so that the busier the writers are, the more
// passages bleve gets at once; then they wait.
const (
	tailPostings = 1 << 20
	tailGrowth   = 4 // in passages
	mostPostings = 3 << 20
)

// full says that the tail should go to bleve.
func (t *textTail) full(passages int) bool {
	return len(t.keys) >= passages || t.size >= tailPostings
}

// brimful says that the tail can take no more.
func (t *textTail) brimful(passages int) bool {
	return len(t.keys) >= tailGrowth*passages || t.size >= mostPostings
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
func (v *tailView) list(term string) []postings.Posting {
	v.leg.tailMu.RLock()
	var list []postings.Posting
	if t := v.tail.terms[term]; t != nil {
		list = t.list
	}
	v.leg.tailMu.RUnlock()
	n := sort.Search(len(list), func(i int) bool { return int(list[i].Passage) >= len(v.keys) })
	list = list[:n:n]
	if v.dead == nil {
		return list
	}
	gone := func(p postings.Posting) bool { return v.dead.Contains(p.Passage) }
	if slices.ContainsFunc(list, gone) {
		list = slices.DeleteFunc(slices.Clone(list), gone)
	}
	return list
}
