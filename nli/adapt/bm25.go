package adapt

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
)

// bm25 is an index of texts by their tokens (Robertson and Zaragoza 2009). It is
// for mining alone: what is measured goes through the engine that serves.
type bm25 struct {
	lists   [][]posting // by token
	lengths []float64   // of texts, over their mean
}

// posting is a text and how often the token occurs in it. Lists are in the order
// of texts.
type posting struct {
	text  int32
	count float32
}

// The usual constants: how soon repetition stops to count, and how much length
// does.
const (
	bm25K = 1.2
	bm25B = 0.75
)

func newBM25(texts [][]int32) *bm25 {
	x := &bm25{lengths: make([]float64, len(texts))}
	total := 0
	var sorted []int32
	for i, ids := range texts {
		total += len(ids)
		sorted = append(sorted[:0], ids...)
		slices.Sort(sorted)
		for from := 0; from < len(sorted); {
			to := from + 1
			for to < len(sorted) && sorted[to] == sorted[from] {
				to++
			}
			id := int(sorted[from])
			if id >= len(x.lists) {
				x.lists = append(x.lists, make([][]posting, id+1-len(x.lists))...)
			}
			x.lists[id] = append(x.lists[id], posting{int32(i), float32(to - from)})
			from = to
		}
	}
	mean := max(1, float64(total)/float64(max(1, len(texts))))
	for i, ids := range texts {
		x.lengths[i] = float64(len(ids)) / mean
	}
	return x
}

// idf weighs a token that n texts hold.
func (x *bm25) idf(n int) float64 {
	return math.Log(1 + (float64(len(x.lengths))-float64(n)+.5)/(float64(n)+.5))
}

// weight is what one token's occurrences in a text add to its score.
func (x *bm25) weight(idf float64, p posting) float64 {
	tf := float64(p.count)
	return idf * tf * (bm25K + 1) / (tf + bm25K*(1-bm25B+bm25B*x.lengths[p.text]))
}

// of is what a token adds to the score of one text.
func (x *bm25) of(id, text int32) float64 {
	if int(id) >= len(x.lists) {
		return 0
	}
	list := x.lists[id]
	i, found := slices.BinarySearchFunc(list, text, func(p posting, t int32) int { return cmp.Compare(p.text, t) })
	if !found {
		return 0
	}
	return x.weight(x.idf(len(list)), list[i])
}

// scorer scores all texts for one query at a time. Goroutines need their own.
type scorer struct {
	*bm25
	scores  []float64
	touched []int32
}

func (x *bm25) scorer() *scorer { return &scorer{bm25: x, scores: make([]float64, len(x.lengths))} }

// score leaves the scores of a query in s.scores, until the next call.
func (s *scorer) score(query []int32) {
	for _, i := range s.touched {
		s.scores[i] = 0
	}
	s.touched = s.touched[:0]
	for _, id := range query {
		if int(id) >= len(s.lists) {
			continue
		}
		list := s.lists[id]
		idf := s.idf(len(list))
		for _, p := range list {
			if s.scores[p.text] == 0 {
				s.touched = append(s.touched, p.text)
			}
			s.scores[p.text] += s.weight(idf, p)
		}
	}
}

// best are the k texts with the highest scores among those that may be, the best
// first; ties go to the first text.
func (s *scorer) best(k int, may func(text int32) bool) []int32 {
	var out []int32
	before := func(a, b int32) bool {
		return s.scores[a] > s.scores[b] || s.scores[a] == s.scores[b] && a < b
	}
	for _, i := range s.touched {
		if len(out) == k && !before(i, out[k-1]) || !may(i) {
			continue
		}
		at := len(out)
		for at > 0 && before(i, out[at-1]) {
			at--
		}
		out = slices.Insert(out, at, i)
		out = out[:min(len(out), k)]
	}
	return out
}

// rank is one more than the number of texts above the best of some.
func (s *scorer) rank(of []int32) int {
	top := 0.0
	for _, i := range of {
		top = max(top, s.scores[i])
	}
	rank := 1
	for _, i := range s.touched {
		if s.scores[i] > top {
			rank++
		}
	}
	if top == 0 {
		return len(s.scores)
	}
	return rank
}

// each calls do for 0..n-1 on several goroutines, each with a scorer of its own.
func (x *bm25) each(ctx context.Context, workers, n int, do func(s *scorer, i int)) error {
	const part = 32
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			s := x.scorer()
			for ctx.Err() == nil {
				lo := int(next.Add(part)) - part
				if lo >= n {
					return
				}
				for i := lo; i < min(lo+part, n); i++ {
					do(s, i)
				}
			}
		})
	}
	wg.Wait()
	return ctx.Err()
}
