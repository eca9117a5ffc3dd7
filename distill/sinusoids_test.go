package distill_test

import (
	"math"
	"testing"

	"semdex/distill"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// TestSinusoids: how alike two positions are depends on their distance alone,
// and rows are as long as drawn ones.
func TestSinusoids(t *testing.T) {
	s := distill.Base(model.BERT)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions, s.Sinusoidal = 32, 1, 1, 8, 40, true
	m, err := distill.Create(modeltest.New(model.BERT, modeltest.Options{Layers: 1, Seed: 1}).Tokenizer, s)
	if err != nil {
		t.Fatal(err)
	}
	like := func(i, j int) (dot float64) {
		a, b := m.Transformer.Position.AppendRow(nil, i), m.Transformer.Position.AppendRow(nil, j)
		for k := range a {
			dot += float64(a[k]) * float64(b[k])
		}
		return dot
	}
	for i := range s.MaxPositions - 3 {
		if rms := math.Sqrt(like(i, i) / float64(s.Hidden)); math.Abs(rms-s.InitRange) > 1e-6 {
			t.Errorf("position %d: %g a value, want %g", i, rms, s.InitRange)
		}
		if d := math.Abs(like(i, i+3) - like(0, 3)); d > 1e-6 || like(i, i+1) <= like(i, i+3) {
			t.Errorf("position %d: likeness %g at distance 3, %g at 1; from the start %g", i, like(i, i+3), like(i, i+1), like(0, 3))
		}
	}
}
