package onnx

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"semdex/embed/model"
)

// graph is a GraphProto in the making. Nodes are kept encoded, they are small;
// weights are written from where they lie when the file is.
//
// The first error sticks: what is added afterwards is of no consequence, and
// writeTo reports it.
type graph struct {
	nodes   []byte
	inputs  []byte
	outputs []byte
	tensors []tensor
	names   map[string]int // how often a name was asked for
	int8    *quantizer     // nil: everything is float32
	err     error
}

// tensor is an initializer whose elements come from write.
type tensor struct {
	head  []byte // up to its raw data
	size  int64  // bytes of raw data
	write func(w io.Writer) error
}

func (t *tensor) len() int64 { return int64(len(t.head)) + t.size }

func (g *graph) fail(err error) {
	if g.err == nil {
		g.err = err
	}
}

// unique makes a name out of scope and kind: "layer.0/MatMul", then
// "layer.0/MatMul_1".
func (g *graph) unique(name string) string {
	if g.names == nil {
		g.names = make(map[string]int)
	}
	n := g.names[name]
	g.names[name]++
	if n == 0 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, n)
}

// scope adds nodes and tensors under a prefix.
type scope struct {
	g  *graph
	at string
}

func (s scope) in(name string) scope { return scope{s.g, s.at + name + "/"} }

// op adds a node and returns its output's name.
func (s scope) op(kind string, inputs []string, attrs ...attr) string {
	name := s.g.unique(s.at + kind)
	s.named(kind, name, name+":0", inputs, attrs...)
	return name + ":0"
}

// named adds a node whose output has a name of its own.
func (s scope) named(kind, name, output string, inputs []string, attrs ...attr) {
	s.g.nodes = appendMessage(s.g.nodes, graphNode, node(kind, name, inputs, []string{output}, attrs))
}

// floats adds a small constant; without dims it is a scalar.
func (s scope) floats(name string, dims []int, values ...float32) string {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return s.constant(name, dataFloat, dims, data)
}

// ints adds a small constant vector.
func (s scope) ints(name string, values ...int64) string {
	return s.constant(name, dataInt64, []int{len(values)}, int64Bytes(values...))
}

// scalar adds one integer without dimensions.
func (s scope) scalar(name string, v int64) string {
	return s.constant(name, dataInt64, nil, int64Bytes(v))
}

func int64Bytes(values ...int64) []byte {
	var data []byte
	for _, v := range values {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return data
}

func (s scope) constant(name string, elem int64, dims []int, data []byte) string {
	name = s.g.unique(s.at + name)
	s.g.tensors = append(s.g.tensors, tensor{
		head: tensorHead(name, elem, dims, int64(len(data))), size: int64(len(data)),
		write: func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		},
	})
	return name
}

// weight adds t as float32, row by row.
func (s scope) weight(name string, t *model.Tensor, shape ...int) string {
	if !s.fits(name, t, shape) {
		return name
	}
	return s.initializer(name, shape, func(w io.Writer) error {
		return writeRows(w, t.Rows(), t.Cols(), t.AppendRow)
	})
}

// transposed adds t [rows, cols] as [cols, rows], the orientation of MatMul's
// second operand.
func (s scope) transposed(name string, t *model.Tensor, rows, cols int) string {
	if !s.fits(name, t, []int{rows, cols}) {
		return name
	}
	return s.initializer(name, []int{cols, rows}, func(w io.Writer) error {
		values := t.F32() // a copy of one tensor at the most
		return writeRows(w, cols, rows, func(dst []float32, c int) []float32 {
			for r := range rows {
				dst = append(dst, values[r*cols+c])
			}
			return dst
		})
	})
}

