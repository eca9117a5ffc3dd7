package span

import (
	"context"
	"fmt"
	"math/rand/v2"

	"semdex/internal/train"
	"semdex/qa"
	"semdex/qa/squad"
)

// Feature is a window with its target: the positions of the answer's first and
// last token in IDs, or 0 and 0, which is [CLS], where the window does not hold
// it.
type Feature struct {
	IDs        []int32
	Question   int // tokens of the question
	Start, End int32
}

func (f *Feature) types() []int32 {
	return qa.AppendTypes(nil, f.IDs[1:1+f.Question], len(f.IDs))
}

// FeatureOptions say which windows are made.
type FeatureOptions struct {
	// Unanswerable is the share of the windows without an answer that are kept,
	// 0 to 1. Without any of them a reader cannot tell that a passage has no
	// answer.
	Unanswerable float64
	// Negatives pairs every answerable question with so many other contexts of
	// its article that do not contain the answer: the neighbours that a search
	// would bring.
	Negatives int
	Seed      uint64
}

// Report says what became of the questions.
type Report struct {
	Questions    int `json:"questions"`
	Windows      int `json:"windows"`
	Answerable   int `json:"answerable"`       // windows with their answer
	Unanswerable int `json:"unanswerable"`     // windows without, as kept
	Dropped      int `json:"dropped"`          // windows without, left out on request
	Unplaced     int `json:"unplaced"`         // questions whose answers stand nowhere
	TooLong      int `json:"answers_too_long"` // for any window
}

// Features makes the windows of all questions of the sets. Every answer that
// fits into a window at all stands whole in at least one. Errors wrap ErrData,
// or are ctx's.
func Features(ctx context.Context, s *qa.Splitter, sets []*squad.Set, o FeatureOptions) ([]Feature, *Report, error) {
	if !(o.Unanswerable >= 0 && o.Unanswerable <= 1) || o.Negatives < 0 {
		return nil, nil, fmt.Errorf("%w: a share of %g of the unanswerable windows, %d negatives", ErrData, o.Unanswerable, o.Negatives)
	}
	b := &builder{Splitter: s, options: o, report: new(Report)}
	for _, set := range sets {
		if err := b.set(ctx, set); err != nil {
			return nil, nil, err
		}
	}
	if len(b.features) == 0 {
		return nil, b.report, fmt.Errorf("%w: no windows from %d questions", ErrData, b.report.Questions)
	}
	return b.features, b.report, nil
}

type builder struct {
	*qa.Splitter
	options  FeatureOptions
	features []Feature
	report   *Report
	drawn    uint64
}

func (b *builder) set(ctx context.Context, set *squad.Set) error {
	passages := make([]*qa.Passage, len(set.Contexts))
	passage := func(i int) *qa.Passage {
		if passages[i] == nil {
			passages[i] = b.Passage(set.Contexts[i])
		}
		return passages[i]
	}
	neighbours := set.Neighbours(b.options.Negatives, b.options.Seed)
	for i := range set.Questions {
		if err := ctx.Err(); err != nil {
			return err
		}
		q := &set.Questions[i]
		b.report.Questions++
		question := b.Question(q.Text)
		b.question(q, question, passage(q.Context))
		for _, other := range neighbours[i] {
			b.none(question, passage(other))
		}
	}
	return nil
}

// question adds the windows of a question over its own passage.
func (b *builder) question(q *squad.Question, question []int32, p *qa.Passage) {
	if q.Impossible {
		b.none(question, p)
		return
	}
	a, ok := q.Span()
	if !ok {
		b.report.Unplaced++
		return
	}
	from, to, ok := p.Tokens(a.Start, a.End)
	if !ok {
		b.report.Unplaced++
		return
	}
	room := b.Room(question)
	if to-from > room {
		b.report.TooLong++
		return
	}
	held := false
	for _, w := range b.Windows(question, len(p.IDs)) {
		if from < w.From || to > w.To {
			b.window(question, p, w, 0, 0)
			continue
		}
		held = true
		b.window(question, p, w, from, to)
	}
	if !held { // longer than the stride, between two windows
		start := min(max(0, (from+to-room)/2), max(0, len(p.IDs)-room))
		b.window(question, p, qa.Window{From: start, To: min(start+room, len(p.IDs))}, from, to)
	}
}

// none adds the windows of a passage that does not answer.
func (b *builder) none(question []int32, p *qa.Passage) {
	for _, w := range b.Windows(question, len(p.IDs)) {
		b.window(question, p, w, 0, 0)
	}
}

// window adds a window with the answer in tokens [from, to), or without one if
// they are equal.
func (b *builder) window(question []int32, p *qa.Passage, w qa.Window, from, to int) {
	f := Feature{Question: len(question)}
	if from == to {
		b.drawn++
		rng := rand.New(rand.NewPCG(b.options.Seed, train.Seed(b.options.Seed, b.drawn)))
		if rng.Float64() >= b.options.Unanswerable {
			b.report.Dropped++
			return
		}
		b.report.Unanswerable++
	} else {
		shift := qa.Before(question) - w.From
		f.Start, f.End = int32(from+shift), int32(to-1+shift)
		b.report.Answerable++
	}
	f.IDs = b.Append(make([]int32, 0, len(question)+w.To-w.From+4), question, p, w)
	b.features = append(b.features, f)
	b.report.Windows++
}
