package local

import (
	"math/bits"
	"slices"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index/local/postings"
)

// tailView is the passages that came last, as runs in memory. They are searched there
// until they are a segment, many at a time, for each costs a search as much as many
// passages do. A view is of one moment and stays as it is.
type tailView struct {
	keys []textKey // of its passages, by sequence, then position
	runs []postings.PlacedRun
	size int             // postings
	dead *roaring.Bitmap // passages that are gone; nil if none
}

// textTail is the view of now. Only the writer changes it, under the leg's lock; once
// it is on its way to bleve, only what is dead.
type textTail struct {
	tailView
	skipped *roaring.Bitmap // those of the dead that bleve was not given
	last    uint64          // sequence that the leg had when the tail was closed
}

// with is the view with passages behind the others. Of the views of one moment only
// one may grow.
func (v tailView) with(a textAddition) tailView {
	first := uint32(len(v.keys))
	v.keys = append(v.keys, a.keys...)
	v.runs = joinRuns(append(v.runs, postings.PlacedRun{Run: a.run, First: first}))
	v.size += a.run.Size()
	if len(a.gone) > 0 {
		v.dead = v.deadWith()
		for _, n := range a.gone {
			v.dead.Add(first + n)
		}
	}
	return v
}

// remove takes a passage away; false if the tail does not have it. It leaves alone what
// a flush reads beside it, without the lock.
func (t *textTail) remove(k textKey) bool {
	i, ok := slices.BinarySearchFunc(t.keys, k, textKey.compare)
	if ok {
		dead := t.deadWith()
		dead.Add(uint32(i))
		t.dead = dead
	}
	return ok
}

func (v tailView) deadWith() *roaring.Bitmap {
	if v.dead == nil {
		return roaring.New()
	}
	return v.dead.Clone()
}

// runsAlike is how many runs of about one size become one of the next. A search looks
// a term up in every run, and each passage is copied once for each size.
const runsAlike = 8

// joinRuns makes one of the last runs if they are many and none is of a larger size
// than the last. It leaves the runs given as they are.
func joinRuns(runs []postings.PlacedRun) []postings.PlacedRun {
	n := len(runs) - 1
	size := sizeClass(runs[n])
	for n > 0 && sizeClass(runs[n-1]) <= size {
		n--
	}
	if len(runs)-n < runsAlike {
		return runs
	}
	return joinRuns(append(runs[:n:n], postings.MergeRuns(runs[n:])))
}

// sizeClass grows by one where the size grows eightfold.
func sizeClass(r postings.PlacedRun) int { return (bits.Len(uint(r.Size())) + 2) / 3 }

// list returns the passages with a term.
func (v tailView) list(term string) []postings.Posting {
	found, n := make([][]postings.Posting, len(v.runs)), 0
	for i, r := range v.runs {
		found[i] = r.Find(term)
		n += len(found[i])
	}
	list := make([]postings.Posting, 0, n)
	for i, r := range v.runs {
		for _, p := range found[i] {
			p.Passage += r.First
			if v.dead == nil || !v.dead.Contains(p.Passage) {
				list = append(list, p)
			}
		}
	}
	return list
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
