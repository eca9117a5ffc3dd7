package trainable

import (
	"fmt"
	"slices"
	"strings"

	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/internal/train"
)

// ClassifierModel is a model that scores texts or pairs of texts, as parameters.
type ClassifierModel struct {
	*train.Classifier
	Labels []string // of the classes, in order; one for a score
	// Fresh says that the classes' weights were drawn at random, because the model
	// had none for these labels.
	Fresh bool
	// MaxTokens is the longest input of the model that Model gives.
	MaxTokens int

	base *model.Model
}

// Classifier copies m's encoder and head into parameters. Without labels the
// model must have a head of its own. With labels a head is kept if it is for
// these, in this order and by name; otherwise its last layer, and what else is
// missing, is drawn from N(0, the model's initializer range). Errors wrap
// ErrModel.
func Classifier(m *model.Model, labels []string, seed uint64) (*ClassifierModel, error) {
	if m.Static != nil {
		return nil, fmt.Errorf("%w: it is a static table, without an encoder to train", ErrModel)
	}
	own := m.Labels()
	if labels == nil && own == nil {
		return nil, fmt.Errorf("%w: it has no classifier", ErrModel)
	}
	e, err := Encoder(m)
	if err != nil {
		return nil, err
	}
	c := &ClassifierModel{Labels: labels, MaxTokens: m.MaxTokens, base: m}
	if labels == nil {
		c.Labels = own
	}
	c.Classifier = train.NewClassifier(e, len(c.Labels))
	std := m.Config.InitRange
	if std <= 0 {
		std = 0.02
	}
	train.Init(c.Hidden, std, seed)
	train.Init(c.Output, std, seed)
	if err := c.loadHidden(); err != nil {
		return nil, err
	}
	c.Fresh = !sameLabels(c.Labels, own)
	if !c.Fresh {
		_, err = LoadHeads(m, c.Output)
	}
	return c, err
}

// loadHidden fills the head's first layer, if the model has it.
func (c *ClassifierModel) loadHidden() error {
	if c.base.Architecture != model.BERT {
		_, err := LoadHeads(c.base, c.Hidden)
		return err
	}
	if p := c.base.Transformer.Pooler; p != nil {
		return load(linear(nil, p, c.Hidden))
	}
	return nil
}

func sameLabels(a, b []string) bool { return slices.EqualFunc(a, b, strings.EqualFold) }

// Tokenizer is the model's tokenizer.
func (c *ClassifierModel) Tokenizer() *tokenize.Tokenizer { return c.base.Tokenizer }

// Modules are the parts that are trained.
func (c *ClassifierModel) Modules() []train.Module { return []train.Module{c.Classifier} }

// Model is the model that Classifier got, with the weights and labels of now,
// without other heads and without what makes vectors out of states.
func (c *ClassifierModel) Model() *model.Model {
	var m *model.Model
	if c.base.Architecture == model.BERT {
		m = Model(c.base, c.Encoder, c.Hidden, c.Output)
	} else {
		m = Model(c.base, c.Encoder, nil, c.Hidden, c.Output)
	}
	m.Config.Labels = slices.Clone(c.Labels)
	m.MaxTokens = c.MaxTokens
	m.Dense, m.Normalize, m.TruncateDim = nil, false, 0
	m.Prompts, m.DefaultPrompt = nil, ""
	return m
}
