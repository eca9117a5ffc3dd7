package train

import (
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Norm is LayerNorm's scale and shift, both [hidden].
type Norm struct {
	nn.Module
	Weight, Bias *nn.Param
}

// normalize writes LayerNorm(x) to y, row by row (Ba et al. 2016, eq. 4, with
// epsilon inside the root). Both are [rows, hidden].
func (g *Graph) normalize(y, x []float32, n *Norm, eps float32) {
	w, b := Values(n.Weight), Values(n.Bias)
	h := len(w)
	zero := g.zeros(h)
	g.e.eachBlock(len(x)/h, func(_, lo, hi int) {
		copy(y[lo*h:hi*h], x[lo*h:hi*h])
		for r := lo; r < hi; r++ {
			g.e.level.LayerNorm(y[r*h:(r+1)*h], zero, w, b, eps)
		}
	})
	g.give(zero)
}

// normGrad writes the gradient of LayerNorm's input to dx, which may be gy, and
// adds those of its parameters:
//
//	dx = (t - mean(t) - x^ mean(t x^)) / sd    with t = gy w, x^ = (x - mean) / sd
//	dw = sum gy x^    db = sum gy
func (g *Graph) normGrad(dx, gy, x []float32, n *Norm, eps float32) {
	w := Values(n.Weight)
	h := len(w)
	rows := len(x) / h
	ones := g.take(h)
	for i := range ones {
		ones[i] = 1
	}
	parts := g.zeros(blocks(rows) * 2 * h)
	scratch := g.take(blocks(rows) * 2 * h)
	g.e.eachBlock(rows, func(block, lo, hi int) {
		r := normRow{
			g: g, w: w, ones: ones, eps: eps,
			centred: scratch[block*2*h:][:h], scaled: scratch[(block*2+1)*h:][:h],
			dw: parts[block*2*h:][:h], db: parts[(block*2+1)*h:][:h],
		}
		for i := lo; i < hi; i++ {
			r.backward(dx[i*h:(i+1)*h], gy[i*h:(i+1)*h], x[i*h:(i+1)*h])
		}
	})
	g.accumulate(n.Weight, h, func(dst []float32, add bool) { sumParts(dst, parts, 2*h, add) })
	g.accumulate(n.Bias, h, func(dst []float32, add bool) { sumParts(dst, parts[h:], 2*h, add) })
	g.give(ones, parts, scratch)
}

// normRow is the backward pass of rows of one block.
type normRow struct {
	g               *Graph
	w, ones         []float32
	eps             float32
	centred, scaled []float32
	dw, db          []float32
}

func (r *normRow) backward(dx, gy, x []float32) {
	level := r.g.e.level
	h := float32(len(x))
	d, t, w := r.centred[:len(x)], r.scaled[:len(x)], r.w[:len(x)]
	gy, dx = gy[:len(x)], dx[:len(x)]
	mean := level.Dot(x, r.ones) / h
	for i, v := range x {
		d[i] = v - mean
		t[i] = gy[i] * w[i]
	}
	inv := 1 / sqrt32(level.Dot(d, d)/h+r.eps)
	s1 := level.Dot(t, r.ones) / h
	s2 := level.Dot(t, d) / h * inv * inv
	level.Axpy(r.db, gy, 1)
	dw := r.dw[:len(x)]
	for i, c := range d {
		dw[i] += gy[i] * c * inv
		dx[i] = (t[i] - s1 - c*s2) * inv
	}
}

// sumParts adds up rows of parts, stride apart, in order.
func sumParts(dst, parts []float32, stride int, add bool) {
	if !add {
		clear(dst)
	}
	for ; len(parts) >= len(dst); parts = parts[min(stride, len(parts)):] {
		for i, v := range parts[:len(dst)] {
			dst[i] += v
		}
	}
}

// columnSums adds the sums of x's columns to the gradient of a bias, if there
// is one.
func (g *Graph) columnSums(bias mat.Tensor, x matrix) {
	if !g.wants(bias) {
		return
	}
	parts := g.zeros(blocks(x.rows) * x.cols)
	g.e.eachBlock(x.rows, func(block, lo, hi int) {
		sum := parts[block*x.cols:][:x.cols]
		for i := lo; i < hi; i++ {
			g.e.level.Axpy(sum, x.row(i), 1)
		}
	})
	g.accumulate(bias, x.cols, func(dst []float32, add bool) { sumParts(dst, parts, x.cols, add) })
	g.give(parts)
}

// LayerNorm normalises every row of x, [rows, hidden].
func (g *Graph) LayerNorm(x mat.Tensor, n *Norm, eps float64) mat.Tensor {
	return g.run(&layerNorm{g: g, x: x, n: n, eps: float32(eps)})
}

type layerNorm struct {
	g   *Graph
	x   mat.Tensor
	n   *Norm
	eps float32
}

func (o *layerNorm) Operands() []mat.Tensor { return []mat.Tensor{o.x, o.n.Weight, o.n.Bias} }

func (o *layerNorm) Forward() (mat.Tensor, error) {
	shape := o.x.Shape()
	y := o.g.take(shape[0] * shape[1])
	o.g.normalize(y, Values(o.x), o.n, o.eps)
	return o.g.tensor(shape[0], shape[1], y), nil
}

func (o *layerNorm) Backward(gy mat.Tensor) error {
	dx := o.g.take(gy.Size())
	o.g.normGrad(dx, Values(gy), Values(o.x), o.n, o.eps)
	o.g.passOrGive(o.x, dx)
	return nil
}

// residual is the end of both blocks of a transformer layer:
//
//	y = LayerNorm(x + dropout(o))
type residual struct {
	g    *Graph
	n    *Norm
	eps  float32
	drop dropout
	sum  []float32 // x + dropout(o), kept for Backward
}

// forward gives y. It takes over o, [rows, hidden].
func (r *residual) forward(o, x []float32) []float32 {
	h := r.n.Weight.Size()
	y := r.g.take(len(x))
	r.g.e.eachBlock(len(x)/h, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := o[i*h : (i+1)*h]
			r.drop.apply(row, i)
			r.g.e.level.Axpy(row, x[i*h:(i+1)*h], 1)
		}
	})
	r.g.normalize(y, o, r.n, r.eps)
	r.sum = o
	if !r.g.train {
		r.g.give(o)
	}
	return y
}

// backward gives the gradients of x and of o. They are one buffer if nothing is
// dropped.
func (r *residual) backward(gy []float32) (dx, do []float32) {
	h := r.n.Weight.Size()
	dx = r.g.take(len(gy))
	r.g.normGrad(dx, gy, r.sum, r.n, r.eps)
	r.g.give(r.sum)
	if !r.drop.active() {
		return dx, dx
	}
	do = r.g.take(len(gy))
	r.g.e.eachBlock(len(gy)/h, func(_, lo, hi int) {
		copy(do[lo*h:hi*h], dx[lo*h:hi*h])
		for i := lo; i < hi; i++ {
			r.drop.apply(do[i*h:(i+1)*h], i)
		}
	})
	return dx, do
}
