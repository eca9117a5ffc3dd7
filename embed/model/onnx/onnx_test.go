package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// message is a protobuf message parsed into its fields.
type message map[protowire.Number][]field

type field struct {
	n    uint64 // varint
	data []byte // length-delimited
}

func parse(t *testing.T, b []byte) message {
	t.Helper()
	m := make(message)
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		b = b[n:]
		var f field
		switch typ {
		case protowire.VarintType:
			f.n, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			f.data, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			t.Fatal(protowire.ParseError(n))
		}
		m[num] = append(m[num], f)
		b = b[n:]
	}
	return m
}

func (m message) str(num protowire.Number) string {
	if len(m[num]) == 0 {
		return ""
	}
	return string(m[num][0].data)
}

func (m message) int(num protowire.Number) int64 {
	if len(m[num]) == 0 {
		return 0
	}
	return int64(m[num][0].n)
}

func (m message) strs(num protowire.Number) []string {
	var all []string
	for _, f := range m[num] {
		all = append(all, string(f.data))
	}
	return all
}

// checkGraph parses a file and checks what every reader relies on: versions,
// each tensor as long as its shape says, each name defined once and before its
// use. It gives the graph and its initializers.
func checkGraph(t *testing.T, data []byte) (message, map[string]message) {
	t.Helper()
	file := parse(t, data)
	if v := file.int(modelIRVersion); v != 8 {
		t.Errorf("IR version %d", v)
	}
	if v := parse(t, file[modelOpsetImport][0].data).int(opsetVersion); v != 17 {
		t.Errorf("operator set %d", v)
	}
	g := parse(t, file[modelGraph][0].data)
	defined := make(map[string]bool)
	define := func(name string) {
		if name == "" || defined[name] {
			t.Errorf("%q is defined twice or has no name", name)
		}
		defined[name] = true
	}
	for _, f := range g[graphInput] {
		define(parse(t, f.data).str(valueName))
	}
	tensors := make(map[string]message)
	for _, f := range g[graphInitializer] {
		m := parse(t, f.data)
		define(m.str(tensorName))
		tensors[m.str(tensorName)] = m
		size := map[int64]int{dataFloat: 4, dataInt8: 1, dataInt64: 8}[m.int(tensorDataType)]
		for _, d := range m[tensorDims] {
			size *= int(d.n)
		}
		if got := len(m[tensorRawData][0].data); got != size || size == 0 {
			t.Errorf("%s has %d bytes, its shape wants %d", m.str(tensorName), got, size)
		}
	}
	used := make(map[string]bool)
	for _, f := range g[graphNode] {
		n := parse(t, f.data)
		for _, in := range n.strs(nodeInput) {
			if !defined[in] {
				t.Errorf("node %s reads %q, which is not defined before", n.str(nodeName), in)
			}
			used[in] = true
		}
		for _, out := range n.strs(nodeOutput) {
			define(out)
		}
	}
	for name := range tensors {
		if !used[name] {
			t.Errorf("tensor %s is not used", name)
		}
	}
	for _, f := range g[graphOutput] {
		if name := parse(t, f.data).str(valueName); !defined[name] {
			t.Errorf("output %s is not defined", name)
		}
	}
	return g, tensors
}

func names(t *testing.T, fields []field) []string {
	var all []string
	for _, f := range fields {
		all = append(all, parse(t, f.data).str(valueName))
	}
	return all
}

func TestGraphs(t *testing.T) {
	for _, c := range []struct {
		m       *model.Model
		inputs  string
		outputs string
	}{
		{
			modeltest.New(model.BERT, modeltest.Options{Pooling: "cls+max+mean+mean_sqrt_len+weightedmean+lasttoken", Dense: 9, Normalize: true}),
			"input_ids attention_mask token_type_ids", "last_hidden_state sentence_embedding",
		},
		{modeltest.New(model.DistilBERT, modeltest.Options{}), "input_ids attention_mask", "last_hidden_state sentence_embedding"},
		{modeltest.New(model.Static, modeltest.Options{Dense: 8}), "input_ids attention_mask", "sentence_embedding"},
	} {
		for _, act := range []string{"gelu", "gelu_new", "relu"} {
			t.Run(string(c.m.Architecture)+"/"+act, func(t *testing.T) {
				c.m.Config.Activation = act
				var buf bytes.Buffer
				if err := Write(&buf, c.m); err != nil {
					t.Fatal(err)
				}
				g, _ := checkGraph(t, buf.Bytes())
				if got := strings.Join(names(t, g[graphInput]), " "); got != c.inputs {
					t.Errorf("inputs %q, want %q", got, c.inputs)
				}
				if got := strings.Join(names(t, g[graphOutput]), " "); got != c.outputs {
					t.Errorf("outputs %q, want %q", got, c.outputs)
				}
			})
		}
	}
}

