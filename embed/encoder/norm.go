package encoder

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// norm is LayerNorm's scale and shift, both [hidden].
type norm struct {
	weight, bias []float32
	eps          float64
}

// apply normalises every row of x, [rows, hidden], in place (Ba et al. 2016,
// eq. 4, with epsilon inside the root):
//
//	y = (x - mean) / sqrt(variance + eps) * weight + bias
func (n norm) apply(x []float32) {
	h := len(n.weight)
	for ; len(x) >= h; x = x[h:] {
		n.row(x[:h])
	}
}

func (n norm) row(x []float32) {
	var sum float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	var sq float64
	for _, v := range x {
		d := float64(v) - mean
		sq += float64(d * d)
	}
	inv := 1 / math.Sqrt(sq/float64(len(x))+n.eps)
	w, b := n.weight[:len(x)], n.bias[:len(x)]
	for i, v := range x {
		x[i] = float32(float32((float64(v)-mean)*inv)*w[i]) + b[i]
	}
}

// activation is the feed-forward block's non-linearity, in place.
type activation func(x []float32)

func activationOf(name string) (activation, error) {
	switch name {
	case "gelu":
		return gelu, nil
	case "gelu_new", "gelu_pytorch_tanh":
		return geluTanh, nil
	case "relu":
		return relu, nil
	}
	return nil, fmt.Errorf("%w: activation %q (known: gelu, gelu_new, relu)", ErrModel, name)
}

// gelu is x Φ(x) with the exact normal distribution function
// (Hendrycks & Gimpel 2016, eq. 1):
//
//	x/2 * (1 + erf(x / sqrt 2))
func gelu(x []float32) {
	for i, v := range x {
		f := float64(v)
		x[i] = float32(0.5 * f * (1 + math.Erf(f*(1/math.Sqrt2))))
	}
}

// geluTanh is the tanh approximation (Hendrycks & Gimpel 2016, section 2):
//
//	x/2 * (1 + tanh(sqrt(2/π) (x + 0.044715 x³)))
func geluTanh(x []float32) {
	c := math.Sqrt(2 / math.Pi)
	for i, v := range x {
		f := float64(v)
		x[i] = float32(0.5 * f * (1 + math.Tanh(c*(f+0.044715*f*f*f))))
	}
}

func relu(x []float32) {
	for i, v := range x {
		x[i] = max(v, 0) // the builtin passes NaN on
	}
}

// softmax turns a row of scores into probabilities, in place:
//
//	p_j = exp(scale (s_j - max s)) / sum_k exp(scale (s_k - max s))
func softmax(s []float32, scale float64) {
	top := s[0]
	for _, v := range s {
		top = max(top, v)
	}
	var sum float64
	for j, v := range s {
		e := math.Exp(scale * (float64(v) - float64(top)))
		s[j] = float32(e)
		sum += e
	}
	inv := float32(1 / sum)
	for j := range s {
		s[j] *= inv
	}
}

func newNorm(what string, n model.Norm, hidden int, eps float64) (norm, error) {
	if err := checkNorm(what, n, hidden); err != nil {
		return norm{}, err
	}
	return decodeNorm(n, eps), nil
}

func checkNorm(what string, n model.Norm, hidden int) error {
	if err := wantShape(what+" weight", n.Weight, hidden); err != nil {
		return err
	}
	return wantShape(what+" bias", n.Bias, hidden)
}

// decodeNorm widens what checkNorm has found well.
func decodeNorm(n model.Norm, eps float64) norm {
	return norm{weight: n.Weight.F32(), bias: n.Bias.F32(), eps: eps}
}
