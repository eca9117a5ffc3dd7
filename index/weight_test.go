package index

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// scored is a leg of documents with these scores.
func scored(full float64, scores ...float64) *Leg {
	l := &Leg{Plan: "test", Full: full}
	for i, s := range scores {
		l.Candidates = append(l.Candidates, Candidate{Ref{Document: fmt.Sprintf("d%03d", i)}, s})
	}
	return l
}

// falling are n scores from highest to lowest, evenly.
func falling(n int, highest, lowest float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = highest - (highest-lowest)*float64(i)/float64(n-1)
	}
	return out
}

func TestEvidenceByHand(t *testing.T) {
	for _, c := range []struct {
		name  string
		leg   *Leg
		want  Evidence
		alpha float64
	}{
		{"nothing found", scored(7), Evidence{}, 0.9},
		{"no words", scored(0), Evidence{}, 0.9},
		{"all words, alone", scored(10, 10), Evidence{Coverage: 1}, 0.1},
		{"all words, often", scored(10, 17, 3), Evidence{Coverage: 1}, 0.1},
		// .1 + .8 * .5^3
		{"half of the words", scored(10, 5, 4, 3), Evidence{Coverage: 0.5}, 0.2},
		// .1 + .8 * .9^3
		{"a common word", scored(10, 1), Evidence{Coverage: 0.1}, 0.6832},
		// .1 + .8 * .5^2
		{"the hundredth has half", scored(10, falling(Window, 10, 5)...), Evidence{1, 0.5}, 0.3},
		{"there is no hundredth", scored(10, falling(Window-1, 10, 5)...), Evidence{Coverage: 1}, 0.1},
		{"a hundred equal ones", scored(10, falling(Window, 10, 10)...), Evidence{1, 1}, 0.9},
		// .1 + .8 * (1 - .75 * .875)
		{"both by half", scored(10, falling(Window, 5, 2.5)...), Evidence{0.5, 0.5}, 0.375},
		{"an engine that does not know", scored(0, 5, 1), Evidence{Coverage: 1}, 0.1},
		{"scores of nothing", scored(0, 0, 0), Evidence{}, 0.9},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := evidence(c.leg)
			if alpha := e.Alpha(); e != c.want || math.Abs(alpha-c.alpha) > 1e-12 {
				t.Errorf("%+v, alpha %v; want %+v, %v", e, alpha, c.want, c.alpha)
			}
		})
	}
}

// More coverage and a lower floor are never for the dense leg, and what is beyond
// the window does not matter.
func TestEvidenceIsMonotone(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 1000 {
		a, b := Evidence{rng.Float64(), rng.Float64()}, Evidence{rng.Float64(), rng.Float64()}
		better := Evidence{max(a.Coverage, b.Coverage), min(a.Floor, b.Floor)}
		if x, y := better.Alpha(), a.Alpha(); x > y || x < LeastAlpha-1e-12 || y > MostAlpha+1e-12 {
			t.Fatalf("%+v has alpha %v, %+v has %v", better, x, a, y)
		}
		scores := falling(Window+rng.IntN(300), 1+9*rng.Float64(), rng.Float64())
		full := 12 * rng.Float64()
		if deep, window := evidence(scored(full, scores...)), evidence(scored(full, scores[:Window]...)); deep != window ||
			!(deep.Coverage >= 0 && deep.Coverage <= 1 && deep.Floor >= 0 && deep.Floor <= 1) {
			t.Fatalf("%+v of %d passages, %+v of the window", deep, len(scores), window)
		}
	}
}
