package encoder

import (
	"errors"
	"fmt"

	"semdex/embed/model"
)

// ErrModel marks a model that the encoder cannot run: a missing or wrongly
// shaped tensor, an unknown activation or pooling mode.
var ErrModel = errors.New("unsupported model")

// linear is y = x W^T + b, ready to run.
type linear struct {
	weight []float32 // [out, in]
	bias   []float32 // [out] or nil
	in     int
	out    int
}

// apply computes y [rows, out] from x [rows, in].
func (l *linear) apply(y, x []float32, rows int) {
	mulT(matrix{y, l.out}, matrix{x, l.in}, matrix{l.weight, l.in}, l.bias, rows, l.out, l.in)
}

func newLinear(what string, l model.Linear, out, in int) (linear, error) {
	if err := checkLinear(what, l, out, in); err != nil {
		return linear{}, err
	}
	return decodeLinear(l), nil
}

func checkLinear(what string, l model.Linear, out, in int) error {
	if err := wantShape(what+" weight", l.Weight, out, in); err != nil || l.Bias == nil {
		return err
	}
	return wantShape(what+" bias", l.Bias, out)
}

// decodeLinear widens what checkLinear has found well.
func decodeLinear(l model.Linear) linear {
	return linear{weight: l.Weight.F32(), bias: decodeBias(l), in: l.Weight.Cols(), out: l.Weight.Rows()}
}

// decodeBias is l's bias, nil if it has none.
func decodeBias(l model.Linear) []float32 {
	if l.Bias == nil {
		return nil
	}
	return l.Bias.F32()
}

// vector is a one-dimensional tensor of n elements as float32.
func vector(what string, t *model.Tensor, n int) ([]float32, error) {
	if err := wantShape(what, t, n); err != nil {
		return nil, err
	}
	return t.F32(), nil
}

// wantShape checks what the maths relies on. Folders are checked when they are
// read; models made in memory are not.
func wantShape(what string, t *model.Tensor, shape ...int) error {
	if t == nil {
		return fmt.Errorf("%w: %s is missing", ErrModel, what)
	}
	ok := len(t.Shape) == len(shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = t.Shape[i] == shape[i]
	}
	if !ok {
		return fmt.Errorf("%w: %s (%s) has shape %v, want %v", ErrModel, what, t.Name, t.Shape, shape)
	}
	if size := t.DType.Size(); size == 0 || len(t.Data) != size*t.Len() {
		return fmt.Errorf("%w: %s (%s) holds %d bytes for shape %v of %s",
			ErrModel, what, t.Name, len(t.Data), t.Shape, t.DType)
	}
	return nil
}
