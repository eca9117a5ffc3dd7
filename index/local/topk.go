package local

import (
	"container/heap"
	"slices"

	"semdex/index"
)

// scored is a passage on its way to the top.
type scored struct {
	score   float64
	doc     uint32
	ordinal uint32
}

// topK keeps the k best passages of those offered: higher scores first, equal
// ones in order of reference.
type topK struct {
	view *view
	k    int
	heap []scored // the worst is on top
}

func newTopK(v *view, k int) *topK { return &topK{view: v, k: k} }

// better is the order of results.
func (t *topK) better(a, b scored) bool {
	if a.score != b.score {
		return a.score > b.score
	}
	return t.view.ref(a.doc, a.ordinal).Less(t.view.ref(b.doc, b.ordinal))
}

// wants reports whether a passage of this score may still get in.
func (t *topK) wants(score float64) bool {
	return len(t.heap) < t.k || t.k > 0 && score >= t.heap[0].score
}

func (t *topK) offer(s scored) {
	switch {
	case len(t.heap) < t.k:
		heap.Push(t, s)
	case t.k > 0 && t.better(s, t.heap[0]):
		t.heap[0] = s
		heap.Fix(t, 0)
	}
}

// candidates returns the best n, best first; more says that there were others.
func (t *topK) candidates(n int) (out []index.Candidate, more bool) {
	slices.SortFunc(t.heap, func(a, b scored) int {
		if t.better(a, b) {
			return -1
		}
		return 1
	})
	n = min(n, len(t.heap))
	out = make([]index.Candidate, n)
	for i, s := range t.heap[:n] {
		out[i] = index.Candidate{Ref: t.view.ref(s.doc, s.ordinal), Score: s.score}
	}
	return out, n < len(t.heap)
}

// heap.Interface

func (t *topK) Len() int           { return len(t.heap) }
func (t *topK) Less(i, j int) bool { return t.better(t.heap[j], t.heap[i]) }
func (t *topK) Swap(i, j int)      { t.heap[i], t.heap[j] = t.heap[j], t.heap[i] }
func (t *topK) Push(x any)         { t.heap = append(t.heap, x.(scored)) }
func (t *topK) Pop() any {
	last := t.heap[len(t.heap)-1]
	t.heap = t.heap[:len(t.heap)-1]
	return last
}
