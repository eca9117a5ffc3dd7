// Package trainable turns models from folders into parameters for training, and
// trained parameters back into models.
package trainable

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"semdex/embed/model"
	"semdex/internal/train"
)

// ErrModel marks a model that cannot be trained, or a tensor that does not fit.
var ErrModel = errors.New("model cannot be trained")

// Config is the shape of m's encoder. Errors wrap ErrModel.
func Config(m *model.Model) (train.Config, error) {
	c := train.Config{
		Architecture:     train.Architecture(m.Architecture),
		VocabSize:        m.Config.VocabSize,
		Hidden:           m.Config.Hidden,
		Layers:           m.Config.Layers,
		Heads:            m.Config.Heads,
		Intermediate:     m.Config.Intermediate,
		MaxPositions:     m.Config.MaxPositions,
		TypeVocabSize:    m.Config.TypeVocabSize,
		LayerNormEps:     m.Config.LayerNormEps,
		Dropout:          m.Config.Dropout,
		AttentionDropout: m.Config.AttentionDropout,
	}
	if m.Static != nil {
		return c, fmt.Errorf("%w: it is a static table and has no layers; semdex train static makes such tables", ErrModel)
	}
	if m.Config.Activation != "gelu" {
		return c, fmt.Errorf("%w: activation %q; only the exact gelu is trained", ErrModel, m.Config.Activation)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return c, nil
}

// Encoder copies m's encoder into parameters. Errors wrap ErrModel.
func Encoder(m *model.Model) (*train.Encoder, error) {
	c, err := Config(m)
	if err != nil {
		return nil, err
	}
	if m.Transformer == nil || len(m.Transformer.Layers) != c.Layers {
		return nil, fmt.Errorf("%w: it has no transformer of %d layers", ErrModel, c.Layers)
	}
	e, err := train.NewEncoder(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrModel, err)
	}
	return e, load(pairs(m.Transformer, e))
}

// Pooler copies BERT's pooler, or gives nil if m has none. Errors wrap ErrModel.
func Pooler(m *model.Model) (*train.Linear, error) {
	if m.Transformer == nil || m.Transformer.Pooler == nil {
		return nil, nil
	}
	p := train.NewLinear("pooler.dense", m.Config.Hidden, m.Config.Hidden, true)
	return p, load(linear(nil, m.Transformer.Pooler, p))
}

// LoadHeads fills modules with m's tensors of the same names and reports
// whether m has them all. A tensor of another shape is an error, which wraps
// ErrModel.
func LoadHeads(m *model.Model, modules ...train.Module) (all bool, err error) {
	all = true
	var found []pair
	for _, p := range train.Parameters(modules...) {
		t := m.Heads[p.Name]
		if t == nil {
			all = false
			continue
		}
		found = append(found, pair{&t, p})
	}
	return all, load(found)
}

// Model is base with the weights of e, and of pooler if there is one, and with
// the modules' parameters as its only heads. The weights are copies; everything
// else is base's.
func Model(base *model.Model, e *train.Encoder, pooler *train.Linear, heads ...train.Module) *model.Model {
	m := &model.Model{
		Name: base.Name, Architecture: model.Architecture(e.Config.Architecture), Config: base.Config,
		Tokenizer: base.Tokenizer, Pooling: base.Pooling, PoolingAssumed: base.PoolingAssumed,
		Dense: slices.Clone(base.Dense), Normalize: base.Normalize, MaxTokens: base.MaxTokens,
		Prompts: maps.Clone(base.Prompts), DefaultPrompt: base.DefaultPrompt,
		Similarity: base.Similarity, TruncateDim: base.TruncateDim, Card: base.Card,
	}
	apply(&m.Config, &e.Config)
	m.Transformer = &model.Transformer{Layers: make([]model.Layer, len(e.Layers))}
	store(pairs(m.Transformer, e))
	if pooler != nil {
		m.Transformer.Pooler = new(model.Linear)
		store(linear(nil, m.Transformer.Pooler, pooler))
	}
	for _, p := range train.Parameters(heads...) {
		if m.Heads == nil {
			m.Heads = make(map[string]*model.Tensor)
		}
		m.Heads[p.Name] = tensor(p)
	}
	return m
}