// TestWeights reads weights back: tables as they are, projections transposed,
// 16-bit and int8 tables as float32.
func TestWeights(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Layers: 1})
	var buf bytes.Buffer
	if err := Write(&buf, m); err != nil {
		t.Fatal(err)
	}
	_, tensors := checkGraph(t, buf.Bytes())
	if got := floats(tensors["embeddings/word"]); !slices.Equal(got, m.Transformer.Word.F32()) {
		t.Error("the word embedding has changed")
	}
	up := m.Transformer.Layers[0].Up.Weight
	got, rows, cols := floats(tensors["layer.0/up/weight"]), up.Rows(), up.Cols()
	if dims := tensors["layer.0/up/weight"][tensorDims]; int(dims[0].n) != cols || int(dims[1].n) != rows {
		t.Fatalf("transposed shape %v", dims)
	}
	for r := range rows {
		for c := range cols {
			if got[c*rows+r] != up.F32()[r*cols+c] {
				t.Fatalf("element %d, %d of a projection", r, c)
			}
		}
	}

	static := modeltest.New(model.Static, modeltest.Options{})
	static.Static = static.Static.Quantize()
	buf.Reset()
	if err := Write(&buf, static); err != nil {
		t.Fatal(err)
	}
	_, tensors = checkGraph(t, buf.Bytes())
	if got, want := floats(tensors["embedding"])[32:64], static.Static.AppendRow(nil, 1); !slices.Equal(got, want) {
		t.Errorf("row 1 of the int8 table: %v, want %v", got, want)
	}
}

func floats(m message) []float32 {
	raw := m[tensorRawData][0].data
	out := make([]float32, len(raw)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return out
}

func TestModelsThatCannotBeExported(t *testing.T) {
	bert := func(change func(m *model.Model)) *model.Model {
		m := modeltest.New(model.BERT, modeltest.Options{Dense: 8})
		change(m)
		return m
	}
	for want, m := range map[string]*model.Model{
		"layer.1/up/weight is missing":             bert(func(m *model.Model) { m.Transformer.Layers[1].Up.Weight = nil }),
		"embeddings/position":                      bert(func(m *model.Model) { m.Config.MaxPositions++ }),
		`pooling "median"`:                         bert(func(m *model.Model) { m.Pooling = "median" }),
		`activation "swish"`:                       bert(func(m *model.Model) { m.Config.Activation = "swish" }),
		`activation "softmax"`:                     bert(func(m *model.Model) { m.Dense[0].Activation = "softmax" }),
		"dense.0/weight is missing":                bert(func(m *model.Model) { m.Dense[0].Weight = nil }),
		"do not fit":                               bert(func(m *model.Model) { m.Config.Heads = 5 }),
		"neither a transformer nor":                {},
		"embedding has no table of two dimensions": {Static: &model.StaticTable{}},
		"embedding scale is missing":               {Static: &model.StaticTable{Rows: model.NewI8("w", []int{1, 1}, []int8{1})}},
	} {
		err := Write(io.Discard, m)
		if !errors.Is(err, ErrModel) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want ErrModel about %s", err, want)
		}
	}
}

func TestTooLarge(t *testing.T) {
	g := &graph{}
	s := scope{g: g}
	for range 3 {
		s.initializer("w", []int{1 << 14, 1 << 14}, func(io.Writer) error {
			t.Error("a weight is written although the file is too large")
			return nil
		})
	}
	var out bytes.Buffer
	err := g.writeTo(&out, "big", nil)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "3072 MB") || out.Len() > 0 {
		t.Errorf("%v after %d bytes", err, out.Len())
	}
}

// TestFullDisk: an error of the writer arrives, wherever it happens.
func TestFullDisk(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Vocab: 9000}) // larger than any buffer
	var whole bytes.Buffer
	if err := Write(&whole, m); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	for _, room := range []int{0, 100, 1 << 20, whole.Len() - 1} {
		if err := Write(&limited{room: room, err: full}, m); !errors.Is(err, full) {
			t.Errorf("room for %d bytes: %v", room, err)
		}
	}
}

type limited struct {
	room int
	err  error
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.room {
		return 0, l.err
	}
	l.room -= len(p)
	return len(p), nil
}
