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
// adds those of its parameters; see kernel.Level.LayerNormGrad. Then is called
// with every row of dx while it is near.
func (g *Graph) normGrad(dx, gy, x []float32, n *Norm, eps float32, then func(i int, row []float32)) {
	w := Values(n.Weight)
	h := len(w)
	rows := len(x) / h
	parts := g.take(blocks(rows) * 2 * h)
	g.e.eachBlock(rows, func(block, lo, hi int) {
		sums := parts[block*2*h:][:2*h]
		clear(sums)
		for i := lo; i < hi; i++ {
			row := dx[i*h : (i+1)*h]
			g.e.level.LayerNormGrad(row, gy[i*h:(i+1)*h], x[i*h:(i+1)*h], w, sums[:h], sums[h:], eps)
			if then != nil {
				then(i, row)
			}
		}
	})
	g.sumParts(n.Weight, h, parts, 2*h)
	g.sumParts(n.Bias, h, parts[h:], 2*h)
	g.give(parts)
}

// sumParts adds rows of parts, stride apart, in order, to a gradient of n
// values.
func (g *Graph) sumParts(x mat.Tensor, n int, parts []float32, stride int) {
	dst, add := g.open(x, n)
	if dst == nil {
		return
	}
	if !add {
		clear(dst)
	}
	for ; len(parts) >= n; parts = parts[min(stride, len(parts)):] {
		g.e.level.Axpy(dst, parts[:n], 1)
	}
	g.shut(x, dst)
}

// columnSums adds the sums of x's columns to the gradient of a bias. First, if
// given, is called with every row before it counts.
func (g *Graph) columnSums(bias mat.Tensor, x matrix, first func(i int, row []float32)) {
	parts := g.take(blocks(x.rows) * x.cols)
	g.e.eachBlock(x.rows, func(block, lo, hi int) {
		sum := parts[block*x.cols:][:x.cols]
		clear(sum)
		for i := lo; i < hi; i++ {
			row := x.row(i)
			if first != nil {
				first(i, row)
			}
			g.e.level.Axpy(sum, row, 1)
		}
	})
	g.sumParts(bias, x.cols, parts, x.cols)
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
	o.g.normGrad(dx, Values(gy), Values(o.x), o.n, o.eps, nil)
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
	w, b := Values(r.n.Weight), Values(r.n.Bias)
	h, level := len(w), r.g.e.level
	y, zero := r.g.take(len(x)), r.g.zeros(h)
	r.g.e.eachBlock(len(x)/h, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row, out := o[i*h:(i+1)*h], y[i*h:(i+1)*h]
			r.drop.apply(level, row, i)
			level.Axpy(row, x[i*h:(i+1)*h], 1)
			copy(out, row)
			level.LayerNorm(out, zero, w, b, r.eps)
		}
	})
	r.g.give(zero)
	r.sum = o
	if !r.g.train {
		r.g.give(o)
	}
	return y
}

// backward gives the gradients of x and of o. They are one buffer if nothing is
// dropped.
func (r *residual) backward(gy []float32) (dx, do []float32) {
	dx = r.g.take(len(gy))
	if !r.drop.active() {
		r.g.normGrad(dx, gy, r.sum, r.n, r.eps, nil)
		r.g.give(r.sum)
		return dx, dx
	}
	do = r.g.take(len(gy))
	r.g.normGrad(dx, gy, r.sum, r.n, r.eps, func(i int, row []float32) {
		out := do[i*len(row) : (i+1)*len(row)]
		copy(out, row)
		r.drop.apply(r.g.e.level, out, i)
	})
	r.g.give(r.sum)
	return dx, do
}
