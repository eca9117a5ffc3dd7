package onnx

import (
	"fmt"
	"io"
	"math"

	"semdex/embed/model"
)

// quantizer makes the int8 form of a graph's projections:
//
//	q, s, z = DynamicQuantizeLinear(x)               one range for all of x
//	y       = MatMulInteger(q, W, z) * (s * scale) + b
//
// with W in signed bytes, symmetric, one scale per output channel. onnxruntime
// fuses the lot into one operator.
type quantizer struct {
	inputs map[string]quantized // by the name of the float32 tensor
}

// quantized is a tensor that has been quantised, which projections of the same
// tensor (queries, keys and values) share.
type quantized struct{ bytes, scale, zero string }

// linear is y = x W^T + b.
func (q *quantizer) linear(s scope, x string, l model.Linear, out, in int) string {
	if !s.fits("weight", l.Weight, []int{out, in}) {
		return x
	}
	a := q.input(s, x)
	scales := channelScales(l.Weight)
	w := s.bytes("weight", l.Weight, scales)
	y := s.op("MatMulInteger", []string{a.bytes, w, a.zero})
	y = s.op("Cast", []string{y}, intAttr("to", dataFloat))
	scale := s.op("Mul", []string{a.scale, s.floats("weight.scale", []int{out}, scales...)})
	y = s.op("Mul", []string{y, scale})
	if l.Bias == nil {
		return y
	}
	return s.op("Add", []string{y, s.weight("bias", l.Bias, out)})
}

func (q *quantizer) input(s scope, x string) quantized {
	if a, ok := q.inputs[x]; ok {
		return a
	}
	if q.inputs == nil {
		q.inputs = make(map[string]quantized)
	}
	name := s.g.unique(s.at + "DynamicQuantizeLinear")
	a := quantized{name + ":0", name + ":1", name + ":2"}
	s.g.nodes = appendMessage(s.g.nodes, graphNode,
		node("DynamicQuantizeLinear", name, []string{x}, []string{a.bytes, a.scale, a.zero}, nil))
	q.inputs[x] = a
	return a
}

// channelScales is the scale of every row of t: its largest magnitude is 127.
func channelScales(t *model.Tensor) []float32 {
	scales := make([]float32, t.Rows())
	var row []float32
	for r := range scales {
		row = t.AppendRow(row[:0], r)
		var top float32
		for _, v := range row {
			top = max(top, float32(math.Abs(float64(v))))
		}
		scales[r] = top / 127
	}
	return scales
}

// bytes adds t [out, in] in signed bytes as [in, out].
func (s scope) bytes(name string, t *model.Tensor, scales []float32) string {
	out, in := t.Rows(), t.Cols()
	name = s.g.unique(s.at + name)
	size := int64(out) * int64(in)
	s.g.tensors = append(s.g.tensors, tensor{
		head: tensorHead(name, dataInt8, []int{in, out}, size), size: size,
		write: func(w io.Writer) error {
			_, err := w.Write(quantizeTransposed(t, scales))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			return nil
		},
	})
	return name
}

func quantizeTransposed(t *model.Tensor, scales []float32) []byte {
	out := t.Rows()
	data := make([]byte, out*t.Cols())
	var row []float32
	for r, scale := range scales {
		if scale == 0 {
			continue
		}
		row = t.AppendRow(row[:0], r)
		for c, v := range row {
			q := math.RoundToEven(float64(v) / float64(scale))
			data[c*out+r] = byte(int8(max(-127, min(127, q))))
		}
	}
	return data
}
