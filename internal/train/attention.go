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
	starts  []int     // where each sentence's [heads, n, WholePanels(n)] begins in probs
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
		size += o.heads * n * kernel.WholePanels(n)
	}
	return size
}

// eachHead calls f for every head of every sentence.
func (o *attention) eachHead(f func(attentionHead)) {
	h, longest := o.x.Shape()[1], 0
	for i := range o.starts {
		longest = max(longest, int(o.offsets[i+1]-o.offsets[i]))
	}
	square, dim := longest*kernel.WholePanels(longest), h/o.heads
	room := headScratch(longest, dim)
	o.g.e.eachWith(len(o.starts)*o.heads, square+room, func(i int, buf []float32) {
		sentence, head := i/o.heads, i%o.heads
		lo, n := int(o.offsets[sentence]), int(o.offsets[sentence+1]-o.offsets[sentence])
		stride := kernel.WholePanels(n)
		f(attentionHead{
			level: o.g.e.level, first: lo, n: n, head: head, heads: o.heads, dim: dim,
			probs:  matrix{o.probs[o.starts[sentence]+head*n*stride:], n, n, stride},
			square: matrix{buf, n, n, stride}, scratch: buf[square:],
		})
	})
}

// headScratch is the number of values that the products of a head need.
func headScratch(n, dim int) int {
	most := 0
	for _, p := range []kernel.Product{{M: n, N: n, K: dim, LDA: dim, TransB: true}, {M: n, N: dim, K: n, LDA: n, TransA: true}} {
		most = max(most, p.Scratch(p.Panels()))
	}
	return most
}

// attentionHead is one head of one sentence: tokens [first, first+n).
type attentionHead struct {
	level                      kernel.Level
	first, n, head, heads, dim int
	probs                      matrix // [n, n]
	square                     matrix // [n, n], a buffer
	scratch                    []float32
}

// view is this head's part of a matrix [tokens, parts hidden].
func (a *attentionHead) view(data []float32, part, parts int) matrix {
	h := a.heads * a.dim
	return matrix{data[a.first*parts*h+part*h+a.head*a.dim:], a.n, a.dim, parts * h}
}

// mul computes c = op(a) op(b) on this goroutine.
func (a *attentionHead) mul(p kernel.Product) { p.Run(a.level, 0, p.Panels(), a.scratch) }

// dropped is the probabilities after dropout, in the buffer if there is any.
func (a *attentionHead) dropped(d dropout) matrix {
	if !d.active() {
		return a.probs
	}
	for i := range a.n {
		row := a.padded(a.square, i)
		copy(row, a.padded(a.probs, i))
		a.mask(d, row, i)
	}
	return a.square
}

// padded is a row of a square matrix up to whole vectors.
func (a *attentionHead) padded(m matrix, i int) []float32 {
	return m.data[i*m.stride:][:kernel.Padded(a.n)]
}

// mask applies dropout to query i's probabilities.
func (a *attentionHead) mask(d dropout, row []float32, i int) {
	d.apply(a.level, row, (a.first+i)*a.heads+a.head)
}

func (a *attentionHead) scale() float32 { return float32(1 / math.Sqrt(float64(a.dim))) }

func (a *attentionHead) forward(o *attention) {
	p := productNT(a.probs, a.view(o.qkv, 0, 3), a.view(o.qkv, 1, 3))
	p.Wide = true
	a.mul(p)
	for i := range a.n {
		a.level.Softmax(a.padded(a.probs, i), a.n, a.scale())
	}
	a.mul(productNN(a.view(o.context, 0, 1), a.dropped(o.drop), a.view(o.qkv, 2, 3)))
}

// backward writes this head's part of dqkv:
//
//	dv = pT dc    dp = dc vT    ds = p (dp - sum(dp p)) / sqrt(d)
//	dq = ds k     dk = dsT q
func (a *attentionHead) backward(o *attention, dqkv, dcontext []float32) {
	dc := a.view(dcontext, 0, 1)
	a.mul(productTN(a.view(dqkv, 2, 3), a.dropped(o.drop), dc))
	ds := a.square
	p := productNT(ds, dc, a.view(o.qkv, 2, 3))
	p.Wide = true
	a.mul(p)
	for i := range a.n {
		row := a.padded(ds, i)
		clear(row[a.n:])
		a.mask(o.drop, row, i)
		a.level.SoftmaxGrad(row, a.padded(a.probs, i), a.scale())
	}
	a.mul(productNN(a.view(dqkv, 0, 3), ds, a.view(o.qkv, 1, 3)))
	a.mul(productTN(a.view(dqkv, 1, 3), ds, a.view(o.qkv, 0, 3)))
}
