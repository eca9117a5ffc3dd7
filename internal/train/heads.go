package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Activation is a function of single values.
type Activation string

// The activations of heads.
const (
	GELU Activation = "gelu" // exact
	Tanh Activation = "tanh"
	ReLU Activation = "relu"
)

// Activate applies a to every value of x.
func (g *Graph) Activate(x mat.Tensor, a Activation) (mat.Tensor, error) {
	switch a {
	case GELU, Tanh, ReLU:
		return g.run(&activate{g: g, x: x, a: a}), nil
	}
	return nil, fmt.Errorf("%w: activation %q; gelu, tanh and relu are known", ErrConfig, a)
}

type activate struct {
	g *Graph
	x mat.Tensor
	a Activation

	y     []float32
	slope []float32 // the derivative of GELU
}

func (o *activate) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *activate) Forward() (mat.Tensor, error) {
	x := Values(o.x)
	y := o.g.take(len(x))
	copy(y, x)
	o.y = y
	switch o.a {
	case GELU:
		if !o.g.train {
			o.g.e.level.GELU(y)
			break
		}
		o.slope = o.g.take(len(x))
		o.g.e.level.GELUGrad(y, o.slope)
	case Tanh:
		for i, v := range y {
			y[i] = float32(math.Tanh(float64(v)))
		}
	case ReLU:
		for i, v := range y {
			y[i] = max(v, 0)
		}
	}
	return o.g.tensor(o.x.Shape()[0], o.x.Shape()[1], y), nil
}

func (o *activate) Backward(gy mat.Tensor) error {
	x := Values(o.x)
	d := o.g.take(len(x))
	copy(d, Values(gy))
	switch o.a {
	case GELU:
		o.g.e.level.Mul(d, o.slope)
	case Tanh:
		for i, y := range o.y {
			d[i] *= 1 - y*y
		}
	case ReLU:
		for i, v := range x {
			if v <= 0 {
				d[i] = 0
			}
		}
	}
	o.g.passOrGive(o.x, d)
	return nil
}

// Dropout drops values of x in training.
func (g *Graph) Dropout(x mat.Tensor, rate float64) mat.Tensor {
	d := g.dropout(rate)
	if !d.active() {
		return x
	}
	return g.run(&drop{g: g, x: x, d: d})
}

type drop struct {
	g *Graph
	x mat.Tensor
	d dropout
}

func (o *drop) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *drop) Forward() (mat.Tensor, error) {
	shape := o.x.Shape()
	return o.g.tensor(shape[0], shape[1], o.masked(o.x)), nil
}

func (o *drop) Backward(gy mat.Tensor) error {
	o.g.passOrGive(o.x, o.masked(gy))
	return nil
}

func (o *drop) masked(x mat.Tensor) []float32 {
	rows, cols := x.Shape()[0], x.Shape()[1]
	y := o.g.take(rows * cols)
	copy(y, Values(x))
	for i := range rows {
		o.d.apply(o.g.e.level, y[i*cols:(i+1)*cols], i)
	}
	return y
}

// Rows selects rows of x, in any order and as often as wanted. Errors wrap
// ErrBatch.
func (g *Graph) Rows(x mat.Tensor, rows []int32) (mat.Tensor, error) {
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: no rows selected", ErrBatch)
	}
	if err := checkRows("row", rows, x.Shape()[0]); err != nil {
		return nil, err
	}
	return g.run(&gather{g: g, x: x, rows: rows}), nil
}

// checkRows verifies that all of rows are below n.
func checkRows(what string, rows []int32, n int) error {
	for i, r := range rows {
		if uint(r) >= uint(n) {
			return fmt.Errorf("%w: %s %d is %d of %d", ErrBatch, what, i, r, n)
		}
	}
	return nil
}

type gather struct {
	g    *Graph
	x    mat.Tensor
	rows []int32
}

func (o *gather) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *gather) Forward() (mat.Tensor, error) {
	cols, x := o.x.Shape()[1], Values(o.x)
	y := o.g.take(len(o.rows) * cols)
	for i, r := range o.rows {
		copy(y[i*cols:(i+1)*cols], x[int(r)*cols:])
	}
	return o.g.tensor(len(o.rows), cols, y), nil
}

func (o *gather) Backward(gy mat.Tensor) error {
	if !o.g.wants(o.x) {
		return nil
	}
	cols, dy := gy.Shape()[1], Values(gy)
	d := o.g.zeros(o.x.Size())
	for i, r := range o.rows {
		o.g.e.level.Axpy(d[int(r)*cols:][:cols], dy[i*cols:(i+1)*cols], 1)
	}
	o.g.pass(o.x, d)
	return nil
}

// MLMHead is the head of masked language models: a dense layer with GELU and
// LayerNorm, then the word table as decoder with a bias of its own.
type MLMHead struct {
	nn.Module
	Dense *Linear   // [hidden, hidden]
	Norm  *Norm     // [hidden]
	Bias  *nn.Param // [vocab]
	eps   float64
}

// NewMLMHead makes a zero head under the names that transformers gives it.
func NewMLMHead(c Config) *MLMHead {
	dense, norm, bias := "vocab_transform", "vocab_layer_norm", "vocab_projector.bias"
	if c.Architecture == BERT {
		dense = "cls.predictions.transform.dense"
		norm = "cls.predictions.transform.LayerNorm"
		bias = "cls.predictions.bias"
	}
	return &MLMHead{
		Dense: NewLinear(dense, c.Hidden, c.Hidden, true),
		Norm:  NewNorm(norm, c.Hidden),
		Bias:  NewParam(bias, []int{c.VocabSize}, make([]float32, c.VocabSize), false),
		eps:   c.LayerNormEps,
	}
}

// Logits scores the vocabulary at the given rows (tokens of the batch) of the
// last states: [len(rows), vocab]. Word is the encoder's table. Errors wrap
// ErrBatch.
func (h *MLMHead) Logits(g *Graph, states mat.Tensor, rows []int32, word *nn.Param) (mat.Tensor, error) {
	x, err := g.Rows(states, rows)
	if err != nil {
		return nil, fmt.Errorf("masked positions: %w", err)
	}
	return h.Scores(g, x, word)
}

// Scores is Logits for rows that have been selected: those of
// Encoder.ForwardRows.
func (h *MLMHead) Scores(g *Graph, x mat.Tensor, word *nn.Param) (mat.Tensor, error) {
	x, err := g.Activate(g.Linear(x, h.Dense), GELU)
	if err != nil {
		return nil, err
	}
	x = g.LayerNorm(x, h.Norm, h.eps)
	return g.Linear(x, &Linear{Weight: word, Bias: h.Bias}), nil
}
