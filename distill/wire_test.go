package distill_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"semdex/distill"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

func wireSpec() distill.Spec {
	s := distill.Base(model.BERT)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions = 256, 2, 8, 64, 32
	return s
}

// table is a static table in which every third word is a small one.
func table(dims int) *model.Model {
	m := modeltest.New(model.Static, modeltest.Options{Hidden: dims, Vocab: 64, Seed: 5})
	values := slices.Clone(m.Static.Rows.F32())
	for i := range values {
		if little(int32(i / dims)) {
			values[i] /= 8
		}
	}
	m.Static.Rows = model.NewF32(m.Static.Rows.Name, m.Static.Rows.Shape, values)
	return m
}

func little(id int32) bool { return id%3 == 0 }

func wired(t *testing.T) *train.Encoder {
	t.Helper()
	from := table(256)
	m, err := distill.Create(from.Tokenizer, wireSpec())
	if err != nil {
		t.Fatal(err)
	}
	if m, err = distill.Wire(m, from); err != nil {
		t.Fatal(err)
	}
	e, err := trainable.Encoder(m)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestWire computes the attention of the first layer for a pair of texts by
// hand: heads find the neighbours at their distance, and the word that stands
// in the other text, or else themselves and the special tokens.
func TestWire(t *testing.T) {
	e := wired(t)
	ids := []int32{2, 10, 13, 16, 3, 19, 22, 13, 25, 10, 28, 3} // a b c, d e b f a g
	kinds := []int32{0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1}
	x := make([][]float64, len(ids))
	for i, id := range ids {
		x[i] = embedded(t, e, id, int32(i), kinds[i])
	}
	width := e.Config.Hidden / e.Config.Heads
	for h, distance := range map[int]int{0: -1, 1: 1, 4: -2, 5: 2} {
		p := attention(e.Layers[0], h*width, width, x)
		for i := range ids {
			if j := i + distance; j >= 0 && j < len(ids) && largest(p[i]) != j {
				t.Errorf("head %d looks from %d at %d, want %d: %.2f", h, i, largest(p[i]), j, p[i])
			}
		}
	}
	for _, h := range []int{2, 6} {
		p := attention(e.Layers[0], h*width, width, x)
		for from, to := range map[int]int{7: 2, 9: 1, 2: 7, 1: 9} {
			if largest(p[from]) != to {
				t.Errorf("head %d looks from %d at %d, want the same word at %d: %.2f", h, from, largest(p[from]), to, p[from])
			}
		}
		for _, alone := range []int{5, 6, 8, 10} {
			if j := largest(p[alone]); j != 0 && j != 4 && j != alone {
				t.Errorf("head %d looks from %d, which has no match, at %d: %.2f", h, alone, j, p[alone])
			}
		}
	}
	for i, row := range attention(e.Layers[0], 3*width, width, x) {
		var other float64
		for j, p := range row {
			if kinds[j] != kinds[i] {
				other += p
			}
		}
		if other < 0.9 {
			t.Errorf("token %d gives %.2f to the other text", i, other)
		}
	}
}

// embedded is the sum that enters the first LayerNorm, which should have next
// to nothing to do.
func embedded(t *testing.T, e *train.Encoder, id, position, kind int32) []float64 {
	t.Helper()
	hidden := e.Config.Hidden
	out := make([]float64, hidden)
	var sum, square float64
	for d := range out {
		for _, part := range []struct {
			table train.Parameter
			row   int32
		}{{train.Describe(e.Word), id}, {train.Describe(e.Position), position}, {train.Describe(e.Type), kind}} {
			out[d] += float64(part.table.Values[int(part.row)*hidden+d])
		}
		sum, square = sum+out[d], square+out[d]*out[d]
	}
	if mean, ms := sum/float64(hidden), square/float64(hidden); math.Abs(mean) > 0.15 || math.Abs(ms-1) > 0.01 {
		t.Errorf("token %d at %d: mean %.3f, mean square %.3f", id, position, mean, ms)
	}
	return out
}

// attention is softmax(q kT / sqrt(d)) of one head.
func attention(l *train.Layer, first, width int, x [][]float64) [][]float64 {
	project := func(p *train.Linear, x []float64) []float64 {
		w, b := train.Describe(p.Weight).Values, train.Describe(p.Bias).Values
		out := make([]float64, width)
		for i := range out {
			out[i] = float64(b[first+i])
			for d, v := range x {
				out[i] += v * float64(w[(first+i)*len(x)+d])
			}
		}
		return out
	}
	p := make([][]float64, len(x))
	for i := range x {
		q, total := project(l.Query, x[i]), 0.0
		p[i] = make([]float64, len(x))
		for j := range x {
			var dot float64
			for d, k := range project(l.Key, x[j]) {
				dot += q[d] * k
			}
			p[i][j] = math.Exp(dot / math.Sqrt(float64(width)))
			total += p[i][j]
		}
		for j := range p[i] {
			p[i][j] /= total
		}
	}
	return p
}

func largest(x []float64) int { return slices.Index(x, slices.Max(x)) }

func TestWireRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*distill.Spec)
		dims   int
	}{
		"DistilBERT":   {func(s *distill.Spec) { s.Architecture = model.DistilBERT }, 256},
		"narrow heads": {func(s *distill.Spec) { s.Heads = 16 }, 256},
		"wide heads":   {func(s *distill.Spec) { s.Heads = 2 }, 256},
		"narrow table": {func(*distill.Spec) {}, 128},
		"more rows":    {func(s *distill.Spec) { s.VocabSize = 100 }, 256},
	} {
		s, from := wireSpec(), table(c.dims)
		c.change(&s)
		m, err := distill.Create(from.Tokenizer, s)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := distill.Wire(m, from); !errors.Is(err, distill.ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
