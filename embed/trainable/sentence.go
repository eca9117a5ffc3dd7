package trainable

import (
	"fmt"
	"slices"

	"semdex/embed/model"
	"semdex/internal/train"
)

// SentenceModel is a model that turns a sentence into a vector, as parameters.
type SentenceModel struct {
	*train.SentenceEncoder

	base   *model.Model
	pooler *train.Linear
}

// denseActivations are the model package's names of activations.
var denseActivations = map[string]train.Activation{"identity": "", "tanh": train.Tanh}

// Sentence copies a model's encoder, pooling and Dense modules into parameters.
// Errors wrap ErrModel.
func Sentence(m *model.Model) (*SentenceModel, error) {
	if m.Static != nil {
		return nil, fmt.Errorf("%w: it is a static table, without an encoder to train", ErrModel)
	}
	e, err := Encoder(m)
	if err != nil {
		return nil, err
	}
	s := &SentenceModel{
		SentenceEncoder: &train.SentenceEncoder{Encoder: e, Pooling: train.Pooling(m.Pooling), Normalize: m.Normalize},
		base:            m,
	}
	switch s.Pooling {
	case train.PoolMean, train.PoolCLS, train.PoolMax:
	default:
		return nil, fmt.Errorf("%w: pooling %q; mean, cls and max are trained", ErrModel, m.Pooling)
	}
	for i := range m.Dense {
		d, err := dense(&m.Dense[i], i, s.Dims())
		if err != nil {
			return nil, err
		}
		s.Dense = append(s.Dense, d)
	}
	s.pooler, err = Pooler(m)
	return s, err
}

// dense copies module i, which gets vectors of in dimensions.
func dense(m *model.Dense, i, in int) (*train.Dense, error) {
	activation, known := denseActivations[m.Activation]
	if !known || m.Weight == nil || len(m.Weight.Shape) != 2 {
		return nil, fmt.Errorf("%w: Dense module %d has no weight or the unknown activation %q", ErrModel, i+1, m.Activation)
	}
	l := train.NewLinear(fmt.Sprintf("dense.%d", i), m.Weight.Shape[0], in, m.Bias != nil)
	return &train.Dense{Linear: l, Activation: activation}, load(denseTensors(nil, &m.Linear, l))
}

func denseTensors(list []pair, m *model.Linear, l *train.Linear) []pair {
	list = append(list, pair{&m.Weight, train.Describe(l.Weight)})
	if l.Bias != nil {
		list = append(list, pair{&m.Bias, train.Describe(l.Bias)})
	}
	return list
}

// Modules are the parts that are trained.
func (s *SentenceModel) Modules() []train.Module { return []train.Module{s.SentenceEncoder} }

// Model is the model that Sentence got, with the weights and the pooling of now
// and without heads.
func (s *SentenceModel) Model() *model.Model {
	m := Model(s.base, s.Encoder, s.pooler)
	m.Pooling, m.PoolingAssumed = model.PoolingMode(s.Pooling), false
	m.Dense = slices.Clone(s.base.Dense)
	for i, d := range s.Dense {
		var l model.Linear
		if d.Linear.Bias != nil {
			l.Bias = new(model.Tensor)
		}
		store(denseTensors(nil, &l, d.Linear))
		m.Dense[i].Linear = l
	}
	return m
}
