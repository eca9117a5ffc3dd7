package sbert

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/tokenize"
	"semdex/internal/train"
	"semdex/nli"
)

// Objective is what a Judging task makes of two vectors.
type Objective string

// The objectives.
const (
	// CoSENT orders the cosines of a batch's pairs by their scores (Su 2022).
	CoSENT Objective = "cosent"
	// CosineMSE makes the cosine the score, from 0 to 1: the regression of
	// Sentence-BERT (Reimers and Gurevych 2019, section 3).
	CosineMSE Objective = "mse"
	// Softmax classifies (u, v, |u - v|): their classification objective.
	Softmax Objective = "softmax"
)

// Judged is a set of pairs with what people said of them.
type Judged struct {
	Name    string
	Weight  float64 // of its batches, relative to the other sets
	a, b    [][]int32
	scores  []float32 // 0 to 1; nil where there are classes
	classes []int32
}

// Len is the number of pairs.
func (j *Judged) Len() int { return len(j.a) }

// NewScored tokenises pairs whose scores lie between 0 and top. Errors wrap
// ErrData.
func NewScored(name string, tok *tokenize.Tokenizer, list []nli.Scored, top float64, maxTokens int) (*Judged, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %s has no pairs", ErrData, name)
	}
	j := &Judged{Name: name, Weight: float64(len(list))}
	varied := false
	for _, p := range list {
		if err := j.add(tok, p.A, p.B, maxTokens); err != nil {
			return nil, err
		}
		j.scores = append(j.scores, float32(p.Score/top))
		varied = varied || p.Score != list[0].Score
	}
	if !varied {
		return nil, fmt.Errorf("%w: %s has %d pairs, all of one score", ErrData, name, len(list))
	}
	return j, nil
}

// NewClassified tokenises pairs of natural language inference; classes are the
// numbers of nli.Label. Errors wrap ErrData.
func NewClassified(name string, tok *tokenize.Tokenizer, list []nli.Inference, maxTokens int) (*Judged, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("%w: %s has no pairs", ErrData, name)
	}
	j := &Judged{Name: name, Weight: float64(len(list))}
	varied := false
	for _, p := range list {
		if err := j.add(tok, p.Premise, p.Hypothesis, maxTokens); err != nil {
			return nil, err
		}
		j.classes = append(j.classes, int32(p.Label))
		varied = varied || p.Label != list[0].Label
	}
	if !varied {
		return nil, fmt.Errorf("%w: %s has %d pairs, all of one label", ErrData, name, len(list))
	}
	return j, nil
}

func (j *Judged) add(tok *tokenize.Tokenizer, a, b string, maxTokens int) error {
	o := tokenize.Options{MaxTokens: maxTokens}
	x, y := tok.Encode(a, o).IDs, tok.Encode(b, o).IDs
	if len(x) == 0 || len(y) == 0 {
		return fmt.Errorf("%w: %s: pair %d has a text without tokens", ErrData, j.Name, j.Len()+1)
	}
	j.a, j.b = append(j.a, x), append(j.b, y)
	return nil
}

// Judging trains sentence vectors to agree with people's judgements of pairs. It
// implements train.Task; its examples are batches, each of one set, as those of
// Ranking are, so that the scores of different sets are never compared.
type Judging struct {
	Net       *train.SentenceEncoder
	Objective Objective
	Sets      []*Judged
	Batches   int     // Len
	Pairs     int     // of a batch, at most
	Scale     float64 // of cosines under CoSENT, 20 in its original
	Dims      []int   // Matryoshka; nil: whole vectors alone
	Chunk     int     // tokens that are encoded at a time; 0: the whole batch
	Seed      uint64

	// Heads are the linear layers of Softmax, [labels, 3 dims], one for each of
	// Dims. They are trained and stored with the run, but no part of the model.
	Heads []*train.Linear

	deck deck
}

// Prepare checks the settings, makes heads and deals the batches out to the
// sets. Errors wrap train.ErrConfig or ErrData.
func (t *Judging) Prepare() error {
	if t.Batches < 1 || t.Pairs < 1 || t.Chunk < 0 || t.Objective == CoSENT && (!(t.Scale > 0) || math.IsInf(t.Scale, 0)) {
		return fmt.Errorf("%w: %d batches of %d pairs, chunks of %d tokens, scale %g", train.ErrConfig, t.Batches, t.Pairs, t.Chunk, t.Scale)
	}
	if t.Objective == CoSENT && t.Pairs < 2 {
		return fmt.Errorf("%w: CoSENT compares pairs, and a batch has one", train.ErrConfig)
	}
	if err := checkDims(t.Dims, t.Net.Dims()); err != nil {
		return err
	}
	weights := make([]float64, len(t.Sets))
	for i, s := range t.Sets {
		weights[i] = s.Weight
		if (t.Objective == Softmax) != (s.classes != nil) || s.Len() == 0 || !(s.Weight > 0) {
			return fmt.Errorf("%w: set %s of %d pairs, weight %g, does not serve the objective %s", ErrData, s.Name, s.Len(), s.Weight, t.Objective)
		}
	}
	if len(t.Sets) == 0 {
		return fmt.Errorf("%w: no sets of pairs", ErrData)
	}
	t.deck = deal(weights, t.Batches, t.Seed)
	switch t.Objective {
	case CoSENT, CosineMSE:
	case Softmax:
		t.heads()
	default:
		return fmt.Errorf("%w: objective %q", train.ErrConfig, t.Objective)
	}
	return nil
}

