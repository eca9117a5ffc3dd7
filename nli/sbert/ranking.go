package sbert

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/train"
	"semdex/nli/pairs"
)

// Sizes of a batch.
type Sizes struct {
	Pairs     int // at most
	Tokens    int // at most, if two pairs fit
	MaxTokens int // of a text, special tokens included; longer ones are cut
}

func (s Sizes) check(positions int) error {
	if s.Pairs < 2 || s.Tokens < 1 || s.MaxTokens < 3 || s.MaxTokens > positions {
		return fmt.Errorf("%w: batches of %d pairs and %d tokens, texts of %d tokens; the model has %d positions",
			train.ErrConfig, s.Pairs, s.Tokens, s.MaxTokens, positions)
	}
	return nil
}

// Ranking trains sentence vectors to tell each text's partner from the other
// partners of the batch, both ways: multiple negatives ranking loss (Henderson
// et al. 2017), which is InfoNCE over scaled cosines. An example that brings a
// text that is no partner, such as a contradiction, adds it to what the first
// text is told from.
//
// It implements train.Task. Its examples are batches, for which the Plan is one
// token and one example: what a batch holds is a function of its number and of
// the seed, so that a run resumes exactly. All of it comes from one source,
// chosen with a probability in proportion to its weight, and every pair of a
// source comes once before any comes again. Pairs that share a text or a group
// are no negatives of each other.
type Ranking struct {
	Net     *train.SentenceEncoder
	Corpus  *Corpus
	Batches int     // Len
	Scale   float64 // of cosines; a source's sharpness multiplies it
	Dims    []int   // Matryoshka: train these leading dimensions; nil: all alone
	Sizes   Sizes
	// Chunk is the number of tokens that go through the encoder at a time, to
	// save memory (train.SentenceEncoder.VectorsInChunks); 0: the whole batch.
	Chunk int
	Seed  uint64

	deck deck
}

// Prepare checks the settings and deals the batches out to the sources. Errors
// wrap train.ErrConfig or ErrData.
func (t *Ranking) Prepare() error {
	c := &t.Net.Encoder.Config
	if err := t.Sizes.check(c.MaxPositions); err != nil {
		return err
	}
	if t.Batches < 1 || t.Chunk < 0 || !(t.Scale > 0) || math.IsInf(t.Scale, 0) {
		return fmt.Errorf("%w: %d batches, chunks of %d tokens, scale %g", train.ErrConfig, t.Batches, t.Chunk, t.Scale)
	}
	if err := checkDims(t.Dims, t.Net.Dims()); err != nil {
		return err
	}
	if t.Corpus.vocab > c.VocabSize {
		return fmt.Errorf("%w: tokens up to %d for a model of %d", ErrData, t.Corpus.vocab, c.VocabSize)
	}
	return t.deal()
}

func checkDims(dims []int, width int) error {
	for i, n := range dims {
		if n < 1 || n > width || slices.Contains(dims[:i], n) {
			return fmt.Errorf("%w: dims %v of vectors of %d", train.ErrConfig, dims, width)
		}
	}
	return nil
}

func (t *Ranking) deal() error {
	weights := make([]float64, len(t.Corpus.sources))
	for i, s := range t.Corpus.sources {
		if s.Len() < 2 {
			return fmt.Errorf("%w: source %s has %d pairs; a pair needs another to be told from", ErrData, s.Name, s.Len())
		}
		weights[i] = s.Weight
	}
	t.deck = deal(weights, t.Batches, t.Seed)
	return nil
}

// Modules implements train.Task.
func (t *Ranking) Modules() []train.Module { return []train.Module{t.Net} }

// Len implements train.Task.
func (t *Ranking) Len() int { return t.Batches }

// Tokens implements train.Task.
func (t *Ranking) Tokens(int) int { return 1 }

