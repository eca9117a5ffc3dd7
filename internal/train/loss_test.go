package train

import (
	"errors"
	"math"
	"testing"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"

	"semdex/internal/kernel"
)

// lossCase is a loss of parameters, with its value worked by hand.
type lossCase struct {
	name   string
	shapes [][2]int
	data   [][]float32
	loss   func(g *Graph, in []mat.Tensor) (mat.Tensor, error)
	want   float64
	grads  [][]float32 // worked by hand; nil: by finite differences alone
}

// By hand, with e1 = e = 2.718282, e2 = 7.389056, e3 = 20.085537:
//
//	softmax(1, 2, 3)    = (.0900306, .2447285, .6652410)    -ln .6652410 = .4076060
//	softmax(.5, 1, 1.5) = (.1863237, .3071959, .5064804)
//	softmax(0, 0, 0)    = 1/3 each, ln 3 = 1.0986123
var lossCases = []lossCase{
	{
		name: "cross-entropy, one row ignored", shapes: [][2]int{{3, 3}},
		data: [][]float32{{1, 2, 3, 7, 8, 9, 0, 0, 0}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.CrossEntropy(in[0], []int32{2, Ignore, 0})
		},
		want:  (0.4076060 + 1.0986123) / 2,
		grads: [][]float32{{0.0450153, 0.1223642, -0.1673795, 0, 0, 0, -1.0 / 3, 1.0 / 6, 1.0 / 6}},
	},
	{
		// T = 2: teacher (.1863237, .3071959, .5064804), student uniform.
		// KL = ln 3 - H, H = .3130741 + .3625740 + .3445432 = 1.0201913.
		name: "KL at temperature 2", shapes: [][2]int{{1, 3}},
		data: [][]float32{{5, 5, 5}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.KL(in[0], Constant(1, 3, []float32{1, 2, 3}), 2)
		},
		want:  4 * (1.0986123 - 1.0201913),
		grads: [][]float32{{2 * (1.0/3 - 0.1863237), 2 * (1.0/3 - 0.3071959), 2 * (1.0/3 - 0.5064804)}},
	},
	{
		name: "MSE, both sides", shapes: [][2]int{{2, 2}, {2, 2}},
		data: [][]float32{{1, 2, 3, 4}, {1, 0, 6, 4}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) { return g.MSE(in[0], in[1]) },
		want: (4 + 9) / 4.0, grads: [][]float32{{0, 1, -1.5, 0}, {0, -1, 1.5, 0}},
	},
	{
		// cos((3, 4), (4, 3)) = 24/25, cos((1, 0), (1, 1)) = .7071068, label and
		// margin .2.
		name: "cosine embedding", shapes: [][2]int{{2, 2}, {2, 2}},
		data: [][]float32{{3, 4, 1, 0}, {4, 3, 1, 1}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			c, err := g.Cosine(in[0], in[1], nil, nil)
			if err != nil {
				return nil, err
			}
			return g.CosineEmbedding(c, []bool{true, false}, 0.2)
		},
		want: (0.04 + 0.5071068) / 2,
		// d cos / du = (v/|v| - cos u/|u|)/|u| = ((.8, .6) - .96 (.6, .8))/5.
		grads: [][]float32{{-0.0224, 0.0168, 0, 0.3535534}, {0.0168, -0.0224, 0.1767767, -0.1767767}},
	},
	{
		// Anchors e1, e2; candidates e1, (.6, .8), e1: cosines (1, .6, 1) and
		// (0, .8, 0), scale 2.
		// Forward: -ln e^2/(2 e^2 + e^1.2) = .8967247,
		// -ln e^1.6/(e^1.6 + 2) = .3395305; back: -ln e^2/(e^2 + 1) = .1269280,
		// -ln e^1.6/(e^1.2 + e^1.6) = .5130153.
		name: "InfoNCE both ways", shapes: [][2]int{{2, 2}, {3, 2}},
		data: [][]float32{{2, 0, 0, 3}, {1, 0, 3, 4, 5, 0}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[1], Contrast{Scale: 2, BothWays: true})
		},
		want: (math.Log(2+math.Exp(-0.8)) + math.Log(1+2*math.Exp(-1.6)) + 0.1269280 + 0.5130153) / 4,
	},
	{
		name: "InfoNCE one way in one tensor", shapes: [][2]int{{4, 3}},
		data: [][]float32{{2, 0, 0, 0, 3, 0, 1, 0, 0, 3, 4, 0}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[0], Contrast{Anchors: []int32{0, 1}, Candidates: []int32{2, 3}, Scale: 2})
		},
		want: (math.Log(1+math.Exp(-0.8)) + math.Log(1+math.Exp(-1.6))) / 2,
	},
	{
		// Candidate 2 is the text of candidate 0: it does not count against
		// anchor 0, but against anchor 1.
		name: "InfoNCE with a repeated text", shapes: [][2]int{{2, 2}, {3, 2}},
		data: [][]float32{{2, 0, 0, 3}, {1, 0, 3, 4, 5, 0}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[1], Contrast{
				Scale: 2, AnchorTexts: []int32{10, 11}, CandidateTexts: []int32{20, 21, 20},
			})
		},
		want: (math.Log(1+math.Exp(-0.8)) + math.Log(1+2*math.Exp(-1.6))) / 2,
	},
	{
		// label 0 > 1 > 2 = 3: exponents 2 (.5 - .9), 2 (.1 - .9), 2 (.4 - .9),
		// 2 (.1 - .5), 2 (.4 - .5).
		name: "CoSENT", shapes: [][2]int{{4, 1}},
		data: [][]float32{{0.9, 0.5, 0.1, 0.4}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.CoSENT(in[0], []float32{3, 2, 1, 1}, 2)
		},
		want: math.Log(1 + math.Exp(-0.8) + math.Exp(-1.6) + math.Exp(-1) + math.Exp(-0.8) + math.Exp(-0.2)),
	},
	{
		// Sentence 0: starts (1, 2, 3) -> .6652410 at 2, ends (0, 0, 0) at 2.
		// Sentence 1 has no span.
		name: "span", shapes: [][2]int{{5, 2}},
		data: [][]float32{{1, 0, 2, 0, 3, 0, 9, 9, 8, 8}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			b := &Batch{IDs: make([]int32, 5), Offsets: []int32{0, 3, 5}}
			return g.Span(in[0], b, []int32{2, Ignore}, []int32{2, Ignore})
		},
		want:  (0.4076060 + 1.0986123) / 2,
		grads: [][]float32{{0.0450153, 1.0 / 6, 0.1223642, 1.0 / 6, -0.1673795, -1.0 / 3, 0, 0, 0, 0}},
	},
	{
		name: "weighted sum", shapes: [][2]int{{1, 3}, {1, 2}},
		data: [][]float32{{1, 2, 3}, {1, 3}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			ce, err1 := g.CrossEntropy(in[0], []int32{2})
			mse, err2 := g.MSE(in[1], Constant(1, 2, []float32{0, 0}))
			if err := errors.Join(err1, err2); err != nil {
				return nil, err
			}
			return g.Sum([]float64{0.1, 2}, ce, mse)
		},
		want: 0.0407606 + 10, grads: [][]float32{{0.00900306, 0.02447285, -0.0334759}, {2, 6}},
	},
	{
		// Unit rows (.6, .8), (0, 1): inner products .8 with themselves 1.
		name: "relations", shapes: [][2]int{{2, 2}},
		data: [][]float32{{3, 4, 0, 2}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			u := g.Unit(in[0])
			s, err := g.Gram(u, u)
			if err != nil {
				return nil, err
			}
			return g.MSE(s, Constant(2, 2, []float32{1, 0.3, 0.3, 1}))
		},
		want: 2 * 0.25 / 4,
		// d/d.8 = .5; through the first row ((0, 1) - .8 (.6, .8))/5, through the
		// second ((.6, .8) - .8 (0, 1))/2.
		grads: [][]float32{{-0.048, 0.036, 0.15, 0}},
	},
	{
		name: "pooling, features and a head", shapes: [][2]int{{7, 2}, {3, 6}, {3, 1}},
		data: [][]float32{
			{1, 2, 3, -4, 0, 1, 2, 2.5, 5, 1, -1, 0, 3, 3},
			{.1, -.2, .3, .4, .5, -.6, .2, .1, 0, -.3, .2, .7, 0, .3, -.1, .2, .2, .1},
			{0.1, 0.2, 0.3},
		},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			b := &Batch{IDs: make([]int32, 7), Offsets: []int32{0, 2, 3, 7}}
			var sum []mat.Tensor
			for _, mode := range []Pooling{PoolMean, PoolCLS, PoolMax} {
				x, err := g.Pool(in[0], b, mode)
				if err != nil {
					return nil, err
				}
				if x, err = g.PairFeatures(x, []int32{0, 1}, []int32{2, 2}); err != nil {
					return nil, err
				}
				x = g.Linear(x, &Linear{Weight: in[1].(*nn.Param), Bias: in[2].(*nn.Param)})
				a, err := g.Activate(x, map[Pooling]Activation{PoolMean: Tanh, PoolCLS: GELU, PoolMax: ReLU}[mode])
				if err != nil {
					return nil, err
				}
				l, err := g.CrossEntropy(a, []int32{0, 2})
				if err != nil {
					return nil, err
				}
				sum = append(sum, l)
			}
			return g.Sum([]float64{1, 2, 3}, sum...)
		},
		want: -1,
	},
}

