package model

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
)

// ErrAverage marks models whose weights have no mean: they differ in more than
// their weights.
var ErrAverage = errors.New("models that cannot be averaged")

// Average is the weighted mean of the weights of models that differ in nothing
// else, heads and Dense modules included, in f32 (Wortsman et al. 2022, Model
// soups). It makes sense for models that were trained on from one and the same
// model: others are as a rule separated by a barrier, and their mean is worse than any
// of them. weights has one positive number for each model; nil is the plain mean.
//
// The name is that of the first model; there is no card. The tensors are new ones, and the models may be closed. Errors wrap
// ErrAverage.
func Average(models []*Model, weights []float64) (*Model, error) {
	weights, err := shares(len(models), weights)
	if err != nil {
		return nil, err
	}
	first := models[0]
	for _, m := range models[1:] {
		if err := alike(first, m); err != nil {
			return nil, fmt.Errorf("%w: %s and %s: %w", ErrAverage, first.Name, m.Name, err)
		}
	}
	tensors := make([][]*Tensor, len(models))
	for i, m := range models {
		c := m.clone()
		for s := range c.slots() {
			tensors[i] = append(tensors[i], *s.at)
		}
		tensors[i] = append(tensors[i], c.others()...)
	}
	out := first.clone()
	at := 0
	mean := func() *Tensor {
		column := make([]*Tensor, len(models))
		for i := range column {
			column[i] = tensors[i][at]
		}
		at++
		return meanTensor(column, weights)
	}
	for s := range out.slots() {
		*s.at = mean()
	}
	if out.Transformer != nil && out.Transformer.Pooler != nil {
		for _, s := range poolerLayout(out.Config, out.Transformer.Pooler) {
			*s.at = mean()
		}
	}
	for _, name := range out.headNames() {
		out.Heads[name] = mean()
	}
	return out, nil
}

// shares scales weights to a sum of one.
func shares(models int, weights []float64) ([]float64, error) {
	if models < 2 {
		return nil, fmt.Errorf("%w: a mean is of two models or more", ErrAverage)
	}
	if weights == nil {
		weights = slices.Repeat([]float64{1}, models)
	}
	if len(weights) != models {
		return nil, fmt.Errorf("%w: %d weights for %d models", ErrAverage, len(weights), models)
	}
	var sum float64
	for _, w := range weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("%w: a weight of %g", ErrAverage, w)
		}
		sum += w
	}
	out := make([]float64, models)
	for i, w := range weights {
		out[i] = w / sum
	}
	return out, nil
}

// alike says how b differs from a in more than its weights.
func alike(a, b *Model) error {
	if a.Architecture != b.Architecture {
		return fmt.Errorf("%s and %s", a.Architecture, b.Architecture)
	}
	if err := sameConfig(a.Config, b.Config); err != nil {
		return err
	}
	switch {
	case (a.Tokenizer == nil) != (b.Tokenizer == nil), a.Tokenizer != nil && a.Tokenizer.Fingerprint() != b.Tokenizer.Fingerprint():
		return errors.New("their tokenizers differ")
	case a.Pooling != b.Pooling, a.Normalize != b.Normalize, a.TruncateDim != b.TruncateDim, a.Similarity != b.Similarity:
		return errors.New("they make vectors of states, or compare them, in different ways")
	case a.MaxTokens != b.MaxTokens:
		return fmt.Errorf("inputs of %d and %d tokens", a.MaxTokens, b.MaxTokens)
	case !maps.Equal(a.Prompts, b.Prompts), a.DefaultPrompt != b.DefaultPrompt:
		return errors.New("their prompts differ")
	case a.Transformer != nil && (a.Transformer.Pooler == nil) != (b.Transformer.Pooler == nil):
		return errors.New("one of them has a pooler")
	case !slices.Equal(a.headNames(), b.headNames()):
		return fmt.Errorf("heads %q and %q", a.headNames(), b.headNames())
	case !slices.EqualFunc(a.Dense, b.Dense, sameDense):
		return errors.New("their Dense modules differ")
	case a.Static != nil && !slices.Equal(a.Static.Rows.Shape, b.Static.Rows.Shape):
		return fmt.Errorf("tables of %v and %v", a.Static.Rows.Shape, b.Static.Rows.Shape)
	}
	for _, name := range a.headNames() {
		if x, y := a.Heads[name].Shape, b.Heads[name].Shape; !slices.Equal(x, y) {
			return fmt.Errorf("head %s is of %v and %v", name, x, y)
		}
	}
	return nil
}

// sameConfig names the first setting that differs. Those of training alone may.
func sameConfig(a, b Config) error {
	a.Dropout, a.AttentionDropout, a.InitRange = b.Dropout, b.AttentionDropout, b.InitRange
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if x, y := va.Field(i).Interface(), vb.Field(i).Interface(); !reflect.DeepEqual(x, y) {
			return fmt.Errorf("%s is %v and %v", va.Type().Field(i).Name, x, y)
		}
	}
	return nil
}

func sameDense(a, b Dense) bool {
	return a.Activation == b.Activation && slices.Equal(a.Weight.Shape, b.Weight.Shape) && (a.Bias == nil) == (b.Bias == nil)
}

// clone is a model over the same tensors in places of its own; int8 tables become
// f32. It has no card.
func (m *Model) clone() *Model {
	c := &Model{
		Name: m.Name, Architecture: m.Architecture, Config: m.Config, Tokenizer: m.Tokenizer,
		Pooling: m.Pooling, PoolingAssumed: m.PoolingAssumed, Dense: slices.Clone(m.Dense), Normalize: m.Normalize,
		MaxTokens: m.MaxTokens, Prompts: m.Prompts, DefaultPrompt: m.DefaultPrompt, Similarity: m.Similarity, TruncateDim: m.TruncateDim,
	}
	if m.Static != nil {
		table := *m.Static.dequantize()
		c.Static = &table
	}
	if m.Transformer != nil {
		t := *m.Transformer
		t.Layers = slices.Clone(t.Layers)
		if t.Pooler != nil {
			p := *t.Pooler
			t.Pooler = &p
		}
		c.Transformer = &t
	}
	if len(m.Heads) > 0 {
		c.Heads = make(map[string]*Tensor, len(m.Heads))
		for name, t := range m.Heads {
			c.Heads[name] = t
		}
	}
	return c
}

// others are the tensors that are no part of the vectors: the pooler's and heads.
func (m *Model) others() []*Tensor {
	var list []*Tensor
	if m.Transformer != nil && m.Transformer.Pooler != nil {
		list = append(list, m.Transformer.Pooler.Weight, m.Transformer.Pooler.Bias)
	}
	for _, name := range m.headNames() {
		list = append(list, m.Heads[name])
	}
	return list
}

// meanTensor is the mean of tensors of one shape, added up in float64.
func meanTensor(list []*Tensor, weights []float64) *Tensor {
	sum := make([]float64, list[0].Len())
	for i, t := range list {
		for k, v := range t.F32() {
			sum[k] += weights[i] * float64(v)
		}
	}
	out := make([]float32, len(sum))
	for k, v := range sum {
		out[k] = float32(v)
	}
	return NewF32(list[0].Name, list[0].Shape, out)
}
