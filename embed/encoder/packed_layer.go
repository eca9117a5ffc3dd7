package encoder

import (
	"semdex/embed/model"
	"semdex/internal/kernel"
)

// roundedInt8 computes in float32 with weights rounded to their int8 values.
const roundedInt8 Precision = -1

// packedLayer is a transformer block whose projections are packed, with
// queries, keys and values in one product.
type packedLayer struct {
	qkv, output, up, down     packedLinear
	attentionNorm, outputNorm packedNorm
	act                       activation // nil: the vectorised exact GELU
}

// packer makes a model's packed layers. Weights go from the tensors, whatever
// their type, to their place row by row.
type packer struct {
	level     kernel.Level
	precision Precision
	dims      shape
	config    model.Config
}

// layerBytes is the memory of one layer's matrices.
func (p *packer) layerBytes() int {
	size := kernel.SizePacked
	if p.precision == Int8 {
		size = kernel.SizePackedInt8
	}
	h, f := p.dims.hidden, p.dims.inner
	return size(3*h, h) + size(h, h) + size(f, h) + size(h, f)
}

// layer packs m, the model's layer i. The biases of the two projections that
// end in a residual sum are added by the LayerNorms that follow.
func (p *packer) layer(i int, m *model.Layer, a *kernel.Arena) (packedLayer, error) {
	if err := checkLayer(i, m, p.dims); err != nil {
		return packedLayer{}, err
	}
	packed := packedLayer{
		qkv:           p.linear(a, m.Query, m.Key, m.Value),
		output:        p.linear(a, m.Output),
		up:            p.linear(a, m.Up),
		down:          p.linear(a, m.Down),
		attentionNorm: packNorm(decodeNorm(m.AttentionNorm, p.config.LayerNormEps), decodeBias(m.Output)),
		outputNorm:    packNorm(decodeNorm(m.OutputNorm, p.config.LayerNormEps), decodeBias(m.Down)),
	}
	if p.config.Activation == "gelu" {
		return packed, nil
	}
	var err error
	packed.act, err = activationOf(p.config.Activation)
	return packed, err
}

// linear packs one or several maps of the same input, their outputs side by
// side.
func (p *packer) linear(a *kernel.Arena, parts ...model.Linear) packedLinear {
	each, in := parts[0].Weight.Rows(), parts[0].Weight.Cols()
	out := each * len(parts)
	var packed packedLinear
	for _, l := range parts {
		packed.bias = append(packed.bias, orZeros(decodeBias(l), each)...)
	}
	rows := func(dst []float32, i int) { decodeRow(p.level, dst, parts[i/each].Weight, i%each) }
	switch p.precision {
	case Int8:
		packed.i8 = a.PackInt8(out, in, rows)
	case roundedInt8:
		packed.f32 = a.RoundInt8(out, in, rows)
	default:
		packed.f32 = a.Pack(out, in, rows)
	}
	return packed
}

// packedLinear is y = x W^T + b in one of two forms.
type packedLinear struct {
	f32  *kernel.Packed
	i8   *kernel.PackedInt8
	bias []float32
}

// panels is the number of pieces into which the output's columns divide.
func (p *packedLinear) panels() int {
	if p.i8 != nil {
		return p.i8.Panels()
	}
	return p.f32.Panels()
}

// run computes the panels [lo, hi) of y = x W^T + b.
func (p *packedLinear) run(l kernel.Level, x, y rowset, lo, hi int) {
	p.product(l, x, y, p.bias, false, lo, hi)
}

// addTo adds the panels [lo, hi) of x W^T to y and leaves the bias to the
// LayerNorm that follows.
func (p *packedLinear) addTo(l kernel.Level, x, y rowset, lo, hi int) {
	p.product(l, x, y, nil, true, lo, hi)
}

func (p *packedLinear) product(l kernel.Level, x, y rowset, bias []float32, sum bool, lo, hi int) {
	if p.i8 != nil {
		g := kernel.GemmInt8{M: x.n, A: x.bytes, B: p.i8, C: y.f32, LDC: y.ld, Bias: bias, Add: sum}
		g.Run(l, lo, hi)
		return
	}
	g := kernel.Gemm{M: x.n, A: x.f32, LDA: x.ld, B: p.f32, C: y.f32, LDC: y.ld, Bias: bias, Add: sum}
	g.Run(l, lo, hi)
}

// activate applies the feed-forward block's non-linearity to rows [lo, hi) and
// quantises them, one by one while they are in the first cache level.
func (p *packedLayer) activate(l kernel.Level, x rowset, lo, hi int) {
	for i := lo; i < hi; i++ {
		if p.act == nil {
			l.GELU(x.row(i))
		} else {
			p.act(x.row(i))
		}
		x.quantize(l, i, i+1)
	}
}

// packedNorm is LayerNorm after adding a bias.
type packedNorm struct {
	add, weight, bias []float32
	eps               float32
}

func packNorm(n norm, add []float32) packedNorm {
	return packedNorm{add: orZeros(add, len(n.weight)), weight: n.weight, bias: n.bias, eps: float32(n.eps)}
}

// apply normalises rows [lo, hi) in place and quantises them.
func (n *packedNorm) apply(l kernel.Level, x rowset, lo, hi int) {
	for i := lo; i < hi; i++ {
		l.LayerNorm(x.row(i), n.add, n.weight, n.bias, n.eps)
		x.quantize(l, i, i+1)
	}
}

// orZeros is v, or n zeros in its place.
func orZeros(v []float32, n int) []float32 {
	if v == nil {
		return make([]float32, n)
	}
	return v
}
