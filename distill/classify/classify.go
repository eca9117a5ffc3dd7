// Package classify distils sequence classifiers: a student learns the labels of
// its inputs and, from a trained teacher, how likely the other labels are
// (Hinton et al. 2015).
package classify

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/trainable"
	"semdex/internal/train"
)

// ErrTeaching marks a teacher or a setting that cannot teach this student.
var ErrTeaching = errors.New("distillation cannot work")

// Examples are tokenised inputs with their right classes.
type Examples interface {
	Len() int
	Tokens(i int) int // of input i
	Append(b *train.Batch, i int)
	Class(i int) int32
}

// Teaching is the loss
//
//	Alpha * CE + (1 - Alpha) * T^2 KL(softmax(t/T) || softmax(s/T))
//
// with t and s the logits of teacher and student and CE the cross-entropy of the
// student at T = 1. T^2 keeps the size of the gradient independent of T (Hinton
// et al. 2015, section 2). Scores outside of training use T = 1.
type Teaching struct {
	Teacher     *trainable.ClassifierModel
	Alpha       float64 // 0 to 1; at 1 the teacher has no say
	Temperature float64 // 1 to 100
}

// Check refuses settings and pairs that make no sense: no trained head, other
// labels, another tokenizer. Errors wrap ErrTeaching.
func (t *Teaching) Check(student *trainable.ClassifierModel) error {
	bad := func(format string, v ...any) error {
		return fmt.Errorf("%w: %s", ErrTeaching, fmt.Sprintf(format, v...))
	}
	switch {
	case !(t.Alpha >= 0 && t.Alpha < 1):
		return bad("alpha %g; 0 to below 1 leave the teacher a say", t.Alpha)
	case !(t.Temperature >= 1 && t.Temperature <= 100):
		return bad("temperature %g; 1 to 100 soften the teacher's answers", t.Temperature)
	case t.Teacher.Fresh:
		return bad("the teacher has no trained classifier")
	case !slices.EqualFunc(t.Teacher.Labels, student.Labels, strings.EqualFold):
		return bad("the teacher tells %s apart, the student %s", strings.Join(t.Teacher.Labels, ", "), strings.Join(student.Labels, ", "))
	case len(student.Labels) < 2:
		return bad("a model with one label has no classes")
	case t.Teacher.Tokenizer().Fingerprint() != student.Tokenizer().Fingerprint():
		return bad("teacher and student have different tokenizers")
	}
	return nil
}

// Exam is how a teacher does on pairs that it was not trained on.
type Exam struct {
	Pairs    int
	Accuracy float64
	Loss     float64 // mean cross-entropy in nats
	Classes  []int   // how often every class was right
}

// Majority is the accuracy of always giving the most frequent class.
func (e *Exam) Majority() float64 {
	return float64(slices.Max(e.Classes)) / float64(max(1, e.Pairs))
}

// Entropy is that of the classes in nats: the loss of knowing their frequencies
// alone.
func (e *Exam) Entropy() float64 {
	var h float64
	for _, n := range e.Classes {
		if p := float64(n) / float64(max(1, e.Pairs)); p > 0 {
			h -= p * math.Log(p)
		}
	}
	return h
}

// Check refuses a teacher at chance: one whose accuracy is not above that of the
// most frequent class by two standard deviations, or whose probabilities say less
// than the frequencies of the classes do. Errors wrap ErrTeaching.
func (e *Exam) Check() error {
	if e.Pairs == 0 {
		return fmt.Errorf("%w: there are no pairs to test the teacher on", ErrTeaching)
	}
	p := e.Majority()
	if chance := p + 2*math.Sqrt(p*(1-p)/float64(e.Pairs)); !(e.Accuracy > chance) {
		return fmt.Errorf("%w: the teacher scores at chance: accuracy %.4f over %d pairs, the most frequent class alone gives %.4f; train it first",
			ErrTeaching, e.Accuracy, e.Pairs, p)
	}
	if h := e.Entropy(); !(e.Loss < h) {
		return fmt.Errorf("%w: the teacher scores at chance: cross-entropy %.4f, the frequencies of the classes alone give %.4f; train it first, or for less long",
			ErrTeaching, e.Loss, h)
	}
	return nil
}

// CopyHead gives a student whose own head is untrained that of its teacher: the
// last layer, and for a new one the layer before it, which is BERT's pooler and
// DistilBERT's pre_classifier. It reports whether the widths allowed it.
func CopyHead(student, teacher *trainable.ClassifierModel) bool {
	if !student.Fresh || student.Encoder.Config.Hidden != teacher.Encoder.Config.Hidden || student.Classes() != teacher.Classes() {
		return false
	}
	for _, pair := range [][2]*train.Linear{{student.Hidden, teacher.Hidden}, {student.Output, teacher.Output}} {
		copy(train.Describe(pair[0].Weight).Values, train.Describe(pair[1].Weight).Values)
		copy(train.Describe(pair[0].Bias).Values, train.Describe(pair[1].Bias).Values)
	}
	return true
}

// Task trains a student. It implements train.Task.
type Task struct {
	Examples
	Student *trainable.ClassifierModel
	Teach   *Teaching
}

// Modules implements train.Task.
func (t *Task) Modules() []train.Module { return t.Student.Modules() }

// Loss implements train.Task.
func (t *Task) Loss(g *train.Graph, _ uint64, examples []int32) (train.Loss, error) {
	b := new(train.Batch)
	classes := make([]int32, len(examples))
	for i, x := range examples {
		t.Append(b, int(x))
		classes[i] = t.Class(int(x))
	}
	theirs, err := t.Teach.Teacher.Logits(g.Frozen(), b)
	if err != nil {
		return train.Loss{}, fmt.Errorf("teacher: %w", err)
	}
	own, err := t.Student.Logits(g, b)
	if err != nil {
		return train.Loss{}, err
	}
	value, err := t.Teach.loss(g, own, train.Detach(theirs), classes)
	return train.Loss{Value: value, Weight: float64(len(examples)), Tokens: b.Tokens()}, err
}

// loss is the formula above.
func (t *Teaching) loss(g *train.Graph, student, teacher mat.Tensor, classes []int32) (mat.Tensor, error) {
	hard, err1 := g.CrossEntropy(student, classes)
	soft, err2 := g.KL(student, teacher, t.Temperature)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	return g.Sum([]float64{t.Alpha, 1 - t.Alpha}, hard, soft)
}
