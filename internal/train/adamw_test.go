package train

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"

	"semdex/internal/kernel"
)

func near(t *testing.T, what string, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
	for i := range want {
		if !(math.Abs(float64(got[i]-want[i])) <= tolerance) {
			t.Errorf("%s: value %d is %.8g, want %.8g", what, i, got[i], want[i])
		}
	}
}

// TestAdamW follows two updates by hand: lr .1, betas .9 and .99, decay .5,
// gradients (2, -1) and then (1, 0), each scaled by 1/2.
//
//	1: m = (.1, -.05), v = (.01, .0025), m/c1 = (1, -.5), sqrt(v/c2) = (1, .5)
//	   p = .95 (1, 2) - .1 (1, -1) = (.85, 2)
//	2: m = (.14, -.045), c1 = .19, v = (.0124, .002475), c2 = .0199
//	   p = .95 (.85, 2) - .1 (.736842/.789378, -.236842/.352663)
func TestAdamW(t *testing.T) {
	e := NewEngine(kernel.Plain, 1)
	for _, decay := range []bool{true, false} {
		p := NewParam("p", []int{2}, []float32{1, 2}, decay)
		a := &AdamW{Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-12, WeightDecay: 0.5}
		keep := float32(1)
		if decay {
			keep = 0.95
		}
		first := []float32{keep - 0.1, keep*2 + 0.1}
		second := []float32{keep*first[0] - 0.0933446, keep*first[1] + 0.0671583}
		for i, g := range [][]float32{{2, -1}, {1, 0}} {
			p.AccGrad(Constant(2, 1, g))
			a.Begin(e, i+1, 0.1, 0.5)
			if err := a.OptimizeParams(p); err != nil {
				t.Fatal(err)
			}
			near(t, "update", Values(p), [][]float32{first, second}[i], 1e-6)
			if p.HasGrad() {
				t.Error("the gradient stays")
			}
		}
	}
}

// TestAdamWTables compares sparse gradients with the same ones written out, and
// the lazy form with a table of the rows that were read.
func TestAdamWTables(t *testing.T) {
	e := NewEngine(kernel.Plain, 2)
	rng := rand.New(rand.NewPCG(1, 1))
	values := make([]float32, 40*3)
	for i := range values {
		values[i] = rng.Float32()
	}
	table := func() *nn.Param { return NewParam("t", []int{40, 3}, slices.Clone(values), true) }
	sparse, full, lazy := table(), table(), table()
	alone := NewParam("row", []int{1, 3}, slices.Clone(values[9*3:10*3]), true)
	exact, idle := &AdamW{WeightDecay: 0.1}, &AdamW{WeightDecay: 0.1, Lazy: true}
	for step := 1; step <= 6; step++ {
		rows := []int32{int32(step), 9, 30}
		g := make([]float32, 9)
		for i := range g {
			g[i] = rng.Float32() - 0.5
		}
		if step == 3 {
			rows, g = rows[:1], g[:3] // row 9 is not read
		}
		written := make([]float32, len(values))
		for i, r := range rows {
			copy(written[r*3:], g[i*3:i*3+3])
		}
		sparse.AccGrad(newRowGrad(rows, g))
		lazy.AccGrad(newRowGrad(rows, g))
		full.AccGrad(Constant(40, 3, written))
		if step != 3 {
			alone.AccGrad(Constant(1, 3, g[3:6]))
		}
		exact.Begin(e, step, 0.1, 1)
		idle.Begin(e, step, 0.1, 1)
		for p, a := range map[*nn.Param]*AdamW{sparse: exact, full: exact, lazy: idle, alone: exact} {
			if err := a.OptimizeParams(p); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(Values(sparse), Values(full)) {
			t.Fatalf("step %d: a sparse gradient differs from the same one written out", step)
		}
	}
	near(t, "lazy row 9", Values(lazy)[27:30], Values(alone), 0)
	near(t, "lazy row 20", Values(lazy)[60:63], values[60:63], 0)
}

// TestRowGradients adds sparse and dense gradients in every order.
func TestRowGradients(t *testing.T) {
	a, b := newRowGrad([]int32{1, 3}, []float32{1, 2, 3, 4}), newRowGrad([]int32{0, 1, 4}, []float32{5, 6, 7, 8, 9, 10})
	d := Constant(5, 2, []float32{1, 1, 1, 1, 1, 1, 1, 1, 1, 1})
	sparse := []float32{5, 6, 8, 10, 0, 0, 3, 4, 9, 10}
	both := []float32{6, 7, 9, 11, 1, 1, 4, 5, 10, 11}
	for name, c := range map[string]struct {
		grads []mat.Tensor
		want  []float32
	}{
		"rows": {[]mat.Tensor{a, b}, sparse}, "rows turned": {[]mat.Tensor{b, a}, sparse},
		"dense last": {[]mat.Tensor{a, b, d}, both}, "dense first": {[]mat.Tensor{d, a, b}, both},
		"dense between": {[]mat.Tensor{a, d, b}, both},
	} {
		p := NewParam("p", []int{5, 2}, make([]float32, 10), true)
		for range 2 { // the second time in memory that is used again
			for _, g := range c.grads {
				p.AccGrad(g)
			}
			near(t, name, Values(p.Grad()), c.want, 0)
			p.ZeroGrad()
			if p.HasGrad() || p.Grad() != nil {
				t.Errorf("%s: a gradient after ZeroGrad", name)
			}
		}
	}
}

func TestGradNorm(t *testing.T) {
	dense := NewParam("a", []int{2}, make([]float32, 2), false)
	dense.AccGrad(Constant(2, 1, []float32{3, 4}))
	table := NewParam("b", []int{100, 1}, make([]float32, 100), true)
	table.AccGrad(newRowGrad([]int32{7, 70}, []float32{0, 12}))
	none := NewParam("c", []int{1}, make([]float32, 1), false)
	e := NewEngine(kernel.Plain, 3)
	var params []Parameter
	for _, p := range []*nn.Param{dense, table, none} {
		params = append(params, Parameter{Param: p})
	}
	if got := e.gradNorm(params); got != 13 {
		t.Errorf("norm %g, want 13", got)
	}
}

func TestSchedules(t *testing.T) {
	linear := Schedule{LinearDecay, 4, 12}
	cosine := Schedule{CosineDecay, 4, 12}
	constant := Schedule{ConstantRate, 4, 12}
	for _, c := range []struct {
		s    Schedule
		done int
		want float64
	}{
		{linear, 0, 0},
		{linear, 1, 0.25},
		{linear, 4, 1},
		{linear, 6, 0.75},
		{linear, 11, 0.125},
		{linear, 12, 0},
		{linear, 20, 0},
		{cosine, 3, 0.75},
		{cosine, 4, 1},
		{cosine, 6, 0.8535533905932737},
		{cosine, 8, 0.5},
		{cosine, 12, 0},
		{cosine, 20, 0},
		{constant, 2, 0.5},
		{constant, 4, 1},
		{constant, 99, 1},
		{Schedule{LinearDecay, 0, 2}, 0, 1},
		{Schedule{LinearDecay, 0, 2}, 1, 0.5},
		{Schedule{LinearDecay, 2, 2}, 2, 1},
	} {
		if got := c.s.Factor(c.done); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v after %d: %g, want %g", c.s, c.done, got, c.want)
		}
	}
	for _, s := range []Schedule{{"steps", 0, 1}, {LinearDecay, -1, 1}, {LinearDecay, 3, 2}, {LinearDecay, 0, 0}} {
		if s.Check() == nil {
			t.Errorf("%+v passes", s)
		}
	}
}
