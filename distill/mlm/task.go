package mlm

import (
	"errors"
	"fmt"
	"slices"

	"github.com/nlpodyssey/spago/mat"

	"semdex/embed/tokenize"
	"semdex/internal/train"
)

// Task pre-trains a net: cross-entropy at the hidden positions, hidden anew in
// every epoch. It implements train.Task.
type Task struct {
	*Net
	Data   *Data
	Masker *Masker
	// Teach, if set, adds a teacher.
	Teach *Teaching
}

// Teaching is the loss of Sanh et al. (2019), section 3:
//
//	Alpha * CE + (1 - Alpha) * T^2 KL(softmax(t/T) || softmax(s/T)) + Beta * (1 - cos)
//
// KL runs over the vocabulary at every position of the batch (which has no
// padding), or at the hidden ones alone; cos compares the last states of student
// and teacher at every position. Scores outside of training use T = 1.
type Teaching struct {
	Teacher     *Net
	Alpha       float64 // 0 to 1
	Beta        float64
	Temperature float64 // 1 to 100
	HiddenOnly  bool
}

// ErrTeaching marks a teacher or a setting that cannot teach this student.
var ErrTeaching = errors.New("distillation cannot work")

// Check refuses settings and pairs that make no sense: other vocabularies, other
// widths where states are compared. Errors wrap ErrTeaching.
func (t *Teaching) Check(student *Net, teacherTok, studentTok *tokenize.Tokenizer) error {
	a, b := &t.Teacher.Encoder.Config, &student.Encoder.Config
	switch {
	case !(t.Alpha >= 0 && t.Alpha <= 1) || !(t.Beta >= 0):
		return fmt.Errorf("%w: alpha %g, beta %g", ErrTeaching, t.Alpha, t.Beta)
	case t.Alpha == 1 && t.Beta == 0:
		return fmt.Errorf("%w: with alpha 1 and beta 0 the teacher has no say", ErrTeaching)
	case !(t.Temperature >= 1 && t.Temperature <= 100):
		return fmt.Errorf("%w: temperature %g; 1 to 100 soften the teacher's answers", ErrTeaching, t.Temperature)
	case teacherTok.Fingerprint() != studentTok.Fingerprint():
		return fmt.Errorf("%w: teacher and student have different tokenizers", ErrTeaching)
	case a.VocabSize != b.VocabSize:
		return fmt.Errorf("%w: the teacher scores %d tokens, the student %d", ErrTeaching, a.VocabSize, b.VocabSize)
	case t.Beta > 0 && a.Hidden != b.Hidden:
		return fmt.Errorf("%w: states of %d and %d dimensions have no cosine; set beta to 0", ErrTeaching, a.Hidden, b.Hidden)
	case t.Teacher.FreshHead:
		return fmt.Errorf("%w: the teacher has no trained MLM head", ErrTeaching)
	}
	return nil
}

// CheckScore refuses a teacher that is no better than chance. Errors wrap
// ErrTeaching.
func (t *Teaching) CheckScore(s Score) error {
	if s.AtChance() {
		return fmt.Errorf("%w: the teacher scores at chance: loss %.4f, the tokens' frequencies alone give %.4f; train it first",
			ErrTeaching, s.Loss, s.Unigram)
	}
	return nil
}

// Len implements train.Task.
func (t *Task) Len() int { return t.Data.Len() }

// Tokens implements train.Task.
func (t *Task) Tokens(i int) int { return len(t.Data.Sequence(i)) }

// Loss implements train.Task.
func (t *Task) Loss(g *train.Graph, seed uint64, examples []int32) (train.Loss, error) {
	b := new(Masked)
	for _, x := range examples {
		t.Masker.Append(b, t.Data.Sequence(int(x)), train.Seed(seed, uint64(x)))
	}
	if len(b.Rows) == 0 {
		return train.Loss{Tokens: b.Tokens()}, nil
	}
	var value mat.Tensor
	var err error
	if t.Teach == nil {
		value, err = t.own(g, b)
	} else {
		value, err = t.taught(g, b)
	}
	return train.Loss{Value: value, Weight: float64(len(b.Rows)), Tokens: b.Tokens()}, err
}

func (t *Task) own(g *train.Graph, b *Masked) (mat.Tensor, error) {
	own, err := t.answer(g, &b.Batch, b.Rows, false)
	if err != nil {
		return nil, err
	}
	return g.CrossEntropy(own.logits, b.Targets)
}

// taught is the loss with a teacher.
func (t *Task) taught(g *train.Graph, b *Masked) (mat.Tensor, error) {
	k := t.Teach
	rows, targets := b.Rows, b.Targets
	if !k.HiddenOnly {
		rows, targets = everywhere(b)
	}
	theirs, err := k.answer(g, &b.Batch, rows)
	if err != nil {
		return nil, err
	}
	own, err := t.answer(g, &b.Batch, rows, k.Beta > 0)
	if err != nil {
		return nil, err
	}
	hard, err1 := g.CrossEntropy(own.logits, targets)
	soft, err2 := g.KL(own.logits, theirs.logits, k.Temperature)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	weights, losses := []float64{k.Alpha, 1 - k.Alpha}, []mat.Tensor{hard, soft}
	if k.Beta > 0 {
		cos, err := g.Cosine(own.states, theirs.states, nil, nil)
		if err != nil {
			return nil, err
		}
		apart, err := g.CosineEmbedding(cos, slices.Repeat([]bool{true}, b.Tokens()), 0)
		if err != nil {
			return nil, err
		}
		weights, losses = append(weights, k.Beta), append(losses, apart)
	}
	return g.Sum(weights, losses...)
}

// everywhere is all positions, with a target at the hidden ones.
func everywhere(b *Masked) (rows, targets []int32) {
	rows, targets = make([]int32, b.Tokens()), make([]int32, b.Tokens())
	for i := range rows {
		rows[i], targets[i] = int32(i), train.Ignore
	}
	for i, r := range b.Rows {
		targets[r] = b.Targets[i]
	}
	return rows, targets
}

// answer runs the teacher without dropout and without gradients. Its tensors
// live as long as the student's graph.
func (k *Teaching) answer(g *train.Graph, b *train.Batch, rows []int32) (answer, error) {
	a, err := k.Teacher.answer(g.Frozen(), b, rows, k.Beta > 0)
	if err != nil {
		return answer{}, fmt.Errorf("teacher: %w", err)
	}
	a.logits = train.Detach(a.logits)
	if a.states != nil {
		a.states = train.Detach(a.states)
	}
	return a, nil
}
