package workload

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"semdex/embed/model"
	"semdex/embed/tokenize"
)

// Shape is the size of a model.
type Shape struct {
	Name         string
	About        string
	Architecture model.Architecture
	Config       model.Config
}

// Shapes lists the shapes that are measured: A, the size of the small sentence
// encoders (MiniLM), and B, DistilBERT's own.
func Shapes() []Shape {
	config := func(hidden, inner, types int) model.Config {
		return model.Config{
			VocabSize: 30522, Hidden: hidden, Layers: 6, Heads: 12, Intermediate: inner,
			MaxPositions: 512, TypeVocabSize: types, LayerNormEps: 1e-12, Activation: "gelu", InitRange: 0.02,
		}
	}
	return []Shape{
		{"A", "BERT, 6 layers, 384 hidden, 12 heads, 1536 intermediate", model.BERT, config(384, 1536, 2)},
		{"B", "DistilBERT, 6 layers, 768 hidden, 12 heads, 3072 intermediate", model.DistilBERT, config(768, 3072, 0)},
	}
}

// FindShape gives the shape of that name, in upper or lower case.
func FindShape(name string) (Shape, error) {
	var names []string
	for _, s := range Shapes() {
		if strings.EqualFold(s.Name, name) {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Shape{}, fmt.Errorf("unknown shape %q: want one of %s", name, strings.Join(names, ", "))
}

// Model makes a model of the shape with random weights, always the same: mean
// pooling, normalised vectors, a vocabulary of made-up words. Projections are
// scaled so that activations keep their size from layer to layer and attention
// is neither flat nor fixed on one token.
func (s Shape) Model() (*model.Model, error) {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for i := len(tokens); i < s.Config.VocabSize; i++ {
		tokens = append(tokens, fmt.Sprintf("word%d", i))
	}
	vocab, err := tokenize.NewVocab(tokens)
	if err != nil {
		return nil, err
	}
	tokenizer, err := tokenize.New(vocab, tokenize.DefaultConfig(true))
	if err != nil {
		return nil, err
	}
	w := weights{rand.New(rand.NewPCG(uint64(s.Config.Hidden), 1))}
	return &model.Model{
		Name:         "random-" + s.Name,
		Architecture: s.Architecture,
		Config:       s.Config,
		Tokenizer:    tokenizer,
		Transformer:  w.transformer(s.Config),
		Pooling:      model.PoolMean,
		Normalize:    true,
		MaxTokens:    s.Config.MaxPositions,
		Similarity:   "cosine",
	}, nil
}

// weights draws tensors from normal distributions.
type weights struct{ *rand.Rand }

func (w weights) tensor(name string, mean, spread float64, shape ...int) *model.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + spread*w.NormFloat64())
	}
	return model.NewF32(name, shape, v)
}

func (w weights) linear(name string, out, in int) model.Linear {
	return model.Linear{
		Weight: w.tensor(name+".weight", 0, 1/math.Sqrt(float64(in)), out, in),
		Bias:   w.tensor(name+".bias", 0, 0.1, out),
	}
}

func (w weights) norm(name string, n int) model.Norm {
	return model.Norm{Weight: w.tensor(name+".weight", 1, 0.1, n), Bias: w.tensor(name+".bias", 0, 0.1, n)}
}

func (w weights) transformer(c model.Config) *model.Transformer {
	h, f := c.Hidden, c.Intermediate
	t := &model.Transformer{
		Word:     w.tensor("word", 0, 0.05, c.VocabSize, h),
		Position: w.tensor("position", 0, 0.02, c.MaxPositions, h),
		Norm:     w.norm("norm", h),
	}
	if c.TypeVocabSize > 0 {
		t.Type = w.tensor("type", 0, 0.02, c.TypeVocabSize, h)
	}
	for i := range c.Layers {
		name := func(part string) string { return fmt.Sprintf("layer.%d.%s", i, part) }
		t.Layers = append(t.Layers, model.Layer{
			Query:         w.linear(name("query"), h, h),
			Key:           w.linear(name("key"), h, h),
			Value:         w.linear(name("value"), h, h),
			Output:        w.linear(name("output"), h, h),
			AttentionNorm: w.norm(name("attention_norm"), h),
			Up:            w.linear(name("up"), f, h),
			Down:          w.linear(name("down"), h, f),
			OutputNorm:    w.norm(name("output_norm"), h),
		})
	}
	return t
}
