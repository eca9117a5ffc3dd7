package train

import (
	"errors"
	"slices"
	"testing"

	"github.com/nlpodyssey/spago/mat"
)

// TestBranchesAreReproducible runs two encoder passes over the same parameters
// and a tensor with many uses, which spago alone would add up in any order.
func TestBranchesAreReproducible(t *testing.T) {
	c := tinyConfig(BERT)
	e, _, params := tinyModel(t, c)
	left, right := tinyBatch(c, 9, 4, 7), tinyBatch(c, 3, 12, 5)
	var want [][]float32
	for try := range 30 {
		g := NewEngine(testLevel(t), 3).Train(4)
		var sides [2]mat.Tensor
		for i, b := range []*Batch{left, right} {
			states, err := e.Forward(g, b)
			if err != nil {
				t.Fatal(err)
			}
			if sides[i], err = g.Pool(states[2], b, PoolMean); err != nil {
				t.Fatal(err)
			}
		}
		var parts []mat.Tensor
		for scale := range 4 {
			l, err := g.InfoNCE(sides[0], sides[1], Contrast{Scale: float64(1 + 7*scale), BothWays: true})
			if err != nil {
				t.Fatal(err)
			}
			parts = append(parts, l)
		}
		l, err := g.Sum([]float64{1, 2, 3, 4}, parts...)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.Backward(l, 1); err != nil {
			t.Fatal(err)
		}
		var got [][]float32
		for _, p := range params {
			if p.HasGrad() {
				got = append(got, slices.Clone(Values(p.Grad())))
			}
			p.ZeroGrad()
		}
		g.Close()
		if want == nil {
			want = got
		}
		if !slices.EqualFunc(got, want, slices.Equal) {
			t.Fatalf("try %d: other gradients", try)
		}
	}
}

// TestFrozenAndFixed: gradients stop at a frozen graph and at parameters that
// are held fixed.
func TestFrozenAndFixed(t *testing.T) {
	c := tinyConfig(DistilBERT)
	e, _, _ := tinyModel(t, c)
	b := tinyBatch(c, 5, 6)
	g := NewEngine(testLevel(t), 2).Train(1)
	defer g.Close()
	e.Layers[0].Up.Weight.SetRequiresGrad(false)
	e.Word.SetRequiresGrad(false)
	states, err := e.Forward(g, b)
	if err != nil {
		t.Fatal(err)
	}
	frozen, _, teacher := tinyModel(t, c)
	theirs, err := frozen.Forward(g.Frozen(), b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.MSE(states[2], theirs[2])
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Backward(l, 1); err != nil {
		t.Fatal(err)
	}
	if e.Layers[0].Up.Weight.HasGrad() || e.Word.HasGrad() || !e.Layers[0].Up.Bias.HasGrad() || !e.Position.HasGrad() {
		t.Error("fixed parameters have gradients, or others none")
	}
	for _, p := range teacher {
		if p.HasGrad() {
			t.Errorf("the teacher's %s has a gradient", p.Name)
		}
	}
	eval := NewEngine(testLevel(t), 1).Eval()
	defer eval.Close()
	if l, err = eval.MSE(states[2], theirs[2]); err != nil {
		t.Fatal(err)
	}
	if err := eval.Backward(l, 1); !errors.Is(err, ErrConfig) {
		t.Error(err)
	}
}