func TestLosses(t *testing.T) {
	for _, level := range []kernel.Level{kernel.Plain, testLevel(t)} {
		for _, c := range lossCases {
			t.Run(level.String()+"/"+c.name, func(t *testing.T) { c.check(t, NewEngine(level, 2)) })
		}
	}
}

func (c *lossCase) check(t *testing.T, e *Engine) {
	var params []mat.Tensor
	for i, s := range c.shapes {
		params = append(params, NewParam("p", s[:], append([]float32(nil), c.data[i]...), true))
	}
	value := func(train bool) float64 {
		g := e.Eval()
		if train {
			g = e.Train(1)
		}
		defer g.Close()
		l, err := c.loss(g, params)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(Values(l)[0])
		if train {
			if err := g.Backward(l, 1); err != nil {
				t.Fatal(err)
			}
		}
		return v
	}
	got := value(true)
	if c.want >= 0 && math.Abs(got-c.want) > 2e-6*max(1, c.want) {
		t.Errorf("loss %.8g, want %.8g", got, c.want)
	}
	if again := value(false); again != got {
		t.Errorf("without gradients the loss is %.9g, with them %.9g", again, got)
	}
	for i, p := range params {
		grad := Values(p.Grad())
		if c.grads != nil {
			near(t, "gradient", grad, c.grads[i], 1e-6)
		}
		x := Values(p)
		for j := range x {
			const step = 1e-2
			was := x[j]
			x[j] = was + step
			up := value(false)
			x[j] = was - step
			down := value(false)
			x[j] = was
			if want := (up - down) / (2 * step); math.Abs(float64(grad[j])-want) > 3e-4*max(1, math.Abs(want)) {
				t.Errorf("operand %d: gradient %d is %.6g, finite difference %.6g", i, j, grad[j], want)
			}
		}
	}
}

