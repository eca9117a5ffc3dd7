package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"semdex/internal/kernel"
)

// oracle is the encoder and its MLM head in float64, written from the papers'
// formulas without regard to speed: what gradients are checked against by finite
// differences.
type oracle struct {
	c    Config
	w    map[string][]float64
	seed uint64 // of dropout; sites as in Graph
	drop bool
}

func newOracle(c Config, params []Parameter) *oracle {
	o := &oracle{c: c, w: make(map[string][]float64)}
	for _, p := range params {
		v := make([]float64, len(p.Values))
		for i, x := range p.Values {
			v[i] = float64(x)
		}
		o.w[p.Name] = v
	}
	return o
}

// mask applies the dropout of a site to rows.
func (o *oracle) mask(x [][]float64, site uint64, rate float64, row func(i int) int) {
	if !o.drop || rate == 0 {
		return
	}
	drop := uint32(math.Round(rate * 65536))
	d := dropout{seed: Seed(o.seed, site), drop: drop, scale: float32(1 / (1 - float64(drop)/65536))}
	for i := range x {
		m := make([]float32, len(x[i]))
		for j := range m {
			m[j] = 1
		}
		d.apply(kernel.Plain, m, row(i))
		for j := range m {
			x[i][j] *= float64(m[j])
		}
	}
}

func same(i int) int { return i }

func (o *oracle) linear(x [][]float64, name string) [][]float64 {
	return o.decode(x, o.w[name+".weight"], o.w[name+".bias"])
}

func (o *oracle) decode(x [][]float64, w, b []float64) [][]float64 {
	y := make([][]float64, len(x))
	for i, row := range x {
		y[i] = make([]float64, len(b))
		for j := range b {
			s := b[j]
			for k, v := range row {
				s += v * w[j*len(row)+k]
			}
			y[i][j] = s
		}
	}
	return y
}

func (o *oracle) norm(x [][]float64, name string) [][]float64 {
	w, b := o.w[name+".weight"], o.w[name+".bias"]
	y := make([][]float64, len(x))
	for i, row := range x {
		var mean, sq float64
		for _, v := range row {
			mean += v / float64(len(row))
		}
		for _, v := range row {
			sq += (v - mean) * (v - mean) / float64(len(row))
		}
		y[i] = make([]float64, len(row))
		for j, v := range row {
			y[i][j] = (v-mean)/math.Sqrt(sq+o.c.LayerNormEps)*w[j] + b[j]
		}
	}
	return y
}

func gelu64(x [][]float64) [][]float64 {
	for _, row := range x {
		for j, v := range row {
			row[j] = v / 2 * math.Erfc(-v/math.Sqrt2)
		}
	}
	return x
}

func softmax64(x []float64) []float64 {
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, v)
	}
	p := make([]float64, len(x))
	for i, v := range x {
		p[i] = math.Exp(v - top)
		sum += p[i]
	}
	for i := range p {
		p[i] /= sum
	}
	return p
}

func plus(a, b [][]float64) [][]float64 {
	y := make([][]float64, len(a))
	for i := range a {
		y[i] = make([]float64, len(a[i]))
		for j := range a[i] {
			y[i][j] = a[i][j] + b[i][j]
		}
	}
	return y
}

