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
	x        mat.Tensor // the tokens that are attended to
	asking   mat.Tensor // those that attend: x itself, or rows of it
	rows     []int32    // the rows, ascending; nil: all
	l        *Layer
	heads    int
	offsets  []int32 // of the sentences in x
	drop     dropout // of p
	residual residual

	in      qkv
	context []float32 // [asking, hidden]
	probs   []float32 // before dropout
	spans   []span
}

// qkv is queries, keys and values, or their gradients.
type qkv struct{ q, k, v matrix }

// span is a sentence: its tokens, those of them that attend, and where its
// [heads, asking, WholePanels(tokens)] begins in probs.
type span struct{ first, n, firstAsking, asking, probs int }

func (o *attention) Operands() []mat.Tensor {
	in := make([]mat.Tensor, 0, 12)
	in = append(in, o.x)
	if o.rows != nil {
		in = append(in, o.asking)
	}
	for _, l := range [...]*Linear{o.l.Query, o.l.Key, o.l.Value, o.l.Output} {
		in = append(in, l.Weight, l.Bias)
	}
	return append(in, o.l.AttentionNorm.Weight, o.l.AttentionNorm.Bias)
}

// room is buffers for q, k and v; see free.
func (o *attention) room() qkv {
	tokens, h, asking := o.x.Shape()[0], o.x.Shape()[1], o.asking.Shape()[0]
	if o.rows == nil {
		all := dense(o.g.take(tokens*3*h), tokens, 3*h)
		return qkv{all.columns(0, h), all.columns(h, h), all.columns(2*h, h)}
	}
	both := dense(o.g.take(tokens*2*h), tokens, 2*h)
	return qkv{dense(o.g.take(asking*h), asking, h), both.columns(0, h), both.columns(h, h)}
}

// free gives back what room took; k begins no buffer if all three share one.
func (o *attention) free(b qkv) { o.g.give(b.q.data, b.k.data) }

func (o *attention) Forward() (mat.Tensor, error) {
	g := o.g
	asking, h := o.asking.Shape()[0], o.x.Shape()[1]
	x, own := dense(Values(o.x), o.x.Shape()[0], h), dense(Values(o.asking), asking, h)
	o.in = o.room()
	g.project(o.in.q, own, o.l.Query)
	g.project(o.in.k, x, o.l.Key)
	g.project(o.in.v, x, o.l.Value)
	o.context = g.take(asking * h)
	o.probs = g.take(o.layout())
	o.eachHead(func(head attentionHead) { head.forward(o) })
	out := g.take(asking * h)
	g.project(dense(out, asking, h), dense(o.context, asking, h), o.l.Output)
	if !g.train {
		o.free(o.in)
		g.give(o.context, o.probs)
	}
	return g.tensor(asking, h, o.residual.forward(out, own.data)), nil
}

func (o *attention) Backward(gy mat.Tensor) error {
	g := o.g
	tokens, asking, h := o.x.Shape()[0], o.asking.Shape()[0], o.x.Shape()[1]
	x, own := Values(o.x), Values(o.asking)
	down, dout := o.residual.backward(Values(gy))
	g.projectGrad(dense(dout, asking, h), o.context, h, o.l.Output)
	dcontext := g.take(asking * h)
	g.e.mulNN(dense(dcontext, asking, h), dense(dout, asking, h), Values(o.l.Output.Weight), false)
	d := o.room()
	o.eachHead(func(head attentionHead) { head.backward(o, d, dcontext) })
	g.projectGrad(d.q, own, h, o.l.Query)
	g.projectGrad(d.k, x, h, o.l.Key)
	g.projectGrad(d.v, x, h, o.l.Value)
	g.e.mulNN(dense(down, asking, h), d.q, Values(o.l.Query.Weight), true)
	dx, add := down, true
	if o.rows != nil {
		dx, add = g.take(tokens*h), false
	}
	g.e.mulNN(dense(dx, tokens, h), d.k, Values(o.l.Key.Weight), add)
	g.e.mulNN(dense(dx, tokens, h), d.v, Values(o.l.Value.Weight), true)
	if o.residual.drop.active() {
		g.give(dout)
	}
	o.free(d)
	o.free(o.in)
	g.give(dcontext, o.context, o.probs)
	g.passOrGive(o.x, dx)
	if o.rows != nil {
		g.passOrGive(o.asking, down)
	}
	g.give(Values(gy))
	return nil
}

// layout sets spans and gives the size of probs.
func (o *attention) layout() int {
	o.spans = make([]span, len(o.offsets)-1)
	size, next := 0, 0
	for i := range o.spans {
		from, to := int(o.offsets[i]), int(o.offsets[i+1])
		s := span{first: from, n: to - from, firstAsking: from, asking: to - from, probs: size}
		if o.rows != nil {
			s.firstAsking = next
			for next < len(o.rows) && int(o.rows[next]) < to {
				next++
			}
			s.asking = next - s.firstAsking
		}
		o.spans[i] = s
		size += o.heads * s.asking * kernel.WholePanels(s.n)
	}
	return size
}

