package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/losses"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// composed is the encoder put together from spago's own operators in float64,
// one column vector per token.
type composed struct {
	c Config
	w map[string]*nn.Param
}

func newComposed(c Config, params []Parameter) *composed {
	m := &composed{c: c, w: make(map[string]*nn.Param)}
	for _, p := range params {
		v := make([]float64, len(p.Values))
		for i, x := range p.Values {
			v[i] = float64(x)
		}
		m.w[p.Name] = nn.NewParam(mat.NewDense[float64](mat.WithShape(p.Shape()...), mat.WithBacking(v)))
	}
	return m
}

func each(xs []mat.Tensor, f func(mat.Tensor) mat.Tensor) []mat.Tensor { return ag.Map(f, xs) }

func (m *composed) linear(xs []mat.Tensor, name string) []mat.Tensor {
	return each(xs, func(x mat.Tensor) mat.Tensor { return ag.Affine(m.w[name+".bias"], m.w[name+".weight"], x) })
}

// norm is spago's layernorm.Model with weights of ours.
func (m *composed) norm(xs []mat.Tensor, name string) []mat.Tensor {
	eps := mat.Scalar(m.c.LayerNormEps)
	return each(xs, func(x mat.Tensor) mat.Tensor {
		dev := ag.SubScalar(x, ag.ReduceMean(x))
		sd := ag.Sqrt(ag.Add(ag.ReduceMean(ag.Square(dev)), eps))
		return ag.Add(ag.Prod(ag.DivScalar(dev, sd), m.w[name+".weight"]), m.w[name+".bias"])
	})
}

// exactGELU stands in for spago's, which is the tanh form alone.
type exactGELU struct{ x mat.Tensor }

func (o *exactGELU) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *exactGELU) Forward() (mat.Tensor, error) {
	return o.x.Value().(mat.Matrix).Apply(func(_, _ int, v float64) float64 {
		return v / 2 * math.Erfc(-v/math.Sqrt2)
	}), nil
}

func (o *exactGELU) Backward(gy mat.Tensor) error {
	d := o.x.Value().(mat.Matrix).Apply(func(_, _ int, v float64) float64 {
		return math.Erfc(-v/math.Sqrt2)/2 + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
	})
	o.x.AccGrad(d.ProdInPlace(gy.(mat.Matrix)))
	return nil
}

func sum2(a, b []mat.Tensor) []mat.Tensor { return ag.Map2(ag.Add, a, b) }

// sentence is the states of one sentence.
func (m *composed) sentence(ids, types []int32) []mat.Tensor {
	n := names[m.c.Architecture]
	row := func(table string, i int) mat.Tensor { return ag.T(ag.RowView(m.w["embeddings."+table+".weight"], i)) }
	var xs []mat.Tensor
	for t, id := range ids {
		x := ag.Add(row("word_embeddings", int(id)), row("position_embeddings", t))
		if m.c.TypeVocabSize > 0 {
			x = ag.Add(x, row("token_type_embeddings", int(types[t])))
		}
		xs = append(xs, x)
	}
	xs = m.norm(xs, "embeddings.LayerNorm")
	for l := range m.c.Layers {
		at := n.prefix + string(rune('0'+l)) + "."
		xs = m.norm(sum2(xs, m.linear(m.attend(xs, at), at+n.output)), at+n.attentionNorm)
		up := each(m.linear(xs, at+n.up), func(x mat.Tensor) mat.Tensor { return ag.NewOperator(&exactGELU{x}).Run() })
		xs = m.norm(sum2(xs, m.linear(up, at+n.down)), at+n.outputNorm)
	}
	return xs
}

// attend composes scaled dot-product attention; spago's multi-head module hangs
// in Backward.
func (m *composed) attend(xs []mat.Tensor, at string) []mat.Tensor {
	n := names[m.c.Architecture]
	q, k, v := m.linear(xs, at+n.query), m.linear(xs, at+n.key), m.linear(xs, at+n.value)
	d := m.c.Hidden / m.c.Heads
	scale := mat.Scalar(1 / math.Sqrt(float64(d)))
	parts := make([][]mat.Tensor, len(xs))
	for h := range m.c.Heads {
		part := func(x mat.Tensor) mat.Tensor { return ag.Slice(x, h*d, 0, (h+1)*d, 1) }
		keys, values := ag.Stack(each(k, part)...), ag.T(ag.Stack(each(v, part)...))
		for i := range xs {
			p := ag.Softmax(ag.ProdScalar(ag.Mul(keys, part(q[i])), scale))
			parts[i] = append(parts[i], ag.Mul(values, p))
		}
	}
	out := make([]mat.Tensor, len(xs))
	for i := range parts {
		out[i] = ag.Concat(parts[i]...)
	}
	return out
}

// TestAgainstSpago compares a classifier over mean-pooled sentences with the
// same network of spago's operators: loss and every gradient.
func TestAgainstSpago(t *testing.T) {
	for _, arch := range []Architecture{BERT, DistilBERT} {
		t.Run(string(arch), func(t *testing.T) {
			c := tinyConfig(arch)
			c.Dropout, c.AttentionDropout, c.Layers = 0, 0, 2
			e, _, _ := tinyModel(t, c)
			head := NewLinear("classifier", 3, c.Hidden, true)
			rng := rand.New(rand.NewPCG(8, 8))
			for i := range Values(head.Weight) {
				Values(head.Weight)[i] = float32(rng.NormFloat64())
			}
			params := Parameters(e, head)
			b := tinyBatch(c, 5, 9)
			targets := []int32{2, 0}

			m := newComposed(c, params)
			var want []mat.Tensor
			for s, target := range targets {
				lo, hi := b.Offsets[s], b.Offsets[s+1]
				var types []int32
				if arch == BERT {
					types = b.Types[lo:hi]
				}
				mean := ag.Mean(m.sentence(b.IDs[lo:hi], types))
				logits := ag.Affine(m.w["classifier.bias"], m.w["classifier.weight"], mean)
				want = append(want, losses.CrossEntropy(logits, int(target)))
			}
			total := ag.Mean(want)
			if err := ag.Backward(total); err != nil {
				t.Fatal(err)
			}

			g := NewEngine(testLevel(t), 2).Train(1)
			defer g.Close()
			l := classify(t, g, e, head, b, targets)
			if got, want := float64(Values(l)[0]), total.Value().Item().F64(); math.Abs(got-want) > 1e-5 {
				t.Errorf("loss %.7g, spago's %.7g", got, want)
			}
			if err := g.Backward(l, 1); err != nil {
				t.Fatal(err)
			}
			for _, p := range params {
				compareGrads(t, p, m.w[p.Name])
			}
		})
	}
}

func classify(t *testing.T, g *Graph, e *Encoder, head *Linear, b *Batch, targets []int32) mat.Tensor {
	t.Helper()
	states, err := e.Forward(g, b)
	if err != nil {
		t.Fatal(err)
	}
	x, err := g.Pool(states[len(states)-1], b, PoolMean)
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.CrossEntropy(g.Linear(x, head), targets)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func compareGrads(t *testing.T, p Parameter, want *nn.Param) {
	t.Helper()
	got, ref := Values(p.Grad()), want.Grad().Data().F64()
	var size float64
	for _, v := range ref {
		size = max(size, math.Abs(v))
	}
	for i, v := range ref {
		if math.Abs(float64(got[i])-v) > 1e-5*size+2e-7 {
			t.Errorf("%s: gradient %d is %.8g, spago's %.8g", p.Name, i, got[i], v)
			return
		}
	}
}