// TestCrossEntropyUnderflow: a target far below the top has a finite loss.
func TestCrossEntropyUnderflow(t *testing.T) {
	g := NewEngine(testLevel(t), 1).Train(1)
	defer g.Close()
	p := NewParam("p", []int{1, 2}, []float32{500, -500}, true)
	l, err := g.CrossEntropy(p, []int32{1})
	if err != nil {
		t.Fatal(err)
	}
	if got := Values(l)[0]; got != 1000 {
		t.Errorf("loss %g, want 1000", got)
	}
}

func TestLossesRefuse(t *testing.T) {
	g := NewEngine(kernel.Plain, 1).Eval()
	defer g.Close()
	x, y, one := Constant(2, 3, make([]float32, 6)), Constant(3, 3, make([]float32, 9)), Constant(2, 1, make([]float32, 2))
	b := &Batch{IDs: make([]int32, 2), Offsets: []int32{0, 2}}
	two := Constant(2, 2, make([]float32, 4))
	for name, try := range map[string]func() error{
		"targets":     func() error { _, err := g.CrossEntropy(x, []int32{0}); return err },
		"class":       func() error { _, err := g.CrossEntropy(x, []int32{0, 3}); return err },
		"negative":    func() error { _, err := g.CrossEntropy(x, []int32{0, -1}); return err },
		"no target":   func() error { _, err := g.CrossEntropy(x, []int32{Ignore, Ignore}); return err },
		"shapes":      func() error { _, err := g.KL(x, y, 1); return err },
		"temperature": func() error { _, err := g.KL(x, x, 0); return err },
		"MSE":         func() error { _, err := g.MSE(x, y); return err },
		"cosine":      func() error { _, err := g.Cosine(x, y, nil, nil); return err },
		"cosine row":  func() error { _, err := g.Cosine(x, y, []int32{2}, []int32{0}); return err },
		"dimensions":  func() error { _, err := g.Cosine(x, two, nil, nil); return err },
		"labels":      func() error { _, err := g.CoSENT(one, []float32{1}, 20); return err },
		"together":    func() error { _, err := g.CosineEmbedding(one, nil, 0); return err },
		"candidates":  func() error { _, err := g.InfoNCE(y, x, Contrast{Scale: 20}); return err },
		"scale":       func() error { _, err := g.InfoNCE(x, y, Contrast{}); return err },
		"texts":       func() error { _, err := g.InfoNCE(x, y, Contrast{Scale: 1, AnchorTexts: []int32{1}}); return err },
		"span end":    func() error { _, err := g.Span(two, b, []int32{1}, []int32{0}); return err },
		"span long":   func() error { _, err := g.Span(two, b, []int32{1}, []int32{2}); return err },
		"span shape":  func() error { _, err := g.Span(x, b, []int32{0}, []int32{0}); return err },
		"rows":        func() error { _, err := g.Rows(x, []int32{2}); return err },
		"no rows":     func() error { _, err := g.Rows(x, nil); return err },
		"sum":         func() error { _, err := g.Sum([]float64{1}); return err },
		"gram":        func() error { _, err := g.Gram(x, two); return err },
		"pairs":       func() error { _, err := g.PairFeatures(x, []int32{0}, []int32{5}); return err },
	} {
		if err := try(); !errors.Is(err, ErrBatch) && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDropout checks rate, scale and independence of rows, sites and seeds.
func TestDropout(t *testing.T) {
	e := NewEngine(kernel.Plain, 1)
	masks := make(map[string]bool)
	for _, rate := range []float64{0.1, 0.5} {
		dropped, total := 0, 0
		for seed := range uint64(3) {
			g := e.Train(seed)
			for range 3 {
				d := g.dropout(rate)
				for row := range 300 {
					x := make([]float32, 101)
					for i := range x {
						x[i] = 2
					}
					d.apply(e.level, x, row)
					key := ""
					for _, v := range x {
						total++
						if v == 0 {
							dropped++
							key += "0"
							continue
						}
						key += "1"
						if want := 2 / (1 - rate); math.Abs(float64(v)-want) > 1e-4 {
							t.Fatalf("kept value %g, want %g", v, want)
						}
					}
					if masks[key] {
						t.Fatal("a mask comes twice")
					}
					masks[key] = true
				}
			}
			g.Close()
		}
		// Four standard deviations.
		if share := float64(dropped) / float64(total); math.Abs(share-rate) > 4*math.Sqrt(rate*(1-rate)/float64(total)) {
			t.Errorf("rate %g drops %.4f", rate, share)
		}
	}
}
