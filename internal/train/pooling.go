package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"
)

// Pooling reduces the states of a sentence to one vector.
type Pooling string

// The pooling modes, under sentence-transformers' names.
const (
	PoolMean Pooling = "mean"
	PoolCLS  Pooling = "cls"
	PoolMax  Pooling = "max"
)

// Pool gives a vector for every sentence of the batch: [sentences, hidden].
// Errors wrap ErrConfig.
func (g *Graph) Pool(states mat.Tensor, b *Batch, mode Pooling) (mat.Tensor, error) {
	switch mode {
	case PoolMean, PoolCLS, PoolMax:
		return g.run(&pool{g: g, x: states, offsets: b.Offsets, mode: mode}), nil
	}
	return nil, fmt.Errorf("%w: pooling %q; mean, cls and max can be trained", ErrConfig, mode)
}

type pool struct {
	g       *Graph
	x       mat.Tensor
	offsets []int32
	mode    Pooling
	top     []int32 // max: the token of every value, [sentences, hidden]
}

func (o *pool) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *pool) Forward() (mat.Tensor, error) {
	h, x := o.x.Shape()[1], Values(o.x)
	n := len(o.offsets) - 1
	y := o.g.zeros(n * h)
	if o.mode == PoolMax {
		o.top = make([]int32, n*h)
	}
	o.g.e.eachBlock(n, func(_, lo, hi int) {
		for s := lo; s < hi; s++ {
			o.sentence(y[s*h:(s+1)*h], x, s)
		}
	})
	return o.g.tensor(n, h, y), nil
}

func (o *pool) sentence(y, x []float32, s int) {
	h := len(y)
	from, to := int(o.offsets[s]), int(o.offsets[s+1])
	switch o.mode {
	case PoolCLS:
		copy(y, x[from*h:])
	case PoolMean:
		for t := from; t < to; t++ {
			o.g.e.level.Axpy(y, x[t*h:(t+1)*h], 1)
		}
		for i := range y {
			y[i] /= float32(to - from)
		}
	case PoolMax:
		top := o.top[s*h : (s+1)*h]
		for i := range y {
			y[i] = float32(math.Inf(-1))
		}
		for t := from; t < to; t++ {
			for i, v := range x[t*h : (t+1)*h] {
				if v > y[i] || v != v {
					y[i], top[i] = v, int32(t)
				}
			}
		}
	}
}

func (o *pool) Backward(gy mat.Tensor) error {
	if !o.g.wants(o.x) {
		return nil
	}
	h, dy := gy.Shape()[1], Values(gy)
	d := o.g.zeros(o.x.Size())
	o.g.e.eachBlock(len(o.offsets)-1, func(_, lo, hi int) {
		for s := lo; s < hi; s++ {
			o.spread(d, dy[s*h:(s+1)*h], s)
		}
	})
	o.g.pass(o.x, d)
	return nil
}

// spread gives a sentence's gradient to its tokens.
func (o *pool) spread(d, dy []float32, s int) {
	h := len(dy)
	from, to := int(o.offsets[s]), int(o.offsets[s+1])
	switch o.mode {
	case PoolCLS:
		copy(d[from*h:], dy)
	case PoolMean:
		for t := from; t < to; t++ {
			o.g.e.level.Axpy(d[t*h:(t+1)*h], dy, 1/float32(to-from))
		}
	case PoolMax:
		for i, t := range o.top[s*h : (s+1)*h] {
			d[int(t)*h+i] = dy[i]
		}
	}
}
