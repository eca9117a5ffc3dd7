package index

import (
	"cmp"
	"slices"
)

// Window is how many candidates of each leg take part in fusion. It is fixed,
// so that a hit's score depends neither on the page asked for nor on how much
// deeper a leg had to go to fill it: min-max scores are normalised over the
// window, and a candidate beyond it counts as missing from the leg.
const Window = 100

// rrfK is the constant of reciprocal rank fusion (Cormack et al., SIGIR 2009).
const rrfK = 60

// fused is a passage with the scores of the legs that returned it.
type fused struct {
	ref    Ref
	score  float64
	scores Scores
	// beyond is the better of the two ranks if neither is inside the window,
	// else 0: such passages have score 0 and follow in the order of that rank,
	// so that a deeper search only ever adds to the end.
	beyond int
}

// fuse joins the legs, either of which may be nil, into one ranking.
func fuse(dense, keyword *Leg, method FusionMethod, alpha float64) []fused {
	byRef := make(map[Ref]*fused)
	var order []*fused // insertion order: sorting must not see map order
	add := func(leg *Leg, weight float64, slot func(*Scores) **LegScore) {
		if leg == nil {
			return
		}
		share := shares(leg.Candidates, method, weight)
		for i, c := range leg.Candidates {
			f := byRef[c.Ref]
			if f == nil {
				f = &fused{ref: c.Ref}
				byRef[c.Ref] = f
				order = append(order, f)
			}
			s := &LegScore{Score: c.Score, Rank: i + 1}
			if i < len(share) {
				s.Share = share[i]
			}
			f.score += s.Share
			*slot(&f.scores) = s
		}
	}
	add(dense, alpha, func(s *Scores) **LegScore { return &s.Dense })
	add(keyword, 1-alpha, func(s *Scores) **LegScore { return &s.Keyword })

	ranking := make([]fused, len(order))
	for i, f := range order {
		ranking[i] = *f
		if best := bestRank(f.scores); best > Window {
			ranking[i].beyond = best
		}
	}
	slices.SortFunc(ranking, compareFused)
	return ranking
}

// single ranks one leg as it is ordered itself.
func single(leg *Leg, slot func(*Scores) **LegScore) []fused {
	ranking := make([]fused, len(leg.Candidates))
	for i, c := range leg.Candidates {
		ranking[i] = fused{ref: c.Ref, score: c.Score}
		*slot(&ranking[i].scores) = &LegScore{Score: c.Score, Rank: i + 1, Share: c.Score}
	}
	return ranking
}

// shares gives what each candidate of the window adds to the fused score.
//
// Min-max: weight x (score - min) / (max - min) over the window; if all scores
// are equal, as with a single candidate, each is worth the whole weight.
// RRF: weight / (60 + rank).
func shares(candidates []Candidate, method FusionMethod, weight float64) []float64 {
	window := candidates[:min(Window, len(candidates))]
	out := make([]float64, len(window))
	if len(window) == 0 {
		return out
	}
	highest, lowest := window[0].Score, window[len(window)-1].Score
	for i, c := range window {
		switch {
		case method == RRF:
			out[i] = weight / float64(rrfK+i+1)
		case highest > lowest:
			out[i] = weight * (c.Score - lowest) / (highest - lowest)
		default:
			out[i] = weight
		}
	}
	return out
}

func bestRank(s Scores) int {
	switch {
	case s.Dense == nil:
		return s.Keyword.Rank
	case s.Keyword == nil:
		return s.Dense.Rank
	}
	return min(s.Dense.Rank, s.Keyword.Rank)
}

func compareFused(a, b fused) int {
	if a.score != b.score {
		return cmp.Compare(b.score, a.score)
	}
	if a.beyond != b.beyond {
		return cmp.Compare(a.beyond, b.beyond)
	}
	switch {
	case a.ref.Less(b.ref):
		return -1
	case b.ref.Less(a.ref):
		return 1
	}
	return 0
}

// groupByDocument keeps each document's best passage, in order.
func groupByDocument(ranking []fused) []fused {
	seen := make(map[string]bool, len(ranking))
	groups := ranking[:0:0]
	for _, f := range ranking {
		if !seen[f.ref.Document] {
			seen[f.ref.Document] = true
			groups = append(groups, f)
		}
	}
	return groups
}
