// Package distill makes small models from large ones: it creates untrained
// models of any size, copies a teacher's layers into a student, pre-trains, and
// distils.
package distill

import (
	"errors"
	"fmt"
	"math"

	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// ErrSpec marks a model that cannot or should not be made.
var ErrSpec = errors.New("invalid model")

// ErrInitRange is an initializer range that is refused unless it is forced. It is
// an ErrSpec, too.
var ErrInitRange = fmt.Errorf("%w: initializer range", ErrSpec)

// MaxInitRange is the largest initializer range that is accepted unforced. With
// a standard deviation far above .02 the scores of attention are so large that
// every softmax has one winner, and no gradient passes.
const MaxInitRange = 0.1

// Spec is the size of a new model.
type Spec struct {
	Architecture model.Architecture
	VocabSize    int // rows of the word table; 0: as many as the tokenizer has entries
	Hidden       int
	Layers       int
	Heads        int
	Intermediate int
	MaxPositions int
	Dropout      float64 // of hidden states
	AttnDropout  float64 // of attention probabilities
	InitRange    float64 // standard deviation of matrices and tables
	Sinusoidal   bool    // begin with sines for positions; see sinusoids
	Seed         uint64
	Force        bool // accept an InitRange above MaxInitRange
}

// Base is the size of BERT-base or DistilBERT-base.
func Base(arch model.Architecture) Spec {
	s := Spec{
		Architecture: arch, Hidden: 768, Layers: 12, Heads: 12, Intermediate: 3072, MaxPositions: 512,
		Dropout: 0.1, AttnDropout: 0.1, InitRange: 0.02, Seed: 1,
	}
	if arch == model.DistilBERT {
		s.Layers = 6
	}
	return s
}

// config is s for a vocabulary of the given size.
func (s Spec) config(vocab int) (train.Config, error) {
	c := train.Config{
		Architecture: train.Architecture(s.Architecture), VocabSize: s.VocabSize, Hidden: s.Hidden, Layers: s.Layers,
		Heads: s.Heads, Intermediate: s.Intermediate, MaxPositions: s.MaxPositions, LayerNormEps: 1e-12,
		Dropout: s.Dropout, AttentionDropout: s.AttnDropout,
	}
	if s.Architecture == model.BERT {
		c.TypeVocabSize = 2
	}
	if c.VocabSize == 0 {
		c.VocabSize = vocab
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	switch {
	case c.VocabSize < vocab:
		return c, fmt.Errorf("%w: %d rows for a vocabulary of %d entries", ErrSpec, c.VocabSize, vocab)
	case !(s.InitRange > 0):
		return c, fmt.Errorf("%w: initializer range %g", ErrSpec, s.InitRange)
	case s.InitRange > MaxInitRange && !s.Force:
		return c, fmt.Errorf("%w %g is above %g: attention saturates and nothing is learnt; .02 is usual",
			ErrInitRange, s.InitRange, MaxInitRange)
	}
	return c, nil
}

// Check refuses what Create would for a vocabulary of so many entries. Errors
// wrap ErrSpec.
func (s Spec) Check(vocab int) error {
	_, err := s.config(vocab)
	return err
}

// Parameters is the number of weights of the encoder, BERT's pooler included,
// without making them. VocabSize must be set.
func (s Spec) Parameters() int64 {
	h, f := int64(s.Hidden), int64(s.Intermediate)
	layer := 4*(h*h+h) + 2*h*f + f + h + 4*h
	n := int64(s.VocabSize+s.MaxPositions)*h + 2*h + int64(s.Layers)*layer
	if s.Architecture == model.BERT {
		n += 2*h + h*h + h // token types, pooler
	}
	return n
}

// Create makes an untrained model: matrices and tables drawn from N(0,
// InitRange), biases zero, LayerNorms one and zero, the padding row zero.
// Sentence vectors are means. The same spec and tokenizer give the same weights.
// Errors wrap ErrSpec.
func Create(tok *tokenize.Tokenizer, s Spec) (*model.Model, error) {
	c, err := s.config(tok.Len())
	if err != nil {
		return nil, err
	}
	e, err := train.NewEncoder(c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrSpec, err)
	}
	train.Init(e, s.InitRange, s.Seed)
	pad := tok.PadID()
	if pad >= 0 && int(pad) < c.VocabSize {
		clear(train.Describe(e.Word).Values[int(pad)*c.Hidden:][:c.Hidden])
	}
	if s.Sinusoidal {
		sinusoids(train.Describe(e.Position).Values, c.Hidden, s.InitRange)
	}
	var pooler *train.Linear
	if s.Architecture == model.BERT {
		pooler = train.NewLinear("pooler.dense", c.Hidden, c.Hidden, true)
		train.Init(pooler, s.InitRange, s.Seed)
	}
	base := &model.Model{
		Name: fmt.Sprintf("%s-%dx%d", s.Architecture, s.Layers, s.Hidden), Tokenizer: tok,
		Pooling: model.PoolMean, MaxTokens: s.MaxPositions, Similarity: "cosine",
		Config: model.Config{PadID: max(pad, 0), InitRange: s.InitRange},
	}
	return trainable.Model(base, e, pooler), nil
}

// sinusoids fills a table of positions with sines and cosines of falling
// frequency (Vaswani et al. 2017, section 3.5), scaled to the root mean square
// that drawn rows have. Near positions are alike from the start, so that
// attention to neighbours is one thing to learn and not one for each position.
func sinusoids(table []float32, hidden int, rms float64) {
	for i := range table {
		position, d := i/hidden, i%hidden
		angle := float64(position) / math.Pow(10000, float64(d/2*2)/float64(hidden))
		x := math.Sin(angle)
		if d%2 == 1 {
			x = math.Cos(angle)
		}
		table[i] = float32(rms * math.Sqrt2 * x)
	}
}
