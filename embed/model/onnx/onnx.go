// Package onnx writes models as ONNX files, for onnxruntime and whatever else
// reads them: Write in float32, WriteInt8 with quantised projections.
//
// A file takes padded batches:
//
//	input_ids       int64 [batch, sequence]
//	attention_mask  int64 [batch, sequence], 1 for tokens and 0 for padding at the end
//	token_type_ids  int64 [batch, sequence], BERT only
//
// and gives
//
//	last_hidden_state   float32 [batch, sequence, hidden], transformers only
//	sentence_embedding  float32 [batch, dims]: pooled, through the Dense
//	                    modules, normalised if the model says so
//
// The operators are those of operator set 17 in the patterns that onnxruntime's
// optimiser knows (LayerNormalization, erf GELU, attention as reshaped matrix
// products, dynamic quantisation around MatMulInteger).
package onnx

import (
	"errors"
	"fmt"
	"io"

	"semdex/embed/model"
)

var (
	// ErrTooLarge: the file would be larger than the 2 GB that a protobuf
	// message can be.
	ErrTooLarge = errors.New("too large for one ONNX file (2 GB)")
	// ErrModel: the model has something that cannot be exported, or a tensor is
	// missing or wrongly shaped.
	ErrModel = errors.New("cannot export model to ONNX")
)

// Write writes m to w. It reads each weight once and holds no more than one
// tensor in memory besides the model. On an error w has got part of a file or
// nothing.
func Write(w io.Writer, m *model.Model) error { return write(w, m, &graph{}) }

// WriteInt8 writes m like Write, with the projections of the transformer in
// dynamic int8: weights in signed bytes with one scale per output channel,
// activations quantised to unsigned bytes as they come, one range per tensor.
// Everything else stays float32. A static model has nothing to quantise in this
// way and is ErrModel.
func WriteInt8(w io.Writer, m *model.Model) error {
	if m.Static != nil {
		return fmt.Errorf("%w: a static model has no projections to quantise", ErrModel)
	}
	return write(w, m, &graph{int8: &quantizer{}})
}

func write(w io.Writer, m *model.Model, g *graph) error {
	root := scope{g: g}
	switch {
	case m.Static != nil:
		static(root, m)
	case m.Transformer != nil:
		transformer(root, m)
	default:
		return fmt.Errorf("%w: it has neither a transformer nor a static table", ErrModel)
	}
	return g.writeTo(w, m.Name, [][2]string{
		{"architecture", string(m.Architecture)},
		{"pooling", string(m.Pooling)},
		{"similarity", m.Similarity},
	})
}

// The names of the file's inputs and outputs.
const (
	inputIDs   = "input_ids"
	inputMask  = "attention_mask"
	inputTypes = "token_type_ids"

	outputStates = "last_hidden_state"
	outputVector = "sentence_embedding"
)

// input declares an input of [batch, sequence].
func (g *graph) input(name string) {
	g.inputs = appendMessage(g.inputs, graphInput, value(name, dataInt64, "batch", "sequence"))
}

func (g *graph) output(name string, dims ...any) {
	g.outputs = appendMessage(g.outputs, graphOutput, value(name, dataFloat, dims...))
}

// static is the graph of a static model: the masked mean of table rows.
func static(s scope, m *model.Model) {
	s.g.input(inputIDs)
	s.g.input(inputMask)
	table := s.static("embedding", m.Static)
	if s.g.err != nil {
		return
	}
	states := s.op("Gather", []string{table, inputIDs})
	p := newPool(s.in("pooling"), states, m.Static.Dims())
	head(s, m, p.mean(), m.Static.Dims())
}
