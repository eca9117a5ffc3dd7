package local

import (
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index/local/postings"
)

// deadCounts says of a segment's frequent terms how many of their passages are dead.
// BM25 asks for it with every search, and between two searches only few die: only
// these are looked up. It is the state of one moment; later ones share what is known.
type deadCounts struct {
	died  []uint32 // in the order in which they were seen to have died
	known *knownCounts
}

type knownCounts struct {
	mu     sync.Mutex
	byTerm map[string]deadCount
}

// deadCount is how many of the first passages that died have a term.
type deadCount struct{ n, of int }

// The bounds of deadCounts.
const (
	countLeast = 4 * postings.BlockSize // shorter lists are counted through in no time
	countMost  = 4096                   // terms of a segment
)

func newDeadCounts() *deadCounts {
	return &deadCounts{known: &knownCounts{byTerm: make(map[string]deadCount)}}
}

// after is the state in which other passages are dead, or nil if it is an earlier one.
func (d *deadCounts) after(before, now *roaring.Bitmap) *deadCounts {
	if before == nil {
		before = roaring.New()
	}
	if now == nil {
		now = roaring.New()
	}
	if before.AndCardinality(now) < before.GetCardinality() {
		return nil
	}
	return &deadCounts{append(d.died, roaring.AndNot(now, before).ToArray()...), d.known}
}

// of is how many dead passages a list has; ok is false if it is not known for less
// than counting them.
func (d *deadCounts) of(term string, list postings.List) (n int, ok bool, err error) {
	if d == nil || list.Len() < countLeast {
		return 0, false, nil
	}
	d.known.mu.Lock()
	have := d.known.byTerm[term]
	d.known.mu.Unlock()
	if have.of > len(d.died) { // a later state has been asked
		return 0, false, nil
	}
	recent := slices.Sorted(slices.Values(d.died[have.of:]))
	cursor := postings.NewCursor(list)
	for _, passage := range recent {
		if err := cursor.Seek(passage); err != nil {
			return 0, false, corruptText(err)
		}
		if at := cursor.Rest(); len(at) > 0 && at[0].Passage == passage {
			have.n++
		}
	}
	have.of = len(d.died)
	if len(recent) > 0 {
		d.known.put(term, have)
	}
	return have.n, true, nil
}

func (k *knownCounts) put(term string, n deadCount) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old, ok := k.byTerm[term]; ok && old.of >= n.of {
		return
	}
	if len(k.byTerm) >= countMost {
		clear(k.byTerm)
	}
	k.byTerm[term] = n
}
