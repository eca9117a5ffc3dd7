package encoder

import (
	"encoding/binary"
	"errors"
	"fmt"

	"semdex/embed/model"
)

// ErrNotFinite marks NaN or infinite weights, or a vector made of such.
var ErrNotFinite = errors.New("not finite")

// CheckFinite reads every weight that takes part in a sentence vector and
// reports the first NaN or infinite one by tensor and place.
func CheckFinite(m *model.Model) error {
	for _, w := range weights(m) {
		if w.tensor == nil {
			continue
		}
		if i := firstNotFinite(w.tensor); i >= 0 {
			cols := max(1, w.tensor.Cols())
			return fmt.Errorf("%w: %s (%s) holds NaN or infinity at row %d, column %d",
				ErrNotFinite, w.name, w.tensor.Name, i/cols, i%cols)
		}
	}
	return nil
}

// firstNotFinite is the index of the first NaN or infinite element, or -1. The
// 16-bit types are tested on their exponent bits, all ones in both cases.
func firstNotFinite(t *model.Tensor) int {
	switch t.DType {
	case model.F16:
		return firstMasked(t.Data, 0x7c00)
	case model.BF16:
		return firstMasked(t.Data, 0x7f80)
	case model.F32, model.F64:
		for i, v := range t.F32() {
			if v-v != 0 {
				return i
			}
		}
	}
	return -1
}

func firstMasked(data []byte, mask uint16) int {
	for i := 0; i+2 <= len(data); i += 2 {
		if binary.LittleEndian.Uint16(data[i:])&mask == mask {
			return i / 2
		}
	}
	return -1
}

type namedWeight struct {
	name   string
	tensor *model.Tensor
}

// weights lists the tensors of the encoder and of the Dense modules.
func weights(m *model.Model) []namedWeight {
	var all []namedWeight
	add := func(name string, t *model.Tensor) { all = append(all, namedWeight{name, t}) }
	linear := func(name string, l model.Linear) {
		add(name+" weight", l.Weight)
		add(name+" bias", l.Bias)
	}
	norm := func(name string, n model.Norm) {
		add(name+" weight", n.Weight)
		add(name+" bias", n.Bias)
	}
	if s := m.Static; s != nil {
		add("static table", s.Rows)
		add("static scale", s.Scale)
	}
	if t := m.Transformer; t != nil {
		add("word embedding", t.Word)
		add("position embedding", t.Position)
		add("token type embedding", t.Type)
		norm("embedding LayerNorm", t.Norm)
		for i, l := range t.Layers {
			at := fmt.Sprintf("layer %d ", i)
			linear(at+"query", l.Query)
			linear(at+"key", l.Key)
			linear(at+"value", l.Value)
			linear(at+"attention output", l.Output)
			norm(at+"attention LayerNorm", l.AttentionNorm)
			linear(at+"feed-forward up", l.Up)
			linear(at+"feed-forward down", l.Down)
			norm(at+"output LayerNorm", l.OutputNorm)
		}
	}
	for i, d := range m.Dense {
		linear(fmt.Sprintf("dense %d", i), d.Linear)
	}
	return all
}
