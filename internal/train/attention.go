package train

import (
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/kernel"
)

// attention is the first block of a layer (Vaswani et al. 2017, section 3.2):
//
//	q, k, v = x WqT + bq, x WkT + bk, x WvT + bv
//	p = softmax(q kT / sqrt(d)) in each sentence and head
//	y = LayerNorm(x + dropout(concat(dropout(p) v) WoT + bo))
type attention struct {
	g        *Graph
	x        mat.Tensor
	l        *Layer
	heads    int
	offsets  []int32
	drop     dropout // of p
	residual residual

	qkv     []float32 // [tokens, 3 hidden]
	context []float32 // [tokens, hidden]
	probs   []float32 // before dropout, see starts
	starts  []int     // where each sentence's [heads, n, Padded(n)] begins in probs
}

func (o *attention) Operands() []mat.Tensor {
	in := []mat.Tensor{o.x}
	for _, l := range []*Linear{o.l.Query, o.l.Key, o.l.Value, o.l.Output} {
		in = append(in, l.Weight, l.Bias)
	}
	return append(in, o.l.AttentionNorm.Weight, o.l.AttentionNorm.Bias)
}

func (o *attention) Forward() (mat.Tensor, error) {
	g, x := o.g, Values(o.x)
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	o.qkv = g.take(rows * 3 * h)
	all := dense(o.qkv, rows, 3*h)
	for i, l := range o.projections() {
		g.project(all.columns(i*h, h), dense(x, rows, h), l)
	}
	o.context = g.take(rows * h)
	o.probs = g.take(o.layout())
	o.eachHead(func(head attentionHead) { head.forward(o) })
	out := g.take(rows * h)
	g.project(dense(out, rows, h), dense(o.context, rows, h), o.l.Output)
	if !g.train {
		g.give(o.qkv, o.context, o.probs)
	}
	return g.tensor(rows, h, o.residual.forward(out, x)), nil
}

func (o *attention) Backward(gy mat.Tensor) error {
	g, x := o.g, Values(o.x)
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	dx, dout := o.residual.backward(Values(gy))
	g.projectGrad(dense(dout, rows, h), o.context, h, o.l.Output)
	dcontext := g.take(rows * h)
	g.e.mulNN(dense(dcontext, rows, h), dense(dout, rows, h), Values(o.l.Output.Weight), false)
	dqkv := g.take(rows * 3 * h)
	o.eachHead(func(head attentionHead) { head.backward(o, dqkv, dcontext) })
	all := dense(dqkv, rows, 3*h)
	for i, l := range o.projections() {
		d := all.columns(i*h, h)
		g.projectGrad(d, x, h, l)
		g.e.mulNN(dense(dx, rows, h), d, Values(l.Weight), true)
	}
	if o.residual.drop.active() {
		g.give(dout)
	}
	g.give(dcontext, dqkv, o.qkv, o.context, o.probs)
	g.passOrGive(o.x, dx)
	g.give(Values(gy))
	return nil
}

func (o *attention) projections() [3]*Linear {
	return [3]*Linear{o.l.Query, o.l.Key, o.l.Value}
}

// layout sets starts and gives the size of probs.
func (o *attention) layout() int {
	o.starts = make([]int, len(o.offsets)-1)
	size := 0
	for i := range o.starts {
		n := int(o.offsets[i+1] - o.offsets[i])
		o.starts[i] = size
		size += o.heads * n * kernel.Padded(n)
	}
	return size
}

// eachHead calls f for every head of every sentence.
func (o *attention) eachHead(f func(attentionHead)) {
	h := o.x.Shape()[1]
	o.g.e.each(len(o.starts)*o.heads, func(i int) {
		sentence, head := i/o.heads, i%o.heads
		lo, n := int(o.offsets[sentence]), int(o.offsets[sentence+1]-o.offsets[sentence])
		f(attentionHead{
			g: o.g, first: lo, n: n, head: head, heads: o.heads, dim: h / o.heads,
			probs: matrix{o.probs[o.starts[sentence]+head*n*kernel.Padded(n):], n, n, kernel.Padded(n)},
		})
	})
}

// attentionHead is one head of one sentence: tokens [first, first+n).
type attentionHead struct {
	g                          *Graph
	first, n, head, heads, dim int
	probs                      matrix // [n, n]
}

// view is this head's part of a matrix [tokens, parts hidden].
func (a *attentionHead) view(data []float32, part, parts int) matrix {
	h := a.heads * a.dim
	return matrix{data[a.first*parts*h+part*h+a.head*a.dim:], a.n, a.dim, parts * h}
}

// dropped is the probabilities after dropout, which the caller gives back if
// they are a buffer of their own.
func (a *attentionHead) dropped(d dropout) (p matrix, own bool) {
	if !d.active() {
		return a.probs, false
	}
	p = a.probs
	p.data = a.g.e.ws.take(a.n * p.stride)
	for i := range a.n {
		row := p.data[i*p.stride : (i+1)*p.stride]
		copy(row, a.probs.data[i*p.stride:])
		a.mask(d, row, i)
	}
	return p, true
}

// mask applies dropout to query i's probabilities.
func (a *attentionHead) mask(d dropout, row []float32, i int) {
	d.apply(row[:a.n], (a.first+i)*a.heads+a.head)
}

func (a *attentionHead) scale() float32 { return float32(1 / math.Sqrt(float64(a.dim))) }

func (a *attentionHead) forward(o *attention) {
	e := a.g.e
	e.smallNT(a.probs, a.view(o.qkv, 0, 3), a.view(o.qkv, 1, 3))
	for i := range a.n {
		e.level.Softmax(a.probs.data[i*a.probs.stride:(i+1)*a.probs.stride], a.n, a.scale())
	}
	p, own := a.dropped(o.drop)
	e.smallNN(a.view(o.context, 0, 1), p, a.view(o.qkv, 2, 3))
	if own {
		e.ws.give(p.data)
	}
}

// backward writes this head's part of dqkv:
//
//	dv = pT dc    dp = dc vT    ds = p (dp - sum(dp p)) / sqrt(d)
//	dq = ds k     dk = dsT q
func (a *attentionHead) backward(o *attention, dqkv, dcontext []float32) {
	e := a.g.e
	dc := a.view(dcontext, 0, 1)
	p, own := a.dropped(o.drop)
	e.smallTN(a.view(dqkv, 2, 3), p, dc)
	if own {
		e.ws.give(p.data)
	}
	ds := a.probs
	ds.data = e.ws.take(a.n * ds.stride)
	e.smallNT(ds, dc, a.view(o.qkv, 2, 3))
	scale := a.scale()
	for i := range a.n {
		row, prob := ds.row(i), a.probs.row(i)
		a.mask(o.drop, row, i)
		sum := e.level.Dot(row, prob)
		for j, v := range row {
			row[j] = prob[j] * (v - sum) * scale
		}
	}
	e.smallNN(a.view(dqkv, 0, 3), ds, a.view(o.qkv, 1, 3))
	e.smallTN(a.view(dqkv, 1, 3), ds, a.view(o.qkv, 0, 3))
	e.ws.give(ds.data)
}
