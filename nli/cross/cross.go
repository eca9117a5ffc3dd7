// Package cross trains and measures cross-encoders: models that read two texts
// together and judge them. Both go into one input, [CLS] a [SEP] b [SEP], and
// the state of [CLS] gives a class for natural language inference, or one score
// for similarity or relevance (Devlin et al. 2019; Nogueira and Cho 2019).
//
// The folders are those of transformers' sequence classifiers; embed.Predictor
// runs them. All scores here come from a Predictor, so that a saved model gives
// those of its training to the last digit.
package cross

import (
	"errors"
	"fmt"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/train"
	"semdex/nli"
)

// ErrData marks pairs that a model cannot learn from, or be measured on.
var ErrData = errors.New("unusable pairs")

// Objective is what a cross-encoder judges.
type Objective string

// The objectives.
const (
	Inference  Objective = "nli"       // a class, such as entailment
	Similarity Objective = "sts"       // a score, 0 to 5 in the corpora
	Relevance  Objective = "relevance" // whether a passage answers a query, 0 or 1
)

// Kind is what the third column of its corpora holds.
func (o Objective) Kind() nli.Kind {
	if o == Inference {
		return nli.Labels
	}
	return nli.Scores
}

// Labels are the classes of a new head where the user names none; a head with one
// class gives a score.
func (o Objective) Labels() []string {
	if o == Inference {
		return nli.LabelNames()
	}
	return []string{"LABEL_0"}
}

// Set is a corpus with what a model should say of each pair.
type Set struct {
	Name  string
	Pairs []embed.Pair
	// Labels are the classes, and Classes the right one of each pair; nil where
	// there are Scores, from 0 to 1.
	Labels  []string
	Classes []int32
	Scores  []float64
}

// NewSet takes a corpus's labels by name. Errors wrap nli.ErrLabel.
func NewSet(d *nli.Dataset, labels []string, m nli.LabelMap) (*Set, error) {
	classes, err := d.Classes(labels, m)
	if err != nil {
		return nil, err
	}
	return &Set{Name: d.Path, Pairs: pairsOf(d), Labels: labels, Classes: classes}, nil
}

// NewScores takes a corpus's scores and divides them by top, the highest there
// may be. Errors wrap nli.ErrScore.
func NewScores(d *nli.Dataset, top float64) (*Set, error) {
	scored, err := d.Scored(0, top)
	if err != nil {
		return nil, err
	}
	s := &Set{Name: d.Path, Pairs: pairsOf(d), Scores: make([]float64, len(scored))}
	for i, p := range scored {
		s.Scores[i] = p.Score / top
	}
	return s, nil
}

func pairsOf(d *nli.Dataset) []embed.Pair {
	out := make([]embed.Pair, len(d.Rows))
	for i, r := range d.Rows {
		out[i] = embed.Pair{A: r.A, B: r.B}
	}
	return out
}

// Join puts sets of one kind together.
func Join(name string, sets ...*Set) *Set {
	all := &Set{Name: name}
	for _, s := range sets {
		all.Labels = s.Labels
		all.Pairs = append(all.Pairs, s.Pairs...)
		all.Classes = append(all.Classes, s.Classes...)
		all.Scores = append(all.Scores, s.Scores...)
	}
	return all
}

// Varied refuses pairs that all have one label or one score: there is nothing to
// tell apart. Errors wrap ErrData.
func (s *Set) Varied() error {
	if len(s.Pairs) == 0 {
		return fmt.Errorf("%w: %s has none", ErrData, s.Name)
	}
	for i := range s.Pairs {
		if s.Classes != nil && s.Classes[i] != s.Classes[0] || s.Classes == nil && s.Scores[i] != s.Scores[0] {
			return nil
		}
	}
	what := "score"
	if s.Classes != nil {
		what = "label, " + s.Labels[s.Classes[0]]
	}
	return fmt.Errorf("%w: all %d pairs of %s have one %s", ErrData, len(s.Pairs), s.Name, what)
}

// Data is a set as tokens.
type Data struct {
	set    *Set
	ids    []int32
	ends   []int // of the inputs in ids
	second []int // where the second text begins
	// Truncated is the number of pairs that were cut.
	Truncated int
}

// Tokenize makes inputs of at most maxTokens tokens, cutting the longer text
// first.
func (s *Set) Tokenize(tok *tokenize.Tokenizer, maxTokens int) *Data {
	d := &Data{set: s}
	for _, p := range s.Pairs {
		e := tok.EncodePair(p.A, p.B, tokenize.Options{MaxTokens: maxTokens})
		second := len(d.ids) + len(e.IDs)
		for i, t := range e.Types {
			if t == 1 {
				second = len(d.ids) + i
				break
			}
		}
		d.ids = append(d.ids, e.IDs...)
		d.ends, d.second = append(d.ends, len(d.ids)), append(d.second, second)
		if e.Truncated {
			d.Truncated++
		}
	}
	return d
}

// Len is the number of inputs.
func (d *Data) Len() int { return len(d.ends) }

// Tokens is the length of input i.
func (d *Data) Tokens(i int) int { return d.ends[i] - d.begin(i) }

func (d *Data) begin(i int) int {
	if i == 0 {
		return 0
	}
	return d.ends[i-1]
}

// Append adds input i to a batch, with token types, which DistilBERT ignores.
func (d *Data) Append(b *train.Batch, i int) {
	from, to := d.begin(i), d.ends[i]
	types := make([]int32, to-from)
	for t := d.second[i]; t < to; t++ {
		types[t-from] = 1
	}
	b.Append(d.ids[from:to], types)
}

// Class is the right class of input i.
func (d *Data) Class(i int) int32 { return d.set.Classes[i] }

// Task trains a cross-encoder: by cross-entropy for classes, by binary
// cross-entropy for scores. It implements train.Task.
type Task struct {
	*Data
	Net *trainable.ClassifierModel
}

// NewTask checks that the net has the set's classes. Errors wrap ErrData.
func NewTask(net *trainable.ClassifierModel, s *Set, maxTokens int) (*Task, error) {
	if err := s.Varied(); err != nil {
		return nil, err
	}
	if classes := max(1, len(s.Labels)); net.Classes() != classes {
		return nil, fmt.Errorf("%w: they have %d classes, the model %d", ErrData, classes, net.Classes())
	}
	return &Task{Data: s.Tokenize(net.Tokenizer(), maxTokens), Net: net}, nil
}

// Modules implements train.Task.
func (t *Task) Modules() []train.Module { return t.Net.Modules() }

// Loss implements train.Task.
func (t *Task) Loss(g *train.Graph, _ uint64, examples []int32) (train.Loss, error) {
	b := new(train.Batch)
	for _, i := range examples {
		t.Append(b, int(i))
	}
	logits, err := t.Net.Logits(g, b)
	if err != nil {
		return train.Loss{}, err
	}
	value, err := t.loss(g, logits, examples)
	return train.Loss{Value: value, Weight: float64(len(examples)), Tokens: b.Tokens()}, err
}

func (t *Task) loss(g *train.Graph, logits mat.Tensor, examples []int32) (mat.Tensor, error) {
	if t.set.Classes == nil {
		targets := make([]float32, len(examples))
		for i, x := range examples {
			targets[i] = float32(t.set.Scores[x])
		}
		return g.BinaryCrossEntropy(logits, targets)
	}
	targets := make([]int32, len(examples))
	for i, x := range examples {
		targets[i] = t.set.Classes[x]
	}
	return g.CrossEntropy(logits, targets)
}