// eachHead calls f for every head of every sentence.
func (o *attention) eachHead(f func(attentionHead)) {
	h, longest, square := o.x.Shape()[1], 0, 0
	for _, s := range o.spans {
		longest = max(longest, s.n)
		square = max(square, s.asking*kernel.WholePanels(s.n))
	}
	dim := h / o.heads
	room := headScratch(longest, dim)
	o.g.e.eachWith(len(o.spans)*o.heads, square+room, func(i int, buf []float32) {
		s, head := o.spans[i/o.heads], i%o.heads
		stride := kernel.WholePanels(s.n)
		f(attentionHead{
			level: o.g.e.level, span: s, head: head, heads: o.heads, dim: dim,
			probs:  matrix{o.probs[s.probs+head*s.asking*stride:], s.asking, s.n, stride},
			square: matrix{buf, s.asking, s.n, stride}, scratch: buf[square:],
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

// attentionHead is one head of one sentence.
type attentionHead struct {
	span
	level            kernel.Level
	head, heads, dim int
	probs            matrix // [asking, n]
	square           matrix // [asking, n], a buffer
	scratch          []float32
}

// part is this head's columns of n rows of a matrix, from a row on.
func (a *attentionHead) part(m matrix, first, n int) matrix {
	return matrix{m.data[first*m.stride+a.head*a.dim:], n, a.dim, m.stride}
}

// parts is this head's queries, keys and values.
func (a *attentionHead) parts(m qkv) (q, k, v matrix) {
	return a.part(m.q, a.firstAsking, a.asking), a.part(m.k, a.first, a.n), a.part(m.v, a.first, a.n)
}

// mul computes c = op(a) op(b) on this goroutine.
func (a *attentionHead) mul(p kernel.Product) { p.Run(a.level, 0, p.Panels(), a.scratch) }

// dropped is the probabilities after dropout, in the buffer if there is any.
func (a *attentionHead) dropped(o *attention) matrix {
	if !o.drop.active() {
		return a.probs
	}
	for i := range a.asking {
		row := a.padded(a.square, i)
		copy(row, a.padded(a.probs, i))
		a.mask(o, row, i)
	}
	return a.square
}

// padded is a row of a square matrix up to whole vectors.
func (a *attentionHead) padded(m matrix, i int) []float32 {
	return m.data[i*m.stride:][:kernel.Padded(a.n)]
}

// mask applies dropout to query i's probabilities.
func (a *attentionHead) mask(o *attention, row []float32, i int) {
	token := a.firstAsking + i
	if o.rows != nil {
		token = int(o.rows[token])
	}
	o.drop.apply(a.level, row, token*a.heads+a.head)
}

func (a *attentionHead) scale() float32 { return float32(1 / math.Sqrt(float64(a.dim))) }

// contextPart is this head's part of [asking, hidden].
func (a *attentionHead) contextPart(data []float32) matrix {
	h := a.heads * a.dim
	return a.part(matrix{data: data, stride: h}, a.firstAsking, a.asking)
}

func (a *attentionHead) forward(o *attention) {
	if a.asking == 0 {
		return
	}
	q, k, v := a.parts(o.in)
	p := productNT(a.probs, q, k)
	p.Wide = true
	a.mul(p)
	scale := a.scale()
	for i := range a.asking {
		a.level.Softmax(a.padded(a.probs, i), a.n, scale)
	}
	a.mul(productNN(a.contextPart(o.context), a.dropped(o), v))
}

// backward writes this head's part of d:
//
//	dv = pT dc    dp = dc vT    ds = p (dp - sum(dp p)) / sqrt(d)
//	dq = ds k     dk = dsT q
func (a *attentionHead) backward(o *attention, d qkv, dcontext []float32) {
	dq, dk, dv := a.parts(d)
	if a.asking == 0 {
		for i := range a.n {
			clear(dk.row(i))
			clear(dv.row(i))
		}
		return
	}
	q, k, v := a.parts(o.in)
	dc := a.contextPart(dcontext)
	a.mul(productTN(dv, a.dropped(o), dc))
	ds := a.square
	p := productNT(ds, dc, v)
	p.Wide = true
	a.mul(p)
	scale := a.scale()
	for i := range a.asking {
		row := a.padded(ds, i)
		clear(row[a.n:])
		a.mask(o, row, i)
		a.level.SoftmaxGrad(row, a.padded(a.probs, i), scale)
	}
	a.mul(productNN(dq, ds, k))
	a.mul(productTN(dk, ds, q))
}
