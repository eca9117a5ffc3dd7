package squad

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Neighbours draws, for every question that has an answer, up to n other
// contexts of its article in which none of the answers stands: what a search
// might bring beside the right one. The result is by question.
func (s *Set) Neighbours(n int, seed uint64) [][]int {
	articles := make(map[int][]int)
	for _, q := range s.Questions {
		if list := articles[q.Article]; !slices.Contains(list, q.Context) {
			articles[q.Article] = append(list, q.Context)
		}
	}
	rng := rand.New(rand.NewPCG(seed, 0x6e656172))
	out := make([][]int, len(s.Questions))
	for i, q := range s.Questions {
		if n <= 0 || q.Impossible {
			continue
		}
		contexts := articles[q.Article]
		for _, at := range rng.Perm(len(contexts)) {
			if len(out[i]) == n {
				break
			}
			other := contexts[at]
			holds := slices.ContainsFunc(q.Answers, func(a Answer) bool { return strings.Contains(s.Contexts[other], a.Text) })
			if other != q.Context && !holds {
				out[i] = append(out[i], other)
			}
		}
	}
	return out
}

// WithImpossible is the set with an impossible question beside every other one
// for which there is a neighbour to ask it of.
func (s *Set) WithImpossible(seed uint64) *Set {
	out := s.filter(func(*Question) bool { return true })
	for i, contexts := range s.Neighbours(1, seed) {
		if len(contexts) == 0 {
			continue
		}
		q := s.Questions[i]
		q.ID, q.Context, q.Answers, q.Impossible = q.ID+"-elsewhere", contexts[0], nil, true
		out.Questions = append(out.Questions, q)
		out.Report.count(&q)
	}
	return out
}