// states is the last layer's states.
func (o *oracle) states(b *Batch) [][]float64 {
	n := names[o.c.Architecture]
	h := o.c.Hidden
	x := make([][]float64, b.Tokens())
	pos := b.positions()
	for t, id := range b.IDs {
		x[t] = make([]float64, h)
		for j := range h {
			x[t][j] = o.w["embeddings.word_embeddings.weight"][int(id)*h+j] +
				o.w["embeddings.position_embeddings.weight"][int(pos[t])*h+j]
			if o.c.TypeVocabSize > 0 {
				x[t][j] += o.w["embeddings.token_type_embeddings.weight"][int(b.Types[t])*h+j]
			}
		}
	}
	x = o.norm(x, "embeddings.LayerNorm")
	o.mask(x, 1, o.c.Dropout, same)
	rate := o.c.Dropout
	if o.c.Architecture == DistilBERT {
		rate = 0
	}
	for l := range o.c.Layers {
		at := n.prefix + string(rune('0'+l)) + "."
		site := uint64(2 + 3*l)
		out := o.linear(o.attend(x, at, site, b), at+n.output)
		o.mask(out, site+1, rate, same)
		x = o.norm(plus(x, out), at+n.attentionNorm)
		out = o.linear(gelu64(o.linear(x, at+n.up)), at+n.down)
		o.mask(out, site+2, o.c.Dropout, same)
		x = o.norm(plus(x, out), at+n.outputNorm)
	}
	return x
}

func (o *oracle) attend(x [][]float64, at string, site uint64, b *Batch) [][]float64 {
	n := names[o.c.Architecture]
	q, k, v := o.linear(x, at+n.query), o.linear(x, at+n.key), o.linear(x, at+n.value)
	d := o.c.Hidden / o.c.Heads
	y := make([][]float64, len(x))
	for i := range y {
		y[i] = make([]float64, o.c.Hidden)
	}
	for s := range b.Len() {
		lo, hi := int(b.Offsets[s]), int(b.Offsets[s+1])
		for head := range o.c.Heads {
			for i := lo; i < hi; i++ {
				score := make([]float64, hi-lo)
				for j := range score {
					for c := head * d; c < (head+1)*d; c++ {
						score[j] += q[i][c] * k[lo+j][c] / math.Sqrt(float64(d))
					}
				}
				p := [][]float64{softmax64(score)}
				o.mask(p, site, o.c.AttentionDropout, func(int) int { return i*o.c.Heads + head })
				for j := range score {
					for c := head * d; c < (head+1)*d; c++ {
						y[i][c] += p[0][j] * v[lo+j][c]
					}
				}
			}
		}
	}
	return y
}

// logits is the MLM head at the given rows.
func (o *oracle) logits(states [][]float64, rows []int32) [][]float64 {
	dense, norm, bias := "vocab_transform", "vocab_layer_norm", "vocab_projector.bias"
	if o.c.Architecture == BERT {
		dense, norm, bias = "cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions.bias"
	}
	var x [][]float64
	for _, r := range rows {
		x = append(x, states[r])
	}
	x = o.norm(gelu64(o.linear(x, dense)), norm)
	return o.decode(x, o.w["embeddings.word_embeddings.weight"], o.w[bias])
}

func crossEntropy64(logits [][]float64, targets []int32) float64 {
	var sum float64
	for i, t := range targets {
		sum -= math.Log(softmax64(logits[i])[t])
	}
	return sum / float64(len(targets))
}

// slope is the derivative of f along a direction of one tensor, by a central
// difference.
func (o *oracle) slope(name string, direction []float64, f func() float64) float64 {
	const step = 1e-5
	w := o.w[name]
	move := func(by float64) {
		for i, d := range direction {
			w[i] += by * d
		}
	}
	move(step)
	up := f()
	move(-2 * step)
	down := f()
	move(step)
	return (up - down) / (2 * step)
}

// checkSlopes compares the gradients of all parameters with finite differences
// of f, along random directions and single coordinates.
func (o *oracle) checkSlopes(t *testing.T, params []Parameter, tolerance float64, f func() float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range params {
		if !p.HasGrad() {
			t.Errorf("%s has no gradient", p.Name)
			continue
		}
		grad := Values(p.Grad())
		var size float64
		for _, v := range grad {
			size += float64(v) * float64(v)
		}
		size = math.Sqrt(size)
		for try := range 6 {
			d := make([]float64, len(grad))
			if try < 3 {
				for i := range d {
					d[i] = rng.NormFloat64() / math.Sqrt(float64(len(d)))
				}
			} else {
				d[rng.IntN(len(d))] = 1
			}
			var got float64
			for i, v := range grad {
				got += float64(v) * d[i]
			}
			want := o.slope(p.Name, d, f)
			if math.Abs(got-want) > tolerance*(math.Abs(want)+size/math.Sqrt(float64(len(d)))+1e-3) {
				t.Errorf("%s, direction %d: slope %.8g, finite difference %.8g (gradient's norm %.3g)", p.Name, try, got, want, size)
			}
		}
	}
}

