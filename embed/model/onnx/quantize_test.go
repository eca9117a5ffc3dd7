package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

func writeInt8(t *testing.T, m *model.Model) (message, map[string]message) {
	t.Helper()
	var buf bytes.Buffer
	if err := WriteInt8(&buf, m); err != nil {
		t.Fatal(err)
	}
	return checkGraph(t, buf.Bytes())
}

// TestInt8Graph counts the operators: the four attention projections and the
// two of the feed-forward block are quantised in every layer, queries, keys and
// values from one quantised input; the Dense module is not.
func TestInt8Graph(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		g, _ := writeInt8(t, modeltest.New(arch, modeltest.Options{Layers: 3, Dense: 8}))
		count := map[string]int{}
		for _, f := range g[graphNode] {
			count[parse(t, f.data).str(nodeOpType)]++
		}
		want := map[string]int{"MatMulInteger": 18, "DynamicQuantizeLinear": 12, "MatMul": 7}
		for op, n := range want {
			if count[op] != n {
				t.Errorf("%s: %d x %s, want %d", arch, count[op], op, n)
			}
		}
	}
}

// TestInt8Weights reads the bytes back: each weight is within half a step of
// what it was, and the largest of every channel is 127.
func TestInt8Weights(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Layers: 1})
	down := m.Transformer.Layers[0].Down.Weight
	values, out, in := down.F32(), down.Rows(), down.Cols()
	dead := 3 // a channel without weights
	clear(values[dead*in : (dead+1)*in])
	down.Data = floatBytes(values)

	_, tensors := writeInt8(t, m)
	w := tensors["layer.0/down/weight"]
	scales := floats(tensors["layer.0/down/weight.scale"])
	if w[tensorDataType][0].n != dataInt8 || int(w[tensorDims][0].n) != in || int(w[tensorDims][1].n) != out || len(scales) != out {
		t.Fatalf("type %v, shape %v, %d scales", w[tensorDataType], w[tensorDims], len(scales))
	}
	for r := range out {
		top := 0
		for c := range in {
			q := int(int8(w[tensorRawData][0].data[c*out+r]))
			top = max(top, q, -q)
			if got, want := float64(q)*float64(scales[r]), float64(values[r*in+c]); math.Abs(got-want) > 0.5001*float64(scales[r]) {
				t.Fatalf("channel %d, weight %d: %v, want %v", r, c, got, want)
			}
		}
		if want := 127; r == dead {
			if top != 0 {
				t.Errorf("channel %d without weights has %d", r, top)
			}
		} else if top != want {
			t.Errorf("channel %d: the largest byte is %d", r, top)
		}
	}
	if got := floats(tensors["embeddings/word"]); !slices.Equal(got, m.Transformer.Word.F32()) {
		t.Error("the word embedding has changed")
	}
}

func floatBytes(v []float32) []byte {
	var data []byte
	for _, x := range v {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	return data
}

func TestInt8ModelsThatCannotBeExported(t *testing.T) {
	if err := WriteInt8(io.Discard, modeltest.New(model.Static, modeltest.Options{})); !errors.Is(err, ErrModel) {
		t.Errorf("static: %v", err)
	}
	m := modeltest.New(model.BERT, modeltest.Options{})
	m.Transformer.Layers[1].Up.Weight = nil
	if err := WriteInt8(io.Discard, m); !errors.Is(err, ErrModel) {
		t.Errorf("missing weight: %v", err)
	}
}
