// Package sentence distils sentence vectors: a student learns to give the
// vectors that a teacher gave for the same sentences, or for their translations
// (Reimers and Gurevych 2020).
package sentence

import (
	"errors"
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
)

// ErrData marks sentences or vectors that do not fit together.
var ErrData = errors.New("invalid distillation data")

// Net is a student, or a teacher, as parameters.
type Net struct{ *trainable.SentenceModel }

// Open copies a model into a trainable net. Errors wrap trainable.ErrModel.
func Open(m *model.Model) (*Net, error) {
	s, err := trainable.Sentence(m)
	if err != nil {
		return nil, err
	}
	return &Net{s}, nil
}

// Set is sentences with the vectors that the teacher gives them. Several
// sentences may share a vector: an original and its translations.
type Set struct {
	IDs    [][]int32 // tokens of every sentence, specials included
	Target []int32   // number of every sentence's vector; nil: its own
	Count  int       // of the vectors
	Dims   int
	// Vector writes vector i to dst. It is called from one goroutine.
	Vector func(dst []float32, i int) error
}

// Check verifies that s fits n. Errors wrap ErrData.
func (s *Set) Check(n *Net) error {
	switch {
	case len(s.IDs) == 0 || s.Vector == nil:
		return fmt.Errorf("%w: no sentences or no vectors", ErrData)
	case s.Dims != n.Dims():
		return fmt.Errorf("%w: the teacher's vectors have %d dimensions, the student's %d", ErrData, s.Dims, n.Dims())
	case s.Target == nil && s.Count != len(s.IDs) || s.Target != nil && len(s.Target) != len(s.IDs):
		return fmt.Errorf("%w: %d sentences, %d targets, %d vectors", ErrData, len(s.IDs), len(s.Target), s.Count)
	}
	for i, t := range s.Target {
		if t < 0 || int(t) >= s.Count {
			return fmt.Errorf("%w: sentence %d has vector %d of %d", ErrData, i, t, s.Count)
		}
	}
	return nil
}

func (s *Set) target(i int32) int {
	if s.Target == nil {
		return int(i)
	}
	return int(s.Target[i])
}

// batch is some sentences and their vectors, [len(examples), Dims].
func (s *Set) batch(examples []int32) (*train.Batch, mat.Tensor, error) {
	b := new(train.Batch)
	vectors := make([]float32, len(examples)*s.Dims)
	for i, x := range examples {
		b.Append(s.IDs[x], nil)
		if err := s.Vector(vectors[i*s.Dims:(i+1)*s.Dims], s.target(x)); err != nil {
			return nil, nil, fmt.Errorf("vector of sentence %d: %w", x, err)
		}
	}
	return b, train.Constant(len(examples), s.Dims, vectors), nil
}

// Weights of the parts of the loss.
type Weights struct {
	MSE      float64 // mean squared difference of the vectors
	Cosine   float64 // mean of 1 - cos
	Relation float64 // mean squared difference of the cosines between the sentences of a batch
}

// Task trains a student. It implements train.Task.
type Task struct {
	*Net
	Set     *Set
	Weights Weights
}

// NewTask checks that set fits the student and that some weight is positive.
// Errors wrap ErrData.
func NewTask(n *Net, set *Set, w Weights) (*Task, error) {
	for _, v := range []float64{w.MSE, w.Cosine, w.Relation} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: weights %+v", ErrData, w)
		}
	}
	if w == (Weights{}) {
		return nil, fmt.Errorf("%w: every weight is zero", ErrData)
	}
	return &Task{Net: n, Set: set, Weights: w}, set.Check(n)
}

// Len implements train.Task.
func (t *Task) Len() int { return len(t.Set.IDs) }

// Tokens implements train.Task.
func (t *Task) Tokens(i int) int { return len(t.Set.IDs[i]) }

// Loss implements train.Task.
func (t *Task) Loss(g *train.Graph, _ uint64, examples []int32) (train.Loss, error) {
	b, target, err := t.Set.batch(examples)
	if err != nil {
		return train.Loss{}, err
	}
	x, err := t.Vectors(g, b)
	if err != nil {
		return train.Loss{}, err
	}
	var weights []float64
	var parts []mat.Tensor
	for _, p := range []struct {
		weight float64
		loss   func(g *train.Graph, x, target mat.Tensor) (mat.Tensor, error)
	}{{t.Weights.MSE, (*train.Graph).MSE}, {t.Weights.Cosine, apart}, {t.Weights.Relation, relation}} {
		if p.weight == 0 {
			continue
		}
		l, err := p.loss(g, x, target)
		if err != nil {
			return train.Loss{}, err
		}
		weights, parts = append(weights, p.weight), append(parts, l)
	}
	value, err := g.Sum(weights, parts...)
	return train.Loss{Value: value, Weight: float64(len(examples)), Tokens: b.Tokens()}, err
}

// apart is the mean of 1 - cos.
func apart(g *train.Graph, x, target mat.Tensor) (mat.Tensor, error) {
	c, err := g.Cosine(x, target, nil, nil)
	if err != nil {
		return nil, err
	}
	together := make([]bool, x.Shape()[0])
	for i := range together {
		together[i] = true
	}
	return g.CosineEmbedding(c, together, 0)
}

// relation compares how alike the sentences of a batch are to each other (Park
// et al. 2019, with cosines for distances).
func relation(g *train.Graph, x, target mat.Tensor) (mat.Tensor, error) {
	u, v := g.Unit(x), g.Unit(target)
	own, err1 := g.Gram(u, u)
	theirs, err2 := g.Gram(v, v)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return g.MSE(own, theirs)
}
