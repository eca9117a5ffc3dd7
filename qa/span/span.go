// Package span trains span readers: an encoder with a linear layer that scores
// every token as start and as end of the answer (Devlin et al. 2019, section
// 4.2). Windows without the answer have the first token for their target.
package span

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// ErrData marks questions from which nothing can be learnt.
var ErrData = errors.New("nothing to learn from")

// Net is an encoder with a span head.
type Net struct {
	Encoder *train.Encoder
	Head    *train.Linear // qa_outputs: [2, hidden]
	// FreshHead says that the model had no head and it was drawn at random.
	FreshHead bool

	base   *model.Model
	pooler *train.Linear
}

// Open copies a model into a trainable net. A head that is missing is drawn from
// N(0, the model's initializer range). Errors wrap trainable.ErrModel.
func Open(m *model.Model, seed uint64) (*Net, error) {
	e, err := trainable.Encoder(m)
	if err != nil {
		return nil, err
	}
	n := &Net{Encoder: e, Head: train.NewLinear("qa_outputs", 2, e.Config.Hidden, true), base: m}
	if n.pooler, err = trainable.Pooler(m); err != nil {
		return nil, err
	}
	std := m.Config.InitRange
	if std <= 0 {
		std = 0.02
	}
	train.Init(n.Head, std, seed)
	all, err := trainable.LoadHeads(m, n.Head)
	n.FreshHead = !all
	return n, err
}

// Model is the model that Open got with the weights of now and this head alone.
func (n *Net) Model() *model.Model {
	m := trainable.Model(n.base, n.Encoder, n.pooler, n.Head)
	m.Config.Labels = nil // of a classifier that is gone
	return m
}

// Modules are the parts that are trained.
func (n *Net) Modules() []train.Module { return []train.Module{n.Encoder, n.Head} }

// Logits scores every token of a batch as start and as end, [tokens, 2].
func (n *Net) Logits(g *train.Graph, b *train.Batch) (mat.Tensor, error) {
	states, err := n.Encoder.Forward(g, b)
	if err != nil {
		return nil, err
	}
	x := states[len(states)-1]
	if n.Encoder.Config.Architecture == train.DistilBERT { // transformers' qa_dropout
		x = g.Dropout(x, n.Encoder.Config.Dropout)
	}
	return g.Linear(x, n.Head), nil
}

// Task trains a net. It implements train.Task.
type Task struct {
	*Net
	Features []Feature
}

// NewTask checks that the features fit the net. Errors wrap ErrData.
func NewTask(n *Net, features []Feature) (*Task, error) {
	c := &n.Encoder.Config
	for i, f := range features {
		switch {
		case len(f.IDs) > c.MaxPositions:
			return nil, fmt.Errorf("%w: window %d has %d tokens, the model %d positions", ErrData, i, len(f.IDs), c.MaxPositions)
		case int(slices.Max(f.IDs)) >= c.VocabSize:
			return nil, fmt.Errorf("%w: window %d has tokens beyond the model's %d", ErrData, i, c.VocabSize)
		}
	}
	if len(features) == 0 {
		return nil, fmt.Errorf("%w: no windows", ErrData)
	}
	return &Task{Net: n, Features: features}, nil
}

// Len implements train.Task.
func (t *Task) Len() int { return len(t.Features) }

// Tokens implements train.Task.
func (t *Task) Tokens(i int) int { return len(t.Features[i].IDs) }

// Loss implements train.Task.
func (t *Task) Loss(g *train.Graph, _ uint64, examples []int32) (train.Loss, error) {
	b := new(train.Batch)
	starts, ends := make([]int32, len(examples)), make([]int32, len(examples))
	for i, x := range examples {
		f := &t.Features[x]
		var types []int32
		if t.Encoder.Type != nil {
			types = f.types()
		}
		b.Append(f.IDs, types)
		starts[i], ends[i] = f.Start, f.End
	}
	logits, err := t.Logits(g, b)
	if err != nil {
		return train.Loss{}, err
	}
	value, err := g.Span(logits, b, starts, ends)
	return train.Loss{Value: value, Weight: float64(len(examples)), Tokens: b.Tokens()}, err
}
