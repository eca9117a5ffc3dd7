package train

import (
	"github.com/nlpodyssey/spago/mat"
)

// feedForward is the second block of a layer (Vaswani et al. 2017, section 3.3,
// with GELU):
//
//	y = LayerNorm(x + dropout(GELU(x UT + bu) DT + bd))
type feedForward struct {
	g        *Graph
	x        mat.Tensor
	l        *Layer
	residual residual
	act      []float32 // GELU(x UT + bu), [rows, inner]
	slope    []float32 // GELU'(x UT + bu)
}

func (o *feedForward) Operands() []mat.Tensor {
	l := o.l
	return []mat.Tensor{
		o.x, l.Up.Weight, l.Up.Bias, l.Down.Weight, l.Down.Bias, l.OutputNorm.Weight, l.OutputNorm.Bias,
	}
}

func (o *feedForward) Forward() (mat.Tensor, error) {
	g, x := o.g, Values(o.x)
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	inner := o.l.Up.Weight.Shape()[0]
	o.act = g.take(rows * inner)
	g.project(dense(o.act, rows, inner), dense(x, rows, h), o.l.Up)
	if g.train {
		o.slope = g.take(rows * inner)
	}
	g.e.eachBlock(rows, func(_, lo, hi int) {
		if g.train {
			g.e.level.GELUGrad(o.act[lo*inner:hi*inner], o.slope[lo*inner:hi*inner])
		} else {
			g.e.level.GELU(o.act[lo*inner : hi*inner])
		}
	})
	out := g.take(rows * h)
	g.project(dense(out, rows, h), dense(o.act, rows, inner), o.l.Down)
	if !g.train {
		g.give(o.act)
	}
	return g.tensor(rows, h, o.residual.forward(out, x)), nil
}

func (o *feedForward) Backward(gy mat.Tensor) error {
	g, x := o.g, Values(o.x)
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	inner := o.l.Up.Weight.Shape()[0]
	dx, dout := o.residual.backward(Values(gy))
	g.projectGrad(dense(dout, rows, h), o.act, inner, o.l.Down)
	du := g.take(rows * inner)
	g.e.mulNN(dense(du, rows, inner), dense(dout, rows, h), Values(o.l.Down.Weight), false)
	g.columnSums(o.l.Up.Bias, dense(du, rows, inner), func(i int, row []float32) {
		g.e.level.Mul(row, o.slope[i*inner:(i+1)*inner])
	})
	g.weightGrad(dense(du, rows, inner), x, h, o.l.Up)
	g.e.mulNN(dense(dx, rows, h), dense(du, rows, inner), Values(o.l.Up.Weight), true)
	if o.residual.drop.active() {
		g.give(dout)
	}
	g.give(du, o.act, o.slope)
	g.passOrGive(o.x, dx)
	g.give(Values(gy))
	return nil
}
