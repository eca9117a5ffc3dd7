package evalsuite

import (
	"math"
	"math/rand/v2"
	"testing"

	"semdex/internal/metric"
)

// Resamples counted by hand.
func TestStatisticsByHand(t *testing.T) {
	for _, c := range []struct {
		name        string
		s           Statistic
		items, gold []float64
		counts      []int
		want        float64
	}{
		{"mean", Mean, []float64{1, 0, .5}, nil, []int{1, 1, 1}, .5},
		{"mean of copies", Mean, []float64{1, 0, .5}, nil, []int{2, 0, 1}, 2.5 / 3},
		{"one item thrice", Mean, []float64{1, 0, .5}, nil, []int{0, 0, 3}, .5},
		{"the line", Pearson, []float64{1, 2, 3}, []float64{2, 4, 6}, []int{1, 1, 1}, 1},
		{"1 1 3 and 1 1 2", Pearson, []float64{1, 2, 3}, []float64{1, 3, 2}, []int{2, 0, 1}, 1},
		{"1 2 3 and 1 3 2", Pearson, []float64{1, 2, 3}, []float64{1, 3, 2}, []int{1, 1, 1}, .5},
		{"constant", Pearson, []float64{1, 2, 3}, []float64{1, 3, 2}, []int{3, 0, 0}, math.NaN()},
		{"ranks 1 2 3 and 1 3 2", Spearman, []float64{1, 20, 300}, []float64{-5, 9, 0}, []int{1, 1, 1}, .5},
		// The values 1 20 20 300 have the ranks 1 2.5 2.5 4, -5 9 9 0 have 1 3.5 3.5 2.
		{"ranks of copies", Spearman, []float64{1, 20, 300}, []float64{-5, 9, 0}, []int{1, 2, 1}, 1.5 / 4.5},
		// F1 of class 0 is 2*1/3, of class 1 it is 2*2/5, class 2 was only predicted: 0.
		{"macro-F1", MacroF1, []float64{0, 1, 1, 2}, []float64{0, 0, 1, 1}, []int{1, 0, 2, 1}, (1 + .8 + 0) / 3},
		{"macro-F1 without class 2", MacroF1, []float64{0, 1, 1, 2}, []float64{0, 0, 1, 1}, []int{1, 1, 1, 0}, 2. / 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			at, err := c.s.sample(c.items, c.gold)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(c.counts); !(math.Abs(got-c.want) < 1e-12 || math.IsNaN(got) && math.IsNaN(c.want)) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

// Every statistic of counts is that of the items written out, by the metrics that
// evaluations use.
func TestStatisticsAgainstCopies(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 300 {
		n := 2 + rng.IntN(30)
		items, gold := make([]float64, n), make([]float64, n)
		for i := range items {
			items[i], gold[i] = float64(rng.IntN(4)), float64(rng.IntN(4)) // with ties
		}
		counts := make([]int, n)
		draw(rng, counts)
		var x, y []float64
		confusion := metric.NewConfusion([]string{"a", "b", "c", "d"})
		for i, c := range counts {
			for range c {
				x, y = append(x, items[i]), append(y, gold[i])
				confusion.Add(int(gold[i]), int(items[i]))
			}
		}
		if len(x) != n {
			t.Fatalf("a resample of %d items has %d", n, len(x))
		}
		spearman, undefined := metric.Spearman(x, y)
		pearson, _ := metric.Pearson(x, y)
		if undefined != nil {
			spearman, pearson = math.NaN(), math.NaN()
		}
		for s, want := range map[Statistic]float64{Mean: mean(x), Spearman: spearman, Pearson: pearson, MacroF1: confusion.MacroF1()} {
			at, err := s.sample(items, gold)
			if err != nil {
				t.Fatal(err)
			}
			if got := at(counts); !(math.Abs(got-want) < 1e-9 || math.IsNaN(got) && math.IsNaN(want)) {
				t.Fatalf("%s of %v beside %v, drawn %v: %v, want %v", s, items, gold, counts, got, want)
			}
		}
	}
}

func TestStatisticErrors(t *testing.T) {
	for name, err := range map[string]error{
		"nothing":     third(Mean.sample(nil, nil)),
		"no gold":     third(Spearman.sample([]float64{1}, nil)),
		"half class":  third(MacroF1.sample([]float64{.5}, []float64{1})),
		"unknown":     third(Statistic("median").sample([]float64{1}, []float64{1})),
		"lonely gold": third(Pearson.sample([]float64{1}, []float64{1, 2})),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func third(_ weighted, err error) error { return err }
