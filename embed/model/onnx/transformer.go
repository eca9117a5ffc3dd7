package onnx

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// transformer is the graph of BERT and DistilBERT.
func transformer(s scope, m *model.Model) {
	t, c := m.Transformer, m.Config
	if c.Heads <= 0 || c.Hidden%c.Heads != 0 || len(t.Layers) != c.Layers {
		s.g.fail(fmt.Errorf("%w: %d layers, hidden size %d and %d heads do not fit", ErrModel, c.Layers, c.Hidden, c.Heads))
		return
	}
	s.g.input(inputIDs)
	s.g.input(inputMask)
	if c.TypeVocabSize > 0 {
		s.g.input(inputTypes)
	}
	shared := newBlock(s, c)
	x := embeddings(s.in("embeddings"), t, c)
	for i := range t.Layers {
		x = shared.layer(s.in(fmt.Sprintf("layer.%d", i)), x, &t.Layers[i])
	}
	s.named("Identity", outputStates, outputStates, []string{x})
	s.g.output(outputStates, "batch", "sequence", c.Hidden)

	pooled, dims := poolings(s.in("pooling"), x, m.Pooling, c.Hidden)
	head(s, m, pooled, dims)
}

// embeddings is LayerNorm(word + position + type), [batch, sequence, hidden].
func embeddings(s scope, t *model.Transformer, c model.Config) string {
	word := s.op("Gather", []string{s.weight("word", t.Word, c.VocabSize, c.Hidden), inputIDs})
	// Positions are 0 to sequence-1 in every row: [sequence, hidden].
	length := s.op("Gather", []string{s.op("Shape", []string{inputIDs}), s.scalar("one", 1)})
	positions := s.op("Range", []string{s.scalar("start", 0), length, s.scalar("step", 1)})
	position := s.op("Gather", []string{s.weight("position", t.Position, c.MaxPositions, c.Hidden), positions})
	x := s.op("Add", []string{word, position})
	if c.TypeVocabSize > 0 {
		types := s.op("Gather", []string{s.weight("type", t.Type, c.TypeVocabSize, c.Hidden), inputTypes})
		x = s.op("Add", []string{x, types})
	}
	return layerNorm(s, x, t.Norm, c)
}

func layerNorm(s scope, x string, n model.Norm, c model.Config) string {
	return s.op("LayerNormalization",
		[]string{x, s.weight("norm.weight", n.Weight, c.Hidden), s.weight("norm.bias", n.Bias, c.Hidden)},
		intAttr("axis", -1), floatAttr("epsilon", float32(c.LayerNormEps)))
}

// linear is y = x W^T + b.
func linear(s scope, x string, l model.Linear, out, in int) string {
	y := s.op("MatMul", []string{x, s.transposed("weight", l.Weight, out, in)})
	if l.Bias == nil {
		return y
	}
	return s.op("Add", []string{s.weight("bias", l.Bias, out), y})
}

// projection is a linear layer of the transformer, in int8 if the file is to be.
func projection(s scope, x string, l model.Linear, out, in int) string {
	if s.g.int8 != nil {
		return s.g.int8.linear(s, x, l, out, in)
	}
	return linear(s, x, l, out, in)
}

// block holds what all layers share.
type block struct {
	c       model.Config
	mask    string // [batch, 1, 1, sequence]: 0 for tokens, the lowest float for padding
	split   string // shape [batch, sequence, heads, width]
	merge   string // shape [batch, sequence, hidden]
	sqrt    string // root of a head's width
	one     string
	half    string // the constants of the activation
	root2   string
	cubic   string // 0.044715
	rootPi2 string // sqrt(2/π)
}

