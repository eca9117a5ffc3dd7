package encoder

import (
	"slices"

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

// packLayer packs l. The biases of the two projections that end in a residual
// sum are added by the LayerNorms that follow.
func packLayer(l *layer, d shape, p Precision) packedLayer {
	qkv := linear{in: d.hidden, out: 3 * d.hidden, weight: slices.Concat(l.query.weight, l.key.weight, l.value.weight)}
	for _, part := range []linear{l.query, l.key, l.value} {
		qkv.bias = append(qkv.bias, orZeros(part.bias, d.hidden)...)
	}
	packed := packedLayer{
		qkv:           packLinear(qkv, p),
		output:        packLinear(l.output, p),
		up:            packLinear(l.up, p),
		down:          packLinear(l.down, p),
		attentionNorm: packNorm(l.attentionNorm, l.output.bias),
		outputNorm:    packNorm(l.outputNorm, l.down.bias),
	}
	if !l.exactGELU {
		packed.act = l.act
	}
	return packed
}

// activate applies the feed-forward block's non-linearity.
func (p *packedLayer) activate(l kernel.Level, x []float32) {
	if p.act == nil {
		l.GELU(x)
		return
	}
	p.act(x)
}

// packedLinear is y = x W^T + b in one of two forms.
type packedLinear struct {
	f32  *kernel.Packed
	i8   *kernel.PackedInt8
	bias []float32 // nil: none
}

func packLinear(l linear, p Precision) packedLinear {
	packed := packedLinear{bias: l.bias}
	switch p {
	case Int8:
		packed.i8 = kernel.PackInt8(l.weight, l.out, l.in)
	case roundedInt8:
		packed.f32 = kernel.PackInt8(l.weight, l.out, l.in).Rounded()
	default:
		packed.f32 = kernel.Pack(l.weight, l.out, l.in)
	}
	return packed
}

// run computes rows of y from x. With residual set it adds to y and leaves the
// bias to the LayerNorm that follows.
func (p *packedLinear) run(l kernel.Level, s *packedScratch, rows int, x []float32, in int, y []float32, out int, residual bool) {
	bias := p.bias
	if residual {
		bias = nil
	}
	if p.i8 != nil {
		g := kernel.GemmInt8{M: rows, A: s.quantize(l, rows, x, in), B: p.i8, C: y, LDC: out, Bias: bias, Add: residual}
		g.Run(l, 0, p.i8.Panels())
		return
	}
	g := kernel.Gemm{M: rows, A: x, LDA: in, B: p.f32, C: y, LDC: out, Bias: bias, Add: residual}
	g.Run(l, 0, p.f32.Panels())
}

// packedNorm is LayerNorm after adding a bias.
type packedNorm struct {
	add, weight, bias []float32
	eps               float32
}

func packNorm(n norm, add []float32) packedNorm {
	return packedNorm{add: orZeros(add, len(n.weight)), weight: n.weight, bias: n.bias, eps: float32(n.eps)}
}

// apply normalises every row of x in place.
func (n *packedNorm) apply(l kernel.Level, x []float32) {
	h := len(n.weight)
	for ; len(x) >= h; x = x[h:] {
		l.LayerNorm(x[:h], n.add, n.weight, n.bias, n.eps)
	}
}

// orZeros is v, or n zeros in its place.
func orZeros(v []float32, n int) []float32 {
	if v == nil {
		return make([]float32, n)
	}
	return v
}
