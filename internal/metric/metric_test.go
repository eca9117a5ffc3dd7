package metric

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

func TestCorrelationByHand(t *testing.T) {
	cases := []struct {
		name              string
		x, y              []float64
		pearson, spearman float64
	}{
		{"a line", []float64{1, 2, 3}, []float64{10, 20, 30}, 1, 1},
		{"falling", []float64{1, 2, 3}, []float64{3, 2, 1}, -1, -1},
		// means 2 and 14/3: xy = 8, xx = 2, yy = 98/3.
		{"monotone, not linear", []float64{1, 2, 3}, []float64{1, 4, 9}, 8 / math.Sqrt(2*98.0/3), 1},
		// ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: xy = 4.5, xx = 4.5, yy = 5.
		{"ties", []float64{1, 5, 5, 9}, []float64{0, 1, 2, 3}, 0.9486832980505138, 4.5 / math.Sqrt(4.5*5)},
		// both sides with ties: ranks 1.5 1.5 3.5 3.5 and 1 2.5 2.5 4.
		{"ties on both sides", []float64{0, 0, 1, 1}, []float64{1, 2, 2, 3}, 0.7071067811865475, 3 / math.Sqrt(4*4.5)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if r, err := Pearson(c.x, c.y); err != nil || !near(r, c.pearson) {
				t.Errorf("Pearson = %v, %v, want %v", r, err, c.pearson)
			}
			if r, err := Spearman(c.x, c.y); err != nil || !near(r, c.spearman) {
				t.Errorf("Spearman = %v, %v, want %v", r, err, c.spearman)
			}
		})
	}
}

func TestCorrelationRefuses(t *testing.T) {
	for name, c := range map[string][2][]float64{
		"empty":    {nil, nil},
		"one pair": {{1}, {2}},
		"constant": {{1, 2, 3}, {4, 4, 4}},
		"NaN":      {{1, math.NaN(), 3}, {1, 2, 3}},
		"infinite": {{1, 2, 3}, {1, 2, math.Inf(1)}},
	} {
		for _, f := range []func(x, y []float64) (float64, error){Pearson, Spearman} {
			if r, err := f(c[0], c[1]); !errors.Is(err, ErrUndefined) {
				t.Errorf("%s: %v, %v, want ErrUndefined", name, r, err)
			}
		}
	}
	if _, err := Spearman([]float64{1, 2}, []float64{1}); err == nil || errors.Is(err, ErrUndefined) {
		t.Errorf("lengths differ: %v", err)
	}
}

// slowRanks is the definition: one more than the smaller values, plus half of
// the other equal ones.
func slowRanks(x []float64) []float64 {
	ranks := make([]float64, len(x))
	for i := range x {
		smaller, equal := 0, 0
		for j := range x {
			switch {
			case x[j] < x[i]:
				smaller++
			case x[j] == x[i]:
				equal++
			}
		}
		ranks[i] = float64(smaller) + float64(equal+1)/2
	}
	return ranks
}

func TestSpearmanAgainstDefinition(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		n := 2 + rng.IntN(40)
		x, y := make([]float64, n), make([]float64, n)
		for i := range x {
			x[i], y[i] = float64(rng.IntN(8)), float64(rng.IntN(8)) // many ties
		}
		want, wantErr := Pearson(slowRanks(x), slowRanks(y))
		got, err := Spearman(x, y)
		if (err == nil) != (wantErr == nil) || !near(got, want) {
			t.Fatalf("Spearman(%v, %v) = %v, %v, want %v, %v", x, y, got, err, want, wantErr)
		}
		scaled := make([]float64, n)
		for i := range x {
			scaled[i] = math.Exp(x[i]) // any increasing map keeps the ranks
		}
		if again, _ := Spearman(scaled, y); !near(again, got) {
			t.Fatalf("Spearman changes under an increasing map: %v, %v", again, got)
		}
	}
}

func TestRankingByHand(t *testing.T) {
	gains := Judgements{"a": 3, "b": 2, "c": 1, "n": 0, "m": -1}
	ideal := 3 + 2/math.Log2(3) + 1/math.Log2(4)
	cases := []struct {
		ranked                []string
		k                     int
		ndcg, rr, recall, hit float64
	}{
		{[]string{"a", "b", "c"}, 10, 1, 1, 1, 1},
		{[]string{"a", "b", "c"}, 1, 1, 1, 1. / 3, 1},
		{[]string{"c", "b", "a"}, 10, (1 + 2/math.Log2(3) + 3/math.Log2(4)) / ideal, 1, 1, 1},
		{[]string{"x", "n", "m", "b"}, 10, 2 / math.Log2(5) / ideal, .25, 1. / 3, 1},
		{[]string{"x", "n", "m", "b"}, 3, 0, 0, 0, 0},
		{[]string{"x", "b", "b", "b"}, 0, 2 / math.Log2(3) / ideal, .5, 1. / 3, 1},
		{[]string{"x", "b"}, 2, 2 / math.Log2(3) / (3 + 2/math.Log2(3)), .5, 1. / 3, 1},
		{nil, 10, 0, 0, 0, 0},
	}
	for _, c := range cases {
		t.Run(fmt.Sprint(c.ranked, "@", c.k), func(t *testing.T) {
			for _, m := range []struct {
				name      string
				got, want float64
			}{
				{"nDCG", NDCG(c.ranked, gains, c.k), c.ndcg},
				{"reciprocal rank", ReciprocalRank(c.ranked, gains, c.k), c.rr},
				{"recall", Recall(c.ranked, gains, c.k), c.recall},
				{"hit", Hit(c.ranked, gains, c.k), c.hit},
			} {
				if !near(m.got, m.want) {
					t.Errorf("%s = %v, want %v", m.name, m.got, m.want)
				}
			}
		})
	}
	none := Judgements{"a": 0}
	if NDCG([]string{"a"}, none, 10)+Recall([]string{"a"}, none, 10)+Hit([]string{"a"}, none, 10) != 0 {
		t.Error("a query without relevant documents does not score 0")
	}
}

// dcg of a permutation, written from the definition.
func dcg(ids []string, gains Judgements, k int) float64 {
	var s float64
	for i, id := range ids {
		if i < k {
			s += max(0, gains[id]) / math.Log2(float64(i+2))
		}
	}
	return s
}

// permutations calls visit with every order of ids.
func permutations(ids []string, n int, visit func([]string)) {
	if n == len(ids) {
		visit(ids)
		return
	}
	for i := n; i < len(ids); i++ {
		ids[n], ids[i] = ids[i], ids[n]
		permutations(ids, n+1, visit)
		ids[n], ids[i] = ids[i], ids[n]
	}
}

// The ideal ranking is the best of all permutations, found by trying each.
func TestNDCGAgainstAllPermutations(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	ids := []string{"a", "b", "c", "d", "e", "f"}
	for range 40 {
		gains := Judgements{}
		for _, id := range ids {
			if g := rng.IntN(5); g > 0 {
				gains[id] = float64(g - 1)
			}
		}
		k := 1 + rng.IntN(7)
		var best float64
		permutations(ids, 0, func(p []string) { best = max(best, dcg(p, gains, k)) })
		permutations(ids, 0, func(p []string) {
			want := 0.0
			if best > 0 {
				want = dcg(p, gains, k) / best
			}
			if got := NDCG(p, gains, k); !near(got, want) {
				t.Fatalf("NDCG(%v, %v, %d) = %v, want %v", p, gains, k, got, want)
			}
		})
	}
}
