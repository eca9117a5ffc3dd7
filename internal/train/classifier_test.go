package train

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/kernel"
)

// TestGradientsOfClassifier checks every tensor of an encoder with a head, each
// architecture with its own, against finite differences of a float64 oracle.
func TestGradientsOfClassifier(t *testing.T) {
	targets := []int32{2, 0, 1}
	for _, arch := range []Architecture{BERT, DistilBERT} {
		t.Run(string(arch), func(t *testing.T) {
			config := tinyConfig(arch)
			config.Dropout, config.AttentionDropout = 0, 0
			e, _, _ := tinyModel(t, config)
			c := NewClassifier(e, 3)
			rng := rand.New(rand.NewPCG(8, 9))
			for _, p := range Parameters(c.Hidden, c.Output) {
				for i := range p.Values {
					p.Values[i] = float32(0.3 * rng.NormFloat64())
				}
			}
			b := tinyBatch(config, 7, 1, 18)
			g := NewEngine(testLevel(t), 2).Train(99)
			defer g.Close()
			logits, err := c.Logits(g, b)
			if err != nil {
				t.Fatal(err)
			}
			l, err := g.CrossEntropy(logits, targets)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Backward(l, 1); err != nil {
				t.Fatal(err)
			}
			params := Parameters(c)
			o := newOracle(config, params)
			f := func() float64 { return crossEntropy64(o.classify(b), targets) }
			if want := f(); math.Abs(float64(Values(l)[0])-want) > 1e-5 {
				t.Errorf("loss %.7g, oracle %.7g", Values(l)[0], want)
			}
			o.checkSlopes(t, params, 2e-3, f)
		})
	}
}

// classify is the head of sequence classification.
func (o *oracle) classify(b *Batch) [][]float64 {
	states := o.states(b)
	var x [][]float64
	for i := range b.Len() {
		x = append(x, states[b.Offsets[i]])
	}
	name, activation := "pooler.dense", math.Tanh
	if o.c.Architecture == DistilBERT {
		name, activation = "pre_classifier", func(v float64) float64 { return max(v, 0) }
	}
	x = o.linear(x, name)
	for _, row := range x {
		for i, v := range row {
			row[i] = activation(v)
		}
	}
	return o.linear(x, "classifier")
}

func TestClassifierNames(t *testing.T) {
	for arch, want := range map[Architecture][]string{
		BERT:       {"pooler.dense.weight", "pooler.dense.bias", "classifier.weight", "classifier.bias"},
		DistilBERT: {"pre_classifier.weight", "pre_classifier.bias", "classifier.weight", "classifier.bias"},
	} {
		e, _, _ := tinyModel(t, tinyConfig(arch))
		params := Parameters(NewClassifier(e, 3))
		for i, p := range params[len(params)-4:] {
			if p.Name != want[i] {
				t.Errorf("%s: tensor %s, want %s", arch, p.Name, want[i])
			}
		}
	}
}

// By hand: log(1 + e^-2) + 2 (1 - .25) with y = .25, x = 2; log(1 + e^-1) with
// y = 0, x = -1; their mean.
func TestBinaryCrossEntropy(t *testing.T) {
	c := lossCase{
		name: "binary cross-entropy", shapes: [][2]int{{2, 1}},
		data: [][]float32{{2, -1}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.BinaryCrossEntropy(in[0], []float32{0.25, 0})
		},
		want:  (1.5 + 0.1269280 + 0.3132617) / 2,
		grads: [][]float32{{(0.8807971 - 0.25) / 2, 0.2689414 / 2}},
	}
	c.check(t, NewEngine(testLevel(t), 1))
	g := NewEngine(kernel.Plain, 1).Train(1)
	defer g.Close()
	far := NewParam("p", []int{2, 1}, []float32{500, -500}, true)
	l, err := g.BinaryCrossEntropy(far, []float32{0, 1})
	if err != nil || Values(l)[0] != 500 {
		t.Errorf("far off: %v, %v", l, err)
	}
	for name, targets := range map[string][]float32{"count": {1}, "above": {1, 1.5}, "NaN": {0, float32(math.NaN())}} {
		if _, err := g.BinaryCrossEntropy(far, targets); !errors.Is(err, ErrBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
