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
	countLeast  = 4 * postings.BlockSize // shorter lists are counted through in no time
	countMost   = 4096                   // terms of a segment
	countLookUp = 8                      // a look-up costs as much as to count so many postings
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

// live is how many passages of a list are not dead: those in a set, which is the
// state's.
func (d *deadCounts) live(term string, list postings.List, dead bitset) (int, error) {
	if d == nil || list.Len() < countLeast {
		return countLive(list, dead)
	}
	have := d.known.get(term)
	recent := len(d.died) - have.of
	switch {
	case recent < 0: // a later state has been asked
		return countLive(list, dead)
	case recent == 0:
		return list.Len() - have.n, nil
	case recent > list.Len()/countLookUp:
		n, err := countLive(list, dead)
		have.n = list.Len() - n
		if err != nil {
			return 0, err
		}
	default:
		n, err := countAmong(list, slices.Sorted(slices.Values(d.died[have.of:])))
		if err != nil {
			return 0, err
		}
		have.n += n
	}
	have.of = len(d.died)
	d.known.put(term, have)
	return list.Len() - have.n, nil
}

// countLive counts through a list.
func countLive(list postings.List, dead bitset) (n int, err error) {
	var room [postings.BlockSize]postings.Posting
	for b := range list.Blocks() {
		block, err := list.Block(b, room[:])
		if err != nil {
			return 0, corruptText(err)
		}
		for _, p := range block {
			if !dead.has(p.Passage) {
				n++
			}
		}
	}
	return n, nil
}

// countAmong counts those of some passages, ascending, that are in a list.
func countAmong(list postings.List, passages []uint32) (n int, err error) {
	cursor := postings.NewCursor(list)
	for _, passage := range passages {
		if err := cursor.Seek(passage); err != nil {
			return 0, corruptText(err)
		}
		if at := cursor.Rest(); len(at) > 0 && at[0].Passage == passage {
			n++
		}
	}
	return n, nil
}

func (k *knownCounts) get(term string) deadCount {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.byTerm[term]
}

func (k *knownCounts) put(term string, n deadCount) {
	k.mu.Lock()
	defer k.mu.Unlock()
	old, ok := k.byTerm[term]
	if ok && old.of >= n.of {
		return
	}
	if !ok && len(k.byTerm) >= countMost {
		clear(k.byTerm)
	}
	k.byTerm[term] = n
}