// Loss implements train.Task.
func (t *Ranking) Loss(g *train.Graph, seed uint64, examples []int32) (train.Loss, error) {
	if len(examples) != 1 {
		return train.Loss{}, fmt.Errorf("%w: %d examples at once; each is a batch", train.ErrConfig, len(examples))
	}
	b := t.draw(seed, int(examples[0]))
	if b.pairs() == 0 {
		return train.Loss{}, nil // nothing but empty texts
	}
	var packed train.Batch
	for _, ids := range b.texts() {
		packed.Append(ids, nil)
	}
	x, err := vectors(t.Net, g, &packed, t.Chunk)
	if err != nil {
		return train.Loss{}, err
	}
	value, err := t.contrast(g, x, b)
	return train.Loss{Value: value, Weight: float64(b.pairs()), Tokens: packed.Tokens()}, err
}

// vectors encodes a batch at once, or in chunks of about chunk tokens.
func vectors(net *train.SentenceEncoder, g *train.Graph, b *train.Batch, chunk int) (mat.Tensor, error) {
	if chunk > 0 {
		return net.VectorsInChunks(g, b, chunk)
	}
	return net.Vectors(g, b)
}

// contrast is the loss over the vectors of a batch's texts.
func (t *Ranking) contrast(g *train.Graph, x mat.Tensor, b *batch) (mat.Tensor, error) {
	n := b.pairs()
	rows := make([]int32, len(b.a)+len(b.b)+len(b.not))
	for i := range rows {
		rows[i] = int32(i)
	}
	numbers := b.numbers()
	c := train.Contrast{
		Anchors: rows[:n], Candidates: rows[n:], Scale: t.Scale * b.sharpness, BothWays: true,
		AnchorTexts: numbers[:n], CandidateTexts: numbers[n:], Groups: slices.Concat(b.groups, b.notGroups),
	}
	return g.Matryoshka(x, t.Dims, func(x mat.Tensor) (mat.Tensor, error) { return g.InfoNCE(x, x, c) })
}

// draw makes batch i.
func (t *Ranking) draw(seed uint64, i int) *batch {
	source := t.deck.source[i]
	src := t.Corpus.sources[source]
	rng := rand.New(rand.NewPCG(seed, train.Seed(seed, uint64(i))))
	b := &batch{sharpness: cmp.Or(src.Sharpness, 1)}
	for _, k := range t.deck.draw(seed, i, src.Len(), t.Sizes.Pairs) {
		if !b.add(t.Corpus, src.Draw(k, rng), t.Sizes) {
			break
		}
	}
	return b
}

// batch is the texts of some pairs of one source.
type batch struct {
	a, b, not [][]int32
	groups    []int32
	notGroups []int32
	tokens    int
	sharpness float64
}

func (b *batch) pairs() int { return len(b.a) }

// texts are all texts: the first of every pair, the second, then those that are
// no partners.
func (b *batch) texts() [][]int32 { return slices.Concat(b.a, b.b, b.not) }

// add appends a pair and says whether the batch has room for more.
func (b *batch) add(c *Corpus, e pairs.Example, s Sizes) bool {
	x, y := c.append(nil, e.A, s.MaxTokens), c.append(nil, e.B, s.MaxTokens)
	if len(x) == 0 || len(y) == 0 {
		return true
	}
	not := c.append(nil, e.Not, s.MaxTokens)
	cost := len(x) + len(y) + len(not)
	if b.pairs() >= 2 && b.tokens+cost > s.Tokens {
		return false
	}
	b.a, b.b, b.groups = append(b.a, x), append(b.b, y), append(b.groups, e.Group)
	if len(not) > 0 {
		b.not, b.notGroups = append(b.not, not), append(b.notGroups, e.NotGroup)
	}
	b.tokens += cost
	return true
}

// numbers gives equal texts equal numbers.
func (b *batch) numbers() []int32 {
	seen := make(map[string]int32)
	var out []int32
	var buf []byte
	for _, ids := range b.texts() {
		buf = buf[:0]
		for _, id := range ids {
			buf = append(buf, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
		}
		n, ok := seen[string(buf)]
		if !ok {
			n = int32(len(seen))
			seen[string(buf)] = n
		}
		out = append(out, n)
	}
	return out
}
