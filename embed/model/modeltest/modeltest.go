// Package modeltest makes small random models for tests: in memory and as
// folders on disk.
package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"semdex/embed/model"
	"semdex/embed/tokenize"
)

// Options of a random model; a zero field takes the value in the comment.
type Options struct {
	Hidden       int // 32; the dims of a static table
	Layers       int // 2
	Heads        int // 4
	Intermediate int // 64
	Vocab        int // 64
	Positions    int // 64
	Types        int // 2; BERT only
	Seed         uint64
	// Spread is the standard deviation of the weights, 0.2: large enough for
	// attention and GELU to leave their linear range.
	Spread float64
	// Pooling is the mode, model.PoolMean.
	Pooling model.PoolingMode
	// Dense adds a Dense module to this many dims, with tanh.
	Dense int
	// Normalize adds a Normalize module.
	Normalize bool
}

func (o Options) withDefaults() Options {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&o.Hidden, 32)
	def(&o.Layers, 2)
	def(&o.Heads, 4)
	def(&o.Intermediate, 2*o.Hidden)
	def(&o.Vocab, 64)
	def(&o.Positions, 64)
	def(&o.Types, 2)
	if o.Spread == 0 {
		o.Spread = 0.2
	}
	if o.Pooling == "" {
		o.Pooling = model.PoolMean
	}
	return o
}

// New makes a model of the given architecture with a tokenizer of its
// vocabulary. The same options give the same weights.
func New(arch model.Architecture, o Options) *model.Model {
	o = o.withDefaults()
	g := &source{rng: rand.New(rand.NewPCG(o.Seed, 0x5eed)), spread: o.Spread}
	m := &model.Model{
		Name:         fmt.Sprintf("tiny-%s", arch),
		Architecture: arch,
		Pooling:      o.Pooling,
		Normalize:    o.Normalize,
		MaxTokens:    o.Positions,
		Similarity:   "cosine",
		Tokenizer:    Tokenizer(o.Vocab),
	}
	if arch == model.Static {
		m.Config = model.Config{VocabSize: o.Vocab, Hidden: o.Hidden}
		m.Pooling, m.MaxTokens = model.PoolMean, 0
		m.Static = &model.StaticTable{Rows: g.tensor("embedding.weight", o.Vocab, o.Hidden)}
		m.Dense = g.dense(o, o.Hidden)
		return m
	}
	m.Config = model.Config{
		VocabSize: o.Vocab, Hidden: o.Hidden, Layers: o.Layers, Heads: o.Heads,
		Intermediate: o.Intermediate, MaxPositions: o.Positions, TypeVocabSize: o.Types,
		LayerNormEps: 1e-12, Activation: "gelu", InitRange: 0.02,
		Dropout: 0.1, AttentionDropout: 0.1,
	}
	if arch == model.DistilBERT {
		m.Config.TypeVocabSize = 0
	}
	m.Transformer = g.transformer(m.Config)
	m.Dense = g.dense(o, o.Hidden*len(o.Pooling.Modes()))
	return m
}

// Tokenizer makes a lower-casing tokenizer of n entries: the special tokens,
// the letters as words and as continuations, some Korean syllables and words.
func Tokenizer(n int) *tokenize.Tokenizer {
	tokens := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for r := 'a'; r <= 'z'; r++ {
		tokens = append(tokens, string(r), "##"+string(r))
	}
	for _, r := range "한국어의검색문장을" {
		tokens = append(tokens, string(r), "##"+string(r))
	}
	tokens = append(tokens, ".", ",", "?", "the", "search", "##ing")
	for i := len(tokens); i < n; i++ {
		tokens = append(tokens, fmt.Sprintf("word%d", i))
	}
	vocab, err := tokenize.NewVocab(tokens[:n])
	if err != nil {
		panic(err)
	}
	keep := false // Hangul syllables stay whole
	config := tokenize.DefaultConfig(true)
	config.StripAccents = &keep
	t, err := tokenize.New(vocab, config)
	if err != nil {
		panic(err)
	}
	return t
}

// Folder saves a random model and returns the folder, which lives as long as
// the test.
func Folder(t testing.TB, arch model.Architecture, o Options) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "model")
	m := New(arch, o)
	if err := m.Save(dir, model.SaveOptions{}); err != nil {
		t.Fatalf("save a random %s model: %v", arch, err)
	}
	return dir
}

// source draws weights.
type source struct {
	rng    *rand.Rand
	spread float64
}

func (g *source) values(n int, mean float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(mean + g.spread*g.rng.NormFloat64())
	}
	return v
}

func (g *source) tensor(name string, shape ...int) *model.Tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return model.NewF32(name, shape, g.values(n, 0))
}

func (g *source) linear(name string, out, in int) model.Linear {
	w := g.values(out*in, 0)
	// Keep the activations of wide layers in the range of narrow ones.
	for i := range w {
		w[i] *= float32(math.Sqrt(32 / float64(max(in, 32))))
	}
	return model.Linear{
		Weight: model.NewF32(name+".weight", []int{out, in}, w),
		Bias:   g.tensor(name+".bias", out),
	}
}

// dense is the Dense module that o asks for, if any.
func (g *source) dense(o Options, in int) []model.Dense {
	if o.Dense == 0 {
		return nil
	}
	return []model.Dense{{Linear: g.linear("linear", o.Dense, in), Activation: "tanh"}}
}

func (g *source) norm(name string, n int) model.Norm {
	return model.Norm{
		Weight: model.NewF32(name+".weight", []int{n}, g.values(n, 1)),
		Bias:   g.tensor(name+".bias", n),
	}
}

func (g *source) transformer(c model.Config) *model.Transformer {
	t := &model.Transformer{
		Word:     g.tensor("embeddings.word_embeddings.weight", c.VocabSize, c.Hidden),
		Position: g.tensor("embeddings.position_embeddings.weight", c.MaxPositions, c.Hidden),
		Norm:     g.norm("embeddings.LayerNorm", c.Hidden),
	}
	if c.TypeVocabSize > 0 {
		t.Type = g.tensor("embeddings.token_type_embeddings.weight", c.TypeVocabSize, c.Hidden)
		pooler := g.linear("pooler.dense", c.Hidden, c.Hidden)
		t.Pooler = &pooler
	}
	for i := range c.Layers {
		name := func(s string) string { return fmt.Sprintf("layer.%d.%s", i, s) }
		t.Layers = append(t.Layers, model.Layer{
			Query:         g.linear(name("query"), c.Hidden, c.Hidden),
			Key:           g.linear(name("key"), c.Hidden, c.Hidden),
			Value:         g.linear(name("value"), c.Hidden, c.Hidden),
			Output:        g.linear(name("output"), c.Hidden, c.Hidden),
			AttentionNorm: g.norm(name("attention_norm"), c.Hidden),
			Up:            g.linear(name("up"), c.Intermediate, c.Hidden),
			Down:          g.linear(name("down"), c.Hidden, c.Intermediate),
			OutputNorm:    g.norm(name("output_norm"), c.Hidden),
		})
	}
	return t
}
