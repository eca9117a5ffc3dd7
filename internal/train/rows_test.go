package train

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/nlpodyssey/spago/mat"
)

// forward gives the last states of rows by ForwardRows, or by Forward and Rows.
func forward(e *Encoder, g *Graph, b *Batch, rows []int32, some bool) (mat.Tensor, error) {
	if some {
		return e.ForwardRows(g, b, rows)
	}
	states, err := e.Forward(g, b)
	if err != nil {
		return nil, err
	}
	return g.Rows(states[len(states)-1], rows)
}

// TestForwardRowsIsForward compares the loss and every gradient with those of a
// forward pass over all tokens, dropout included.
func TestForwardRowsIsForward(t *testing.T) {
	for _, arch := range []Architecture{BERT, DistilBERT} {
		c := tinyConfig(arch)
		c.Dropout, c.AttentionDropout = 0.1, 0.1
		b := tinyBatch(c, 7, 3, 1, 19)
		rows := []int32{1, 4, 10, 11, 20, 29} // none in the second sentence
		targets := []int32{3, 0, 36, 12, 7, 20}
		run := func(train bool, some bool) (float64, []Parameter) {
			e, head, params := tinyModel(t, c)
			engine := NewEngine(testLevel(t), 2)
			g := engine.Eval()
			if train {
				g = engine.Train(5)
			}
			defer g.Close()
			x, err := forward(e, g, b, rows, some)
			if err == nil {
				x, err = head.Scores(g, x, e.Word)
			}
			if err == nil {
				x, err = g.CrossEntropy(x, targets)
			}
			if err != nil {
				t.Fatal(err)
			}
			loss := float64(Values(x)[0])
			if train {
				err = g.Backward(x, 1)
			}
			if err != nil {
				t.Fatal(err)
			}
			return loss, params
		}
		all, _ := run(false, false)
		if some, _ := run(false, true); some != all {
			t.Errorf("%s: %.9g instead of %.9g", arch, some, all)
		}
		all, want := run(true, false)
		some, got := run(true, true)
		if some != all {
			t.Errorf("%s: with dropout %.9g instead of %.9g", arch, some, all)
		}
		for i, p := range want {
			g, w := paramTensor(got[i].Param), paramTensor(p.Param)
			if g.HasGrad() != w.HasGrad() {
				t.Fatalf("%s: %s has a gradient: %v", arch, p.Name, g.HasGrad())
			}
			if !w.HasGrad() {
				continue
			}
			near(t, string(arch)+" "+p.Name, Values(g.Grad()), Values(w.Grad()), 1e-6)
		}
	}
}

func TestForwardRowsRefuses(t *testing.T) {
	c := tinyConfig(BERT)
	e, _, _ := tinyModel(t, c)
	engine := NewEngine(testLevel(t), 1)
	b := tinyBatch(c, 7, 3)
	for _, rows := range [][]int32{nil, {3, 3}, {4, 2}, {-1}, {10}} {
		g := engine.Eval()
		if _, err := e.ForwardRows(g, b, rows); !errors.Is(err, ErrBatch) {
			t.Errorf("rows %v: %v", rows, err)
		}
		g.Close()
	}
	bad := &Batch{IDs: slices.Clone(b.IDs), Offsets: b.Offsets}
	bad.IDs[0] = math.MaxInt32
	if _, err := e.ForwardRows(engine.Eval(), bad, []int32{1}); !errors.Is(err, ErrBatch) {
		t.Errorf("a bad batch: %v", err)
	}
}