func newBlock(s scope, c model.Config) block {
	b := block{c: c}
	width := c.Hidden / c.Heads
	m := s.in("mask")
	f := m.op("Cast", []string{inputMask}, intAttr("to", dataFloat))
	f = m.op("Unsqueeze", []string{f, m.ints("axes", 1, 2)})
	b.one = s.floats("one", nil, 1)
	inverse := m.op("Sub", []string{b.one, f})
	b.mask = m.op("Mul", []string{inverse, m.floats("lowest", nil, -math.MaxFloat32)})
	b.split = s.ints("split", 0, 0, int64(c.Heads), int64(width))
	b.merge = s.ints("merge", 0, 0, int64(c.Hidden))
	b.sqrt = s.floats("sqrt_head", nil, float32(math.Sqrt(float64(width))))
	switch c.Activation {
	case "gelu":
		b.half = s.floats("half", nil, 0.5)
		b.root2 = s.floats("sqrt_2", nil, math.Sqrt2)
	case "gelu_new", "gelu_pytorch_tanh":
		b.half = s.floats("half", nil, 0.5)
		b.cubic = s.floats("cubic", nil, 0.044715)
		b.rootPi2 = s.floats("sqrt_2_over_pi", nil, float32(math.Sqrt(2/math.Pi)))
	case "relu":
	default:
		s.g.fail(fmt.Errorf("%w: activation %q", ErrModel, c.Activation))
	}
	return b
}

// layer is one post-LayerNorm block.
func (b *block) layer(s scope, x string, l *model.Layer) string {
	attended := s.op("Add", []string{b.attention(s.in("attention"), x, l), x})
	x = layerNorm(s.in("attention"), attended, l.AttentionNorm, b.c)
	inner := b.activate(s.in("act"), projection(s.in("up"), x, l.Up, b.c.Intermediate, b.c.Hidden))
	out := s.op("Add", []string{projection(s.in("down"), inner, l.Down, b.c.Hidden, b.c.Intermediate), x})
	return layerNorm(s.in("output"), out, l.OutputNorm, b.c)
}

// attention is softmax(Q K^T / sqrt(width) + mask) V over the heads, projected.
func (b *block) attention(s scope, x string, l *model.Layer) string {
	h := b.c.Hidden
	heads := func(name string, p model.Linear, perm ...int64) string {
		in := s.in(name)
		y := in.op("Reshape", []string{projection(in, x, p, h, h), b.split})
		return in.op("Transpose", []string{y}, intsAttr("perm", perm...))
	}
	q := heads("query", l.Query, 0, 2, 1, 3) // [batch, heads, sequence, width]
	k := heads("key", l.Key, 0, 2, 3, 1)     // [batch, heads, width, sequence]
	v := heads("value", l.Value, 0, 2, 1, 3)
	scores := s.op("Div", []string{s.op("MatMul", []string{q, k}), b.sqrt})
	scores = s.op("Add", []string{scores, b.mask})
	weights := s.op("Softmax", []string{scores}, intAttr("axis", -1))
	mixed := s.op("Transpose", []string{s.op("MatMul", []string{weights, v})}, intsAttr("perm", 0, 2, 1, 3))
	mixed = s.op("Reshape", []string{mixed, b.merge})
	return projection(s.in("output"), mixed, l.Output, h, h)
}

func (b *block) activate(s scope, x string) string {
	switch b.c.Activation {
	case "relu":
		return s.op("Relu", []string{x})
	case "gelu":
		erf := s.op("Erf", []string{s.op("Div", []string{x, b.root2})})
		y := s.op("Mul", []string{x, s.op("Add", []string{erf, b.one})})
		return s.op("Mul", []string{y, b.half})
	}
	// The tanh form, x/2 (1 + tanh(sqrt(2/π) (x + 0.044715 x³))).
	cube := s.op("Mul", []string{s.op("Mul", []string{x, x}), x})
	inner := s.op("Add", []string{x, s.op("Mul", []string{cube, b.cubic})})
	tanh := s.op("Tanh", []string{s.op("Mul", []string{inner, b.rootPi2})})
	y := s.op("Mul", []string{x, s.op("Add", []string{tanh, b.one})})
	return s.op("Mul", []string{y, b.half})
}
