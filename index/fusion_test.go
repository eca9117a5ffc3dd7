package index

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// leg makes candidates "d0", "d1", ... of the documents named, best first.
func leg(scores map[string]float64) *Leg {
	l := &Leg{Plan: "test"}
	for id, s := range scores {
		l.Candidates = append(l.Candidates, Candidate{Ref{Document: id}, s})
	}
	slices.SortFunc(l.Candidates, func(a, b Candidate) int {
		return compareFused(fused{ref: a.Ref, score: a.Score}, fused{ref: b.Ref, score: b.Score})
	})
	return l
}

func TestFuseByHand(t *testing.T) {
	dense := leg(map[string]float64{"a": 0.9, "b": 0.7, "c": 0.5})
	keyword := leg(map[string]float64{"b": 12, "d": 6, "a": 2})
	for _, c := range []struct {
		name           string
		dense, keyword *Leg
		method         FusionMethod
		alpha          float64
		want           string
	}{
		// min-max: dense a 1, b .5, c 0; keyword b 1, d .4, a 0.
		{"min-max", dense, keyword, MinMax, 0.5, "b 0.7500, a 0.5000, d 0.2000, c 0.0000"},
		{"weights", dense, keyword, MinMax, 0.8, "a 0.8000, b 0.6000, d 0.0800, c 0.0000"},
		{"dense alone counts", dense, keyword, MinMax, 1, "a 1.0000, b 0.5000, c 0.0000, d 0.0000"},
		// reciprocal ranks: a .5/61 + .5/63, b .5/62 + .5/61, c .5/63, d .5/62.
		{"RRF", dense, keyword, RRF, 0.5, "b 0.0163, a 0.0161, d 0.0081, c 0.0079"},
		{"one candidate is worth the whole weight", leg(map[string]float64{"x": -3}), keyword, MinMax, 0.9, "x 0.9000, b 0.1000, d 0.0400, a 0.0000"},
		{"equal scores too", leg(map[string]float64{"x": 2, "y": 2}), leg(nil), MinMax, 0.25, "x 0.2500, y 0.2500"},
		{"ties go by id", leg(map[string]float64{"z": 1, "y": 1}), leg(map[string]float64{"x": 1}), MinMax, 0.5, "x 0.5000, y 0.5000, z 0.5000"},
		{"no dense leg", nil, keyword, MinMax, 0, "b 1.0000, d 0.4000, a 0.0000"},
		{"nothing", leg(nil), leg(nil), MinMax, 0.5, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ""
			for i, f := range fuse(c.dense, c.keyword, c.method, c.alpha) {
				if i > 0 {
					got += ", "
				}
				got += fmt.Sprintf("%s %.4f", f.ref.Document, f.score)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestFuseKeepsBothViews(t *testing.T) {
	ranking := fuse(leg(map[string]float64{"a": 0.9, "b": 0.7}), leg(map[string]float64{"b": 3}), MinMax, 0.4)
	b, a := ranking[0].scores, ranking[1].scores
	if *b.Dense != (LegScore{Score: 0.7, Rank: 2}) || *b.Keyword != (LegScore{Score: 3, Rank: 1, Share: 0.6}) {
		t.Errorf("b: %+v, %+v", *b.Dense, *b.Keyword)
	}
	if *a.Dense != (LegScore{Score: 0.9, Rank: 1, Share: 0.4}) || a.Keyword != nil {
		t.Errorf("a: %+v, %+v", *a.Dense, a.Keyword)
	}
}

// What a deeper search adds stands behind what a shallower one found, whose
// order and scores stay: the promise that paging rests on.
func TestFuseDoesNotDependOnDepth(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 50 {
		full := make([]*Leg, 2)
		for i := range full {
			scores := make(map[string]float64)
			for range 1 + rng.IntN(600) {
				scores[fmt.Sprintf("d%d", rng.IntN(900))] = float64(rng.IntN(200)) / 7 // many ties
			}
			full[i] = leg(scores)
		}
		cut := func(l *Leg, depth int) *Leg { return &Leg{Candidates: l.Candidates[:min(depth, len(l.Candidates))]} }
		alpha, method := rng.Float64(), []FusionMethod{MinMax, RRF}[rng.IntN(2)]
		var before []fused
		for _, depth := range []int{Window, Window + rng.IntN(100), 300, 1000} {
			ranking := fuse(cut(full[0], depth), cut(full[1], depth), method, alpha)
			for i, f := range before {
				if ranking[i].ref != f.ref || ranking[i].score != f.score {
					t.Fatalf("%s: at depth %d rank %d is %v with %v, before %v with %v", method, depth, i, ranking[i].ref, ranking[i].score, f.ref, f.score)
				}
			}
			before = ranking
		}
		if !slices.IsSortedFunc(before, compareFused) {
			t.Fatal("the ranking is not sorted")
		}
		for _, f := range before {
			if f.score < 0 || f.score > 1+1e-12 || math.IsNaN(f.score) {
				t.Fatalf("score %v", f.score)
			}
		}
	}
}

func TestGroupByDocument(t *testing.T) {
	ranking := []fused{{ref: Ref{"a", 3}, score: 3}, {ref: Ref{"b", 0}, score: 2}, {ref: Ref{"a", 0}, score: 1}}
	groups := groupByDocument(ranking)
	if len(groups) != 2 || groups[0].ref != (Ref{"a", 3}) || groups[1].ref != (Ref{"b", 0}) || len(ranking) != 3 {
		t.Errorf("%v", groups)
	}
}
