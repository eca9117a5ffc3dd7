package metric

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Gold a: 3 right, 1 as b; gold b: 2 right, 2 as a; c never, gold or predicted.
func TestConfusionByHand(t *testing.T) {
	c := NewConfusion([]string{"a", "b", "c"})
	for _, d := range [][2]int{{0, 0}, {0, 0}, {0, 0}, {0, 1}, {1, 1}, {1, 1}, {1, 0}, {1, 0}} {
		c.Add(d[0], d[1])
	}
	for name, x := range map[string][2]float64{
		"accuracy":  {c.Accuracy(), 5. / 8},
		"majority":  {c.Majority(), 4. / 8},
		"precision": {c.Precision(0), 3. / 5},
		"recall":    {c.Recall(0), 3. / 4},
		"F1 of a":   {c.F1(0), 2 * .6 * .75 / 1.35},
		"F1 of b":   {c.F1(1), 2 * (2. / 3) * .5 / (2./3 + .5)},
		"F1 of c":   {c.F1(2), 0},
		"macro-F1":  {c.MacroF1(), (2./3 + 4./7) / 2},
		"empty":     {NewConfusion([]string{"a"}).MacroF1(), 0},
	} {
		if math.Abs(x[0]-x[1]) > 1e-12 {
			t.Errorf("%s is %v, want %v", name, x[0], x[1])
		}
	}
}

func TestAUCAgainstDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		scores, positive := make([]float64, 12), make([]bool, 12)
		for i := range scores {
			scores[i], positive[i] = float64(rng.IntN(6)), i%3 == 0
		}
		var want, pairs float64
		for i, p := range positive {
			for j, q := range positive {
				if p && !q {
					pairs++
					if scores[i] > scores[j] {
						want++
					} else if scores[i] == scores[j] {
						want += .5
					}
				}
			}
		}
		if got, err := AUC(scores, positive); err != nil || math.Abs(got-want/pairs) > 1e-12 {
			t.Fatalf("%v, %v, want %v", got, err, want/pairs)
		}
	}
	if _, err := AUC([]float64{1}, []bool{true}); err == nil {
		t.Error("only positive items")
	}
}
