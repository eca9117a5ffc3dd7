package train

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

// Unit divides every row of x by its length.
func (g *Graph) Unit(x mat.Tensor) mat.Tensor { return g.run(&unit{g: g, x: x}) }

type unit struct {
	g *Graph
	x mat.Tensor
	y []float32
}

func (o *unit) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *unit) Forward() (mat.Tensor, error) {
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	o.y = o.g.unit(Values(o.x), inOrder(rows), h)
	return o.g.tensor(rows, h, o.y), nil
}

func (o *unit) Backward(gy mat.Tensor) error {
	rows, h := o.x.Shape()[0], o.x.Shape()[1]
	if !o.g.wants(o.x) {
		return nil
	}
	d := o.g.zeros(rows * h)
	o.g.unitGrad(d, Values(gy), o.y, inOrder(rows), Values(o.x), h)
	o.g.pass(o.x, d)
	return nil
}

// Gram is the inner products of the rows of a with those of b: a bT. Errors wrap
// ErrBatch.
func (g *Graph) Gram(a, b mat.Tensor) (mat.Tensor, error) {
	if x, y := a.Shape(), b.Shape(); x[1] != y[1] || x[0] == 0 || y[0] == 0 {
		return nil, fmt.Errorf("%w: inner products of %v and %v", ErrBatch, x, y)
	}
	return g.run(&gram{g: g, a: a, b: b}), nil
}

type gram struct {
	g    *Graph
	a, b mat.Tensor
}

func (o *gram) Operands() []mat.Tensor { return []mat.Tensor{o.a, o.b} }

func (o *gram) Forward() (mat.Tensor, error) {
	n, m, h := o.a.Shape()[0], o.b.Shape()[0], o.a.Shape()[1]
	y := o.g.take(n * m)
	o.g.e.mulNT(dense(y, n, m), dense(Values(o.a), n, h), Values(o.b), nil, false)
	return o.g.tensor(n, m, y), nil
}

func (o *gram) Backward(gy mat.Tensor) error {
	n, m, h := o.a.Shape()[0], o.b.Shape()[0], o.a.Shape()[1]
	d := dense(Values(gy), n, m)
	if o.g.wants(o.a) {
		da := o.g.take(n * h)
		o.g.e.mulNN(dense(da, n, h), d, Values(o.b), false)
		o.g.pass(o.a, da)
	}
	if o.g.wants(o.b) {
		db := o.g.take(m * h)
		o.g.e.mulTN(dense(db, m, h), d, Values(o.a), false)
		o.g.pass(o.b, db)
	}
	return nil
}