// static adds a static table, scaled.
func (s scope) static(name string, t *model.StaticTable) string {
	if t.Rows == nil || len(t.Rows.Shape) != 2 {
		s.g.fail(fmt.Errorf("%w: %s has no table of two dimensions", ErrModel, name))
		return name
	}
	if !s.fits(name, t.Rows, []int{t.Len(), t.Dims()}) {
		return name
	}
	if t.Rows.DType == model.I8 && !s.fits(name+" scale", t.Scale, []int{t.Len()}) {
		return name
	}
	return s.initializer(name, []int{t.Len(), t.Dims()}, func(w io.Writer) error {
		return writeRows(w, t.Len(), t.Dims(), t.AppendRow)
	})
}

func (s scope) initializer(name string, shape []int, write func(io.Writer) error) string {
	name = s.g.unique(s.at + name)
	size := int64(4)
	for _, d := range shape {
		size *= int64(d)
	}
	s.g.tensors = append(s.g.tensors, tensor{head: tensorHead(name, dataFloat, shape, size), size: size, write: write})
	return name
}

// fits checks the shape that the nodes around a tensor rely on.
func (s scope) fits(name string, t *model.Tensor, shape []int) bool {
	if t == nil {
		s.g.fail(fmt.Errorf("%w: %s%s is missing", ErrModel, s.at, name))
		return false
	}
	ok := len(t.Shape) == len(shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = t.Shape[i] == shape[i]
	}
	if size := t.DType.Size(); !ok || len(t.Data) != size*t.Len() {
		s.g.fail(fmt.Errorf("%w: %s%s (%s) has shape %v and %d bytes of %s, want %v",
			ErrModel, s.at, name, t.Name, t.Shape, len(t.Data), t.DType, shape))
		return false
	}
	return true
}

// writeRows writes rows of cols float32 numbers in little endian, through one
// row's worth of memory.
func writeRows(w io.Writer, rows, cols int, appendRow func(dst []float32, i int) []float32) error {
	values := make([]float32, 0, cols)
	data := make([]byte, 0, 4*cols)
	for i := range rows {
		values = appendRow(values[:0], i)
		data = data[:0]
		for _, v := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	return nil
}

// writeTo writes the ModelProto around g. Every length is known beforehand, so
// the weights pass through once.
func (g *graph) writeTo(w io.Writer, name string, meta [][2]string) error {
	if g.err != nil {
		return g.err
	}
	front := append(g.nodes[:len(g.nodes):len(g.nodes)], appendString(nil, graphName, graphNameOf(name))...)
	back := append(g.inputs[:len(g.inputs):len(g.inputs)], g.outputs...)
	size := int64(len(front) + len(back))
	for i := range g.tensors {
		n := g.tensors[i].len()
		size += int64(protowire.SizeTag(graphInitializer)) + int64(protowire.SizeVarint(uint64(n))) + n
	}
	head := appendInt(nil, modelIRVersion, irVersion)
	head = appendString(head, modelProducer, "semdex")
	for _, kv := range meta {
		head = appendMessage(head, modelMetadata, metadata(kv[0], kv[1]))
	}
	head = appendMessage(head, modelOpsetImport, appendInt(nil, opsetVersion, opset))
	head = protowire.AppendVarint(protowire.AppendTag(head, modelGraph, protowire.BytesType), uint64(size))
	if total := size + int64(len(head)); total > math.MaxInt32 {
		return fmt.Errorf("%w: %d MB", ErrTooLarge, total>>20)
	}

	out := bufio.NewWriterSize(w, 1<<20)
	for _, part := range [][]byte{head, front} {
		if _, err := out.Write(part); err != nil {
			return err
		}
	}
	for i := range g.tensors {
		if err := g.tensors[i].writeTo(out); err != nil {
			return err
		}
	}
	if _, err := out.Write(back); err != nil {
		return err
	}
	return out.Flush()
}

func (t *tensor) writeTo(w io.Writer) error {
	b := protowire.AppendTag(nil, graphInitializer, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(t.len()))
	if _, err := w.Write(append(b, t.head...)); err != nil {
		return err
	}
	return t.write(w)
}

// graphNameOf keeps letters, digits and a few signs: some readers want a C
// identifier's characters.
func graphNameOf(name string) string {
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '_'
	}, name)
	if clean == "" {
		return "model"
	}
	return clean
}
