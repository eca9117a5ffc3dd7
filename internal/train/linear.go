package train

import (
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Linear is y = x WT + b.
type Linear struct {
	nn.Module
	Weight *nn.Param // [out, in]
	Bias   *nn.Param // [out]; nil: none
}

// Linear applies l to every row of x, [rows, in]. Weight and bias may belong to
// another module: the decoder of masked language models is the word table.
func (g *Graph) Linear(x mat.Tensor, l *Linear) mat.Tensor {
	return g.run(&linear{g: g, x: x, l: l})
}

type linear struct {
	g *Graph
	x mat.Tensor
	l *Linear
}

func (o *linear) Operands() []mat.Tensor {
	in := []mat.Tensor{o.x, o.l.Weight}
	if o.l.Bias != nil {
		in = append(in, o.l.Bias)
	}
	return in
}

func (o *linear) Forward() (mat.Tensor, error) {
	rows, out := o.x.Shape()[0], o.l.Weight.Shape()[0]
	y := o.g.take(rows * out)
	o.g.project(dense(y, rows, out), dense(Values(o.x), rows, o.x.Shape()[1]), o.l)
	return o.g.tensor(rows, out, y), nil
}

func (o *linear) Backward(gy mat.Tensor) error {
	rows, in, out := o.x.Shape()[0], o.x.Shape()[1], o.l.Weight.Shape()[0]
	dy := dense(Values(gy), rows, out)
	o.g.projectGrad(dy, Values(o.x), in, o.l)
	if o.g.wants(o.x) {
		dx := o.g.take(rows * in)
		o.g.e.mulNN(dense(dx, rows, in), dy, Values(o.l.Weight), false)
		o.g.pass(o.x, dx)
	}
	return nil
}

// project is y = x WT + b.
func (g *Graph) project(y, x matrix, l *Linear) {
	var bias []float32
	if l.Bias != nil {
		bias = Values(l.Bias)
	}
	g.e.mulNT(y, x, Values(l.Weight), bias, false)
}

// projectGrad adds the gradients of l: dW = dyT x and db = the column sums of
// dy. X is [dy.rows, in].
func (g *Graph) projectGrad(dy matrix, x []float32, in int, l *Linear) {
	g.weightGrad(dy, x, in, l)
	if l.Bias != nil && g.wants(l.Bias) {
		g.columnSums(l.Bias, dy, nil)
	}
}

func (g *Graph) weightGrad(dy matrix, x []float32, in int, l *Linear) {
	if dst, add := g.open(l.Weight, dy.cols*in); dst != nil {
		g.e.mulTN(dense(dst, dy.cols, in), dy, x, add)
		g.shut(l.Weight, dst)
	}
}
