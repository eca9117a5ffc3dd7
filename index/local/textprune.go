package local

import (
	"cmp"
	"math/bits"
	"slices"
	"sync"

	"semdex/index/local/postings"
)

// The passages of a segment are searched in windows of this many.
const window = 4096

// promising offers the passages of a segment that may come in, without a look at
// most of the others (MaxScore: Turtle and Flood, Query Evaluation: Strategies and
// Optimizations, 1995). In every window the terms that could not bring a passage in
// by themselves are set aside; those that are left find the candidates, and only
// these are looked up in the lists set aside, as long as they may come in.
func (s *textSearch) promising(i int) error {
	piece := &s.pieces[i]
	lists := make([]*termWindows, 0, len(s.lists[i]))
	for _, l := range s.lists[i] {
		t, err := s.newTermWindows(l, piece.keys)
		if err != nil {
			return err
		}
		lists = append(lists, t)
	}
	w := windowPool.Get().(*promisingWindow)
	w.search, w.piece, w.rest = s, piece, append(w.rest[:0], make([]float64, len(lists)+1)...)
	for n := range (len(piece.keys) + window - 1) / window {
		slices.SortFunc(lists, func(a, b *termWindows) int { return cmp.Compare(a.most[n], b.most[n]) })
		if err := w.offer(n, lists); err != nil {
			return err
		}
	}
	w.search, w.piece = nil, nil
	windowPool.Put(w)
	return nil
}

// termWindows walks through a term's list window by window.
type termWindows struct {
	*postings.Cursor
	weight float64
	most   []float64 // what the term can bring in each window
}

func (s *textSearch) newTermWindows(l weightedList, keys []textKey) (*termWindows, error) {
	t := &termWindows{postings.NewCursor(l.packed), l.weight, make([]float64, (len(keys)+window-1)/window)}
	if l.packed.Blocks() == 1 {
		if err := t.Seek(0); err != nil {
			return nil, corruptText(err)
		}
		for _, p := range t.Rest() {
			most := &t.most[p.Passage/window]
			*most = max(*most, s.partial(l.weight, float64(p.Frequency), keys[p.Passage].length))
		}
		return t, nil
	}
	begin := 0
	for b := range l.packed.Blocks() {
		bound := l.packed.Bound(b).Max(func(tf float64, length uint32) float64 { return s.partial(l.weight, tf, length) })
		last := int(l.packed.Last(b))
		if last >= len(keys) {
			return nil, errBeyond
		}
		for n := begin / window; n <= last/window; n++ {
			t.most[n] = max(t.most[n], bound)
		}
		begin = last + 1
	}
	return t, nil
}

// windowPool holds windows without scores.
var windowPool = sync.Pool{New: func() any { return new(promisingWindow) }}

// promisingWindow is the room for one window's scores.
type promisingWindow struct {
	search *textSearch
	piece  *textPiece

	scores [window]float64
	found  [window / 64]uint64 // passages with a score
	rest   []float64           // what the first lists can bring together
}

// offer offers the passages of a window that may come in; the lists ascend by what
// they can bring there.
func (w *promisingWindow) offer(n int, lists []*termWindows) error {
	aside := 0 // lists
	for i, l := range lists {
		w.rest[i+1] = w.rest[i] + l.most[n]
		if w.rest[i+1] <= 0 || !w.search.best.wants(w.rest[i+1]) {
			aside = i + 1
		}
	}
	if aside == len(lists) {
		return nil
	}
	first := uint32(n * window)
	for _, l := range lists[aside:] {
		if err := w.add(l, first); err != nil {
			return err
		}
	}
	for i, set := range w.found {
		for ; set != 0; set &= set - 1 {
			at := i*64 + bits.TrailingZeros64(set)
			score := w.scores[at]
			w.scores[at] = 0
			if err := w.candidate(first+uint32(at), score, lists[:aside]); err != nil {
				return err
			}
		}
		w.found[i] = 0
	}
	return nil
}

// add adds what a term brings in the window that begins at a passage.
func (w *promisingWindow) add(l *termWindows, first uint32) error {
	keys := w.piece.keys[first:min(int(first)+window, len(w.piece.keys))]
	for at := first; ; {
		if err := l.Seek(at); err != nil {
			return corruptText(err)
		}
		block := l.Rest()
		if len(block) == 0 {
			return nil
		}
		for i, p := range block {
			at := p.Passage - first
			if at >= uint32(len(keys)) {
				l.Pass(i)
				return nil
			}
			w.scores[at] += w.search.partial(l.weight, float64(p.Frequency), keys[at].length)
			w.found[at/64] |= 1 << (at % 64)
		}
		at = block[len(block)-1].Passage + 1
	}
}

// candidate adds what the lists set aside bring and offers the passage, as long as
// it may come in.
func (w *promisingWindow) candidate(passage uint32, score float64, aside []*termWindows) error {
	s, key := w.search, w.piece.keys[passage]
	if !s.best.wants(score+w.rest[len(aside)]) || key.sequence > w.piece.limit || w.piece.dead.has(passage) {
		return nil
	}
	for i := len(aside) - 1; i >= 0; i-- {
		l := aside[i]
		if err := l.Seek(passage); err != nil {
			return corruptText(err)
		}
		if at := l.Rest(); len(at) > 0 && at[0].Passage == passage {
			score += s.partial(l.weight, float64(at[0].Frequency), key.length)
		}
		if !s.best.wants(score + w.rest[i]) {
			return nil
		}
	}
	if score <= 0 {
		return nil
	}
	s.examined++
	if doc, ok := s.find(key); ok {
		s.best.offer(scored{score, doc, key.ordinal})
	}
	return nil
}
