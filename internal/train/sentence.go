package train

import (
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// SentenceEncoder is an encoder with what makes one vector of its states:
// pooling, dense layers, normalisation. It is the siamese network of
// Sentence-BERT (Reimers and Gurevych 2019, section 3), whose two branches are
// one: both texts of a pair go through the same batch.
type SentenceEncoder struct {
	nn.Module
	Encoder *Encoder
	Pooling Pooling
	Dense   []*Dense // after pooling, in order
	// Normalize divides vectors by their length, as the last step.
	Normalize bool
}

// Dense is a linear layer with an activation: sentence-transformers' module of
// that name.
type Dense struct {
	nn.Module
	Linear     *Linear
	Activation Activation // "": none
}

// Dims is the length of a vector.
func (s *SentenceEncoder) Dims() int {
	if n := len(s.Dense); n > 0 {
		return s.Dense[n-1].Linear.Weight.Shape()[0]
	}
	return s.Encoder.Config.Hidden
}

// Vectors gives the vectors of a batch's sentences, [sentences, Dims]. Errors
// wrap ErrBatch or ErrConfig.
func (s *SentenceEncoder) Vectors(g *Graph, b *Batch) (mat.Tensor, error) {
	states, err := s.Encoder.Forward(g, b)
	if err != nil {
		return nil, err
	}
	x, err := g.Pool(states[len(states)-1], b, s.Pooling)
	if err != nil {
		return nil, err
	}
	for _, d := range s.Dense {
		x = g.Linear(x, d.Linear)
		if d.Activation == "" {
			continue
		}
		if x, err = g.Activate(x, d.Activation); err != nil {
			return nil, err
		}
	}
	if s.Normalize {
		x = g.Unit(x)
	}
	return x, nil
}

// Columns is the columns from to to-1 of x. Errors wrap ErrBatch.
func (g *Graph) Columns(x mat.Tensor, from, to int) (mat.Tensor, error) {
	cols := x.Shape()[1]
	if from < 0 || to > cols || from >= to {
		return nil, fmt.Errorf("%w: columns %d to %d of %d", ErrBatch, from, to, cols)
	}
	if from == 0 && to == cols {
		return x, nil
	}
	return g.run(&columns{g: g, x: x, from: from, to: to}), nil
}

type columns struct {
	g        *Graph
	x        mat.Tensor
	from, to int
}

func (o *columns) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *columns) Forward() (mat.Tensor, error) {
	rows, cols, n := o.x.Shape()[0], o.x.Shape()[1], o.to-o.from
	x, y := Values(o.x), o.g.take(rows*n)
	for i := range rows {
		copy(y[i*n:(i+1)*n], x[i*cols+o.from:])
	}
	return o.g.tensor(rows, n, y), nil
}

func (o *columns) Backward(gy mat.Tensor) error {
	if !o.g.wants(o.x) {
		return nil
	}
	rows, cols, n := o.x.Shape()[0], o.x.Shape()[1], o.to-o.from
	dy, d := Values(gy), o.g.zeros(o.x.Size())
	for i := range rows {
		copy(d[i*cols+o.from:], dy[i*n:(i+1)*n])
	}
	o.g.pass(o.x, d)
	return nil
}

// Matryoshka is the mean of a loss over vectors cut to their leading dims
// columns, for every entry of dims (Kusupati et al. 2022, with equal weights).
// No dims stand for whole vectors. Errors wrap ErrBatch or are the loss's.
func (g *Graph) Matryoshka(x mat.Tensor, dims []int, loss func(x mat.Tensor) (mat.Tensor, error)) (mat.Tensor, error) {
	if len(dims) == 0 {
		return loss(x)
	}
	losses := make([]mat.Tensor, len(dims))
	for i, n := range dims {
		part, err := g.Columns(x, 0, n)
		if err != nil {
			return nil, err
		}
		if losses[i], err = loss(part); err != nil {
			return nil, fmt.Errorf("at %d dimensions: %w", n, err)
		}
	}
	return g.Sum(slices.Repeat([]float64{1 / float64(len(dims))}, len(dims)), losses...)
}
