package vector

import (
	"math"
	"slices"
)

// top keeps the k best of the hits offered: higher scores first, equal ones in
// the order of before.
type top struct {
	k      int
	before func(a, b uint32) bool
	hits   []Hit // a heap with the worst on top
}

func newTop(k int, before func(a, b uint32) bool) *top {
	return &top{k: k, before: before, hits: make([]Hit, 0, max(0, min(k, 128)))}
}

// better is the order of results.
func (t *top) better(a, b Hit) bool {
	if a.Score != b.Score {
		return a.Score > b.Score
	}
	if t.before != nil {
		return t.before(a.Row, b.Row)
	}
	return a.Row < b.Row
}

func (t *top) full() bool { return len(t.hits) >= t.k }

// wants reports whether a hit of this score may still get in.
func (t *top) wants(score float32) bool {
	return !t.full() || t.k > 0 && score >= t.hits[0].Score
}

func (t *top) offer(h Hit) {
	switch {
	case t.k <= 0:
	case len(t.hits) < t.k:
		t.hits = append(t.hits, h)
		for i := len(t.hits) - 1; i > 0; {
			parent := (i - 1) / 2
			if !t.better(t.hits[parent], t.hits[i]) {
				break
			}
			t.hits[i], t.hits[parent] = t.hits[parent], t.hits[i]
			i = parent
		}
	case t.better(h, t.hits[0]):
		t.hits[0] = h
		t.sink()
	}
}

// sink puts the top in its place.
func (t *top) sink() {
	h := t.hits
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && t.better(h[child], h[child+1]) {
			child++
		}
		if !t.better(h[i], h[child]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// sorted returns the hits, best first, and leaves the heap in that order.
func (t *top) sorted() []Hit {
	slices.SortFunc(t.hits, func(a, b Hit) int {
		switch {
		case t.better(a, b):
			return -1
		case t.better(b, a):
			return 1
		}
		return 0
	})
	return t.hits
}

// Merge returns the best k of several results, in the order of Query.Before.
func Merge(k int, before func(a, b uint32) bool, results ...[]Hit) []Hit {
	t := newTop(k, before)
	for _, r := range results {
		for _, h := range r {
			t.offer(h)
		}
	}
	return t.sorted()
}

const inf = math.MaxFloat32
