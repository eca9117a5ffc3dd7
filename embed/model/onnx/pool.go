package onnx

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// pool reduces states [batch, sequence, hidden] under the mask to
// [batch, hidden].
type pool struct {
	s      scope
	states string
	mask   string // [batch, sequence, 1], 0 or 1
	axis   string // the constant [1]: the sequence
	hidden int

	sumOf, countOf string // made once
}

func newPool(s scope, states string, hidden int) *pool {
	p := &pool{s: s, states: states, axis: s.ints("axis", 1), hidden: hidden}
	f := s.op("Cast", []string{inputMask}, intAttr("to", dataFloat))
	p.mask = s.op("Unsqueeze", []string{f, s.ints("last", 2)})
	return p
}

// poolings concatenates the modes of mode and gives the width.
func poolings(s scope, states string, mode model.PoolingMode, hidden int) (string, int) {
	p := newPool(s, states, hidden)
	var parts []string
	for _, one := range mode.Modes() {
		parts = append(parts, p.mode(one))
	}
	if len(parts) == 1 {
		return parts[0], hidden
	}
	return s.op("Concat", parts, intAttr("axis", 1)), hidden * len(parts)
}

func (p *pool) mode(m model.PoolingMode) string {
	s := p.s
	switch m {
	case model.PoolMean:
		return p.mean()
	case model.PoolMeanSqrtLen:
		return s.op("Div", []string{p.sum(), s.op("Sqrt", []string{p.count()})})
	case model.PoolCLS:
		return s.op("Gather", []string{p.states, s.scalar("first", 0)}, intAttr("axis", 1))
	case model.PoolMax:
		low := s.floats("lowest", nil, -math.MaxFloat32)
		real := s.op("Greater", []string{p.mask, s.floats("zero", nil, 0)})
		masked := s.op("Where", []string{real, p.states, low})
		return s.op("ReduceMax", []string{masked}, intsAttr("axes", 1), intAttr("keepdims", 0))
	case model.PoolWeightedMean:
		return p.weighted()
	case model.PoolLastToken:
		// Padding is at the end: the last token is where the number of tokens
		// up to here equals the number of all, and the mask is 1.
		last := s.op("Equal", []string{p.place(), s.op("Unsqueeze", []string{p.count(), p.axis})})
		pick := s.op("Mul", []string{s.op("Cast", []string{last}, intAttr("to", dataFloat)), p.mask})
		return p.reduce(s.op("Mul", []string{p.states, pick}))
	}
	s.g.fail(fmt.Errorf("%w: pooling %q", ErrModel, m))
	return ""
}

// reduce sums over the sequence.
func (p *pool) reduce(x string) string {
	return p.s.op("ReduceSum", []string{x, p.axis}, intAttr("keepdims", 0))
}

func (p *pool) sum() string {
	if p.sumOf == "" {
		p.sumOf = p.reduce(p.s.op("Mul", []string{p.states, p.mask}))
	}
	return p.sumOf
}

// count is the number of tokens, [batch, 1], at least a trace above 0 so that a
// sentence without tokens gives zeros.
func (p *pool) count() string {
	if p.countOf == "" {
		p.countOf = p.s.op("Max", []string{p.reduce(p.mask), p.s.floats("trace", nil, 1e-9)})
	}
	return p.countOf
}

func (p *pool) mean() string { return p.s.op("Div", []string{p.sum(), p.count()}) }

// place numbers the tokens of a row from 1, [batch, sequence, 1].
func (p *pool) place() string {
	return p.s.op("CumSum", []string{p.mask, p.s.scalar("sequence", 1)})
}

// weighted weights token t by t.
func (p *pool) weighted() string {
	s := p.s
	w := s.op("Mul", []string{p.place(), p.mask})
	total := s.op("Max", []string{p.reduce(w), s.floats("trace", nil, 1e-9)})
	return s.op("Div", []string{p.reduce(s.op("Mul", []string{p.states, w})), total})
}

// head puts the Dense modules and the normalisation behind the pooled vector
// and names the result.
func head(s scope, m *model.Model, x string, dims int) {
	for i, d := range m.Dense {
		in := s.in(fmt.Sprintf("dense.%d", i))
		if d.Weight == nil {
			s.g.fail(fmt.Errorf("%w: dense.%d/weight is missing", ErrModel, i))
			return
		}
		out := d.Weight.Rows()
		x = linear(in, x, d.Linear, out, dims)
		dims = out
		switch d.Activation {
		case "tanh":
			x = in.op("Tanh", []string{x})
		case "identity", "":
		default:
			s.g.fail(fmt.Errorf("%w: dense.%d has activation %q", ErrModel, i, d.Activation))
		}
	}
	if n := m.TruncateDim; n > 0 && n < dims {
		in := s.in("truncate")
		x = in.op("Slice", []string{x, in.ints("start", 0), in.ints("end", int64(n)), in.ints("axis", 1)})
		dims = n
	}
	if m.Normalize {
		in := s.in("normalize")
		length := in.op("ReduceL2", []string{x}, intsAttr("axes", 1), intAttr("keepdims", 1))
		x = in.op("Div", []string{x, in.op("Max", []string{length, in.floats("trace", nil, 1e-12)})})
	}
	s.named("Identity", outputVector, outputVector, []string{x})
	s.g.output(outputVector, "batch", dims)
}