// apply sets the sizes of a trained encoder.
func apply(c *model.Config, e *train.Config) {
	c.VocabSize, c.Hidden, c.Layers, c.Heads = e.VocabSize, e.Hidden, e.Layers, e.Heads
	c.Intermediate, c.MaxPositions, c.TypeVocabSize = e.Intermediate, e.MaxPositions, e.TypeVocabSize
	c.LayerNormEps, c.Dropout, c.AttentionDropout = e.LayerNormEps, e.Dropout, e.AttentionDropout
	c.Activation = "gelu"
}

// pair is a tensor of a model and the parameter that stands for it.
type pair struct {
	tensor **model.Tensor
	param  train.Parameter
}

// pairs lists the tensors of t with the parameters of e.
func pairs(t *model.Transformer, e *train.Encoder) []pair {
	list := []pair{{&t.Word, train.Describe(e.Word)}, {&t.Position, train.Describe(e.Position)}}
	if e.Type != nil {
		list = append(list, pair{&t.Type, train.Describe(e.Type)})
	}
	list = norm(list, &t.Norm, e.Norm)
	for i, p := range e.Layers {
		l := &t.Layers[i]
		list = linear(list, &l.Query, p.Query)
		list = linear(list, &l.Key, p.Key)
		list = linear(list, &l.Value, p.Value)
		list = linear(list, &l.Output, p.Output)
		list = norm(list, &l.AttentionNorm, p.AttentionNorm)
		list = linear(list, &l.Up, p.Up)
		list = linear(list, &l.Down, p.Down)
		list = norm(list, &l.OutputNorm, p.OutputNorm)
	}
	return list
}

func linear(list []pair, l *model.Linear, p *train.Linear) []pair {
	return append(list, pair{&l.Weight, train.Describe(p.Weight)}, pair{&l.Bias, train.Describe(p.Bias)})
}

func norm(list []pair, n *model.Norm, p *train.Norm) []pair {
	return append(list, pair{&n.Weight, train.Describe(p.Weight)}, pair{&n.Bias, train.Describe(p.Bias)})
}

// Named is a tensor under the name that transformers gives it.
type Named struct {
	Name   string
	Tensor *model.Tensor // nil: a module without a bias
}

// Tensors lists the tensors of m's encoder, without BERT's pooler, under the
// names of its architecture. M must have a transformer.
func Tensors(m *model.Model) []Named {
	t := m.Transformer
	c := train.Config{
		Architecture: train.Architecture(m.Architecture), Layers: len(t.Layers), TypeVocabSize: m.Config.TypeVocabSize,
	}
	all := []*model.Tensor{t.Word, t.Position}
	if c.TypeVocabSize > 0 {
		all = append(all, t.Type)
	}
	all = append(all, t.Norm.Weight, t.Norm.Bias)
	for i := range t.Layers {
		l := &t.Layers[i]
		all = append(all, l.Query.Weight, l.Query.Bias, l.Key.Weight, l.Key.Bias, l.Value.Weight, l.Value.Bias,
			l.Output.Weight, l.Output.Bias, l.AttentionNorm.Weight, l.AttentionNorm.Bias,
			l.Up.Weight, l.Up.Bias, l.Down.Weight, l.Down.Bias, l.OutputNorm.Weight, l.OutputNorm.Bias)
	}
	list := make([]Named, len(all))
	for i, name := range train.TensorNames(c) {
		list[i] = Named{name, all[i]}
	}
	return list
}

// load copies tensors into parameters. A missing bias stays zero.
func load(list []pair) error {
	for _, l := range list {
		t := *l.tensor
		if t == nil && len(l.param.Dims) == 1 {
			continue
		}
		if t == nil || !slices.Equal(t.Shape, l.param.Dims) || !t.DType.Float() {
			return fmt.Errorf("%w: tensor %s, want floats %v", ErrModel, describe(t, l.param.Name), l.param.Dims)
		}
		copy(l.param.Values, t.F32())
	}
	return nil
}

func describe(t *model.Tensor, name string) string {
	if t == nil {
		return name + " is missing"
	}
	return fmt.Sprintf("%s is %s %v", name, t.DType, t.Shape)
}

func store(list []pair) {
	for _, l := range list {
		*l.tensor = tensor(l.param)
	}
}

func tensor(p train.Parameter) *model.Tensor {
	return model.NewF32(p.Name, p.Dims, slices.Clone(p.Values))
}