// tinyConfig is a model that a float64 oracle runs in no time, with widths that
// leave tails in every kernel.
func tinyConfig(a Architecture) Config {
	c := Config{
		Architecture: a, VocabSize: 37, Hidden: 24, Layers: 2, Heads: 3, Intermediate: 40,
		MaxPositions: 19, LayerNormEps: 1e-12, Dropout: 0.1, AttentionDropout: 0.2,
	}
	if a == BERT {
		c.TypeVocabSize = 2
	}
	return c
}

// tinyModel is a model with weights large enough to leave every linear range.
func tinyModel(t testing.TB, c Config) (*Encoder, *MLMHead, []Parameter) {
	t.Helper()
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	head := NewMLMHead(c)
	params := Parameters(e, head)
	for _, p := range params {
		rng := rand.New(rand.NewPCG(3, nameSeed(p.Name)))
		for i := range p.Values {
			p.Values[i] += float32(0.25 * rng.NormFloat64())
		}
	}
	return e, head, params
}

func tinyBatch(c Config, lengths ...int) *Batch {
	rng := rand.New(rand.NewPCG(5, 6))
	b := new(Batch)
	for _, n := range lengths {
		ids, types := make([]int32, n), make([]int32, n)
		for i := range ids {
			ids[i] = rng.Int32N(int32(c.VocabSize))
			types[i] = int32(2 * i / n)
		}
		if c.TypeVocabSize == 0 {
			types = nil
		}
		b.Append(ids, types)
	}
	return b
}

func testLevel(t testing.TB) kernel.Level {
	t.Helper()
	l, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var (
	maskedRows    = []int32{1, 4, 5, 9, 17}
	maskedTargets = []int32{7, 0, 36, 12, 7}
)

func TestGradientsOfMLM(t *testing.T) {
	for _, arch := range []Architecture{BERT, DistilBERT} {
		for _, level := range []kernel.Level{testLevel(t), kernel.Plain} {
			t.Run(string(arch)+"/"+level.String(), func(t *testing.T) {
				c := tinyConfig(arch)
				e, head, params := tinyModel(t, c)
				b := tinyBatch(c, 7, 1, 18)
				g := NewEngine(level, 2).Train(99)
				defer g.Close()
				value := mlmLoss(t, g, e, head, b)
				o := newOracle(c, params)
				o.drop, o.seed = true, 99
				f := func() float64 { return crossEntropy64(o.logits(o.states(b), maskedRows), maskedTargets) }
				if want := f(); math.Abs(value-want) > 2e-5*want {
					t.Errorf("loss %.8g, want %.8g", value, want)
				}
				o.checkSlopes(t, params, 2e-4, f)
			})
		}
	}
}

// mlmLoss runs a step and gives its loss.
func mlmLoss(t testing.TB, g *Graph, e *Encoder, head *MLMHead, b *Batch) float64 {
	t.Helper()
	states, err := e.Forward(g, b)
	if err != nil {
		t.Fatal(err)
	}
	logits, err := head.Logits(g, states[len(states)-1], maskedRows, e.Word)
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.CrossEntropy(logits, maskedTargets)
	if err != nil {
		t.Fatal(err)
	}
	value := float64(Values(l)[0])
	if g.Training() {
		if err := g.Backward(l, 1); err != nil {
			t.Fatal(err)
		}
	}
	return value
}