// widths are the dimensions that the loss sees.
func (t *Judging) widths() []int {
	if len(t.Dims) == 0 {
		return []int{t.Net.Dims()}
	}
	return t.Dims
}

func (t *Judging) heads() {
	t.Heads = nil
	for _, n := range t.widths() {
		h := train.NewLinear(fmt.Sprintf("head.%d", n), len(nli.LabelNames()), 3*n, true)
		train.Init(h, 0.02, t.Seed)
		t.Heads = append(t.Heads, h)
	}
}

// Modules implements train.Task.
func (t *Judging) Modules() []train.Module {
	list := []train.Module{t.Net}
	for _, h := range t.Heads {
		list = append(list, h)
	}
	return list
}

// Len implements train.Task.
func (t *Judging) Len() int { return t.Batches }

// Tokens implements train.Task.
func (t *Judging) Tokens(int) int { return 1 }

// Loss implements train.Task.
func (t *Judging) Loss(g *train.Graph, seed uint64, examples []int32) (train.Loss, error) {
	if len(examples) != 1 {
		return train.Loss{}, fmt.Errorf("%w: %d examples at once; each is a batch", train.ErrConfig, len(examples))
	}
	i := int(examples[0])
	set := t.Sets[t.deck.source[i]]
	rows := t.deck.draw(seed, i, set.Len(), t.Pairs)
	packed := set.pack(rows)
	x, err := vectors(t.Net, g, packed, t.Chunk)
	if err != nil {
		return train.Loss{}, err
	}
	value, err := g.Matryoshka(x, t.widths(), func(x mat.Tensor) (mat.Tensor, error) { return t.judge(g, x, set, rows) })
	return train.Loss{Value: value, Weight: float64(len(rows)), Tokens: packed.Tokens()}, err
}

// pack puts the first texts of some pairs before the second ones.
func (j *Judged) pack(rows []int) *train.Batch {
	b := new(train.Batch)
	for _, texts := range [][][]int32{j.a, j.b} {
		for _, r := range rows {
			b.Append(texts[r], nil)
		}
	}
	return b
}

// judge is the loss over vectors, [2 pairs, width].
func (t *Judging) judge(g *train.Graph, x mat.Tensor, set *Judged, rows []int) (mat.Tensor, error) {
	n := len(rows)
	left, right := make([]int32, n), make([]int32, n)
	for i := range rows {
		left[i], right[i] = int32(i), int32(n+i)
	}
	if t.Objective == Softmax {
		features, err := g.PairFeatures(x, left, right)
		if err != nil {
			return nil, err
		}
		targets := make([]int32, n)
		for i, r := range rows {
			targets[i] = set.classes[r]
		}
		return g.CrossEntropy(g.Linear(features, t.head(x.Shape()[1])), targets)
	}
	cos, err := g.Cosine(x, x, left, right)
	if err != nil {
		return nil, err
	}
	scores := make([]float32, n)
	for i, r := range rows {
		scores[i] = set.scores[r]
	}
	if t.Objective == CoSENT {
		return g.CoSENT(cos, scores, t.Scale)
	}
	return g.MSE(cos, train.Constant(n, 1, scores))
}

// head is that for vectors of a width.
func (t *Judging) head(width int) *train.Linear {
	for i, n := range t.widths() {
		if n == width {
			return t.Heads[i]
		}
	}
	return nil
}

// Accuracy is the share of a set's pairs whose label the widest head gives.
// Errors wrap train.ErrBatch.
func (t *Judging) Accuracy(e *train.Engine, set *Judged) (float64, error) {
	hits := 0
	for lo := 0; lo < set.Len(); lo += evalPairs {
		rows := make([]int, min(evalPairs, set.Len()-lo))
		for i := range rows {
			rows[i] = lo + i
		}
		n, err := t.hits(e, set, rows)
		if err != nil {
			return 0, err
		}
		hits += n
	}
	return float64(hits) / float64(set.Len()), nil
}

// evalPairs is the number of pairs in a batch of an evaluation.
const evalPairs = 64

func (t *Judging) hits(e *train.Engine, set *Judged, rows []int) (hits int, err error) {
	g := e.Eval()
	defer g.Close()
	x, err := t.Net.Vectors(g, set.pack(rows))
	if err != nil {
		return 0, err
	}
	width := 0
	for _, n := range t.widths() {
		width = max(width, n)
	}
	if x, err = g.Columns(x, 0, width); err != nil {
		return 0, err
	}
	n := len(rows)
	left, right := make([]int32, n), make([]int32, n)
	for i := range rows {
		left[i], right[i] = int32(i), int32(n+i)
	}
	features, err := g.PairFeatures(x, left, right)
	if err != nil {
		return 0, err
	}
	logits, classes := train.Values(g.Linear(features, t.head(width))), t.head(width).Weight.Shape()[0]
	for i, r := range rows {
		best := 0
		for c, v := range logits[i*classes : (i+1)*classes] {
			if v > logits[i*classes+best] {
				best = c
			}
		}
		if int32(best) == set.classes[r] {
			hits++
		}
	}
	return hits, nil
}
