package embed

import (
	"fmt"
	"math"
	"slices"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/internal/kernel"
)

// classifierHead turns the state of the first token into logits, as
// transformers' BertForSequenceClassification and
// DistilBertForSequenceClassification do: a dense layer with tanh or ReLU, then
// one row per class.
type classifierHead struct {
	labels []string
	level  kernel.Level
	hidden denseRows
	relu   bool
	output denseRows
}

// denseRows is y = x W^T + b.
type denseRows struct{ weight, bias []float32 }

func newClassifierHead(m *model.Model, level kernel.Level) (*classifierHead, error) {
	labels := m.Labels()
	if m.Transformer == nil || labels == nil {
		return nil, fmt.Errorf("%w: %s has no tensor classifier.weight", ErrNotClassifier, m.Name)
	}
	h := &classifierHead{labels: labels, level: level, relu: m.Architecture == model.DistilBERT}
	first := model.Linear{Weight: m.Heads["pre_classifier.weight"], Bias: m.Heads["pre_classifier.bias"]}
	if !h.relu {
		first = model.Linear{}
		if p := m.Transformer.Pooler; p != nil {
			first = *p
		}
	}
	var err error
	if h.hidden, err = newDenseRows("the layer before the classifier", first, m.Config.Hidden, m.Config.Hidden); err != nil {
		return nil, err
	}
	last := model.Linear{Weight: m.Heads["classifier.weight"], Bias: m.Heads["classifier.bias"]}
	h.output, err = newDenseRows("classifier", last, len(labels), m.Config.Hidden)
	return h, err
}

func newDenseRows(what string, l model.Linear, out, in int) (denseRows, error) {
	if l.Weight == nil || !slices.Equal(l.Weight.Shape, []int{out, in}) {
		return denseRows{}, fmt.Errorf("%w: the weight of %s is not [%d %d]", encoder.ErrModel, what, out, in)
	}
	d := denseRows{weight: l.Weight.F32(), bias: make([]float32, out)}
	if l.Bias != nil {
		if !slices.Equal(l.Bias.Shape, []int{out}) {
			return denseRows{}, fmt.Errorf("%w: the bias of %s is not [%d]", encoder.ErrModel, what, out)
		}
		d.bias = l.Bias.F32()
	}
	return d, nil
}

func (d *denseRows) apply(l kernel.Level, y, x []float32) {
	for i := range y {
		y[i] = l.Dot(d.weight[i*len(x):(i+1)*len(x)], x) + d.bias[i]
	}
}

// apply writes the logits of an input with the given states, [tokens, hidden],
// and reports whether all are finite.
func (h *classifierHead) apply(logits, states []float32) bool {
	x := make([]float32, len(h.hidden.bias))
	h.hidden.apply(h.level, x, states[:len(x)])
	for i, v := range x {
		if h.relu {
			x[i] = max(v, 0)
		} else {
			x[i] = float32(math.Tanh(float64(v)))
		}
	}
	h.output.apply(h.level, logits, x)
	for _, v := range logits {
		if v-v != 0 {
			return false
		}
	}
	return true
}
