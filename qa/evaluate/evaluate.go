// Package evaluate measures span readers on SQuAD and KorQuAD, beside baselines
// that read nothing and the ceiling that windows and word borders leave.
package evaluate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"semdex/embed/model"
	"semdex/qa"
	"semdex/qa/score"
	"semdex/qa/squad"
)

// ErrPredictions: there are not as many predictions as questions.
var ErrPredictions = errors.New("predictions do not fit the questions")

// Prediction is the best answer to a question and its log-odds.
type Prediction struct {
	Text string  `json:"text"`
	Odds float64 `json:"odds"`
}

// Options of Predict.
type Options struct {
	// Distractors adds so many other contexts of the article to a question's
	// own, so that the reader has to choose the passage as well.
	Distractors int
	Seed        uint64
	// Progress, if set, is told how many questions have been read.
	Progress func(done int)
}

// queriesPerCall bounds what a reader holds in memory at once.
const queriesPerCall = 64

// Predict reads the contexts of all questions of a set.
func Predict(ctx context.Context, r *qa.Reader, set *squad.Set, o Options) ([]Prediction, error) {
	neighbours := set.Neighbours(o.Distractors, o.Seed)
	out := make([]Prediction, 0, len(set.Questions))
	for from := 0; from < len(set.Questions); from += queriesPerCall {
		questions := set.Questions[from:min(from+queriesPerCall, len(set.Questions))]
		queries := make([]qa.Query, len(questions))
		for i, q := range questions {
			queries[i] = qa.Query{Question: q.Text, Passages: []string{set.Contexts[q.Context]}}
			for _, other := range neighbours[from+i] {
				queries[i].Passages = append(queries[i].Passages, set.Contexts[other])
			}
		}
		results, err := r.ReadAll(ctx, queries, 1)
		if err != nil {
			return nil, fmt.Errorf("questions from %s on: %w", questions[0].ID, err)
		}
		for _, result := range results {
			p := Prediction{Odds: math.Inf(-1)}
			if len(result.Answers) > 0 {
				p = Prediction{Text: result.Answers[0].Text, Odds: result.Answers[0].Odds}
			}
			out = append(out, p)
		}
		if o.Progress != nil {
			o.Progress(len(out))
		}
	}
	return out, nil
}

// Score is exact match and F1, 0 to 1, over a set and over its two parts.
type Score struct {
	Questions int     `json:"questions"`
	Exact     float64 `json:"exact"`
	F1        float64 `json:"f1"`
	Answered  *Part   `json:"answerable,omitempty"` // of sets with impossible questions alone
	None      *Part   `json:"impossible,omitempty"`
}

// Part is the score over some of the questions.
type Part struct {
	Questions int     `json:"questions"`
	Exact     float64 `json:"exact"`
	F1        float64 `json:"f1"`
}

// All is a threshold below which no prediction falls: that of sets in which
// every question has an answer.
var All = math.Inf(-1)

// Measure scores predictions, of which those with odds of the threshold or less
// count as no answer. Errors wrap ErrPredictions.
func Measure(set *squad.Set, predictions []Prediction, threshold float64) (Score, error) {
	if len(predictions) != len(set.Questions) || len(predictions) == 0 {
		return Score{}, fmt.Errorf("%w: %d for %d questions", ErrPredictions, len(predictions), len(set.Questions))
	}
	var parts [2]Part // answerable, impossible
	for i := range set.Questions {
		q, text := &set.Questions[i], predictions[i].Text
		if predictions[i].Odds <= threshold {
			text = ""
		}
		p := &parts[0]
		if q.Impossible {
			p = &parts[1]
		}
		exact, f1 := rate(set.Style, q, text)
		p.Questions++
		p.Exact += exact
		p.F1 += f1
	}
	a, n := parts[0], parts[1]
	total := float64(len(predictions))
	s := Score{Questions: len(predictions), Exact: (a.Exact + n.Exact) / total, F1: (a.F1 + n.F1) / total}
	if n.Questions > 0 {
		s.Answered, s.None = a.mean(), n.mean()
	}
	return s, nil
}

func (p Part) mean() *Part {
	if p.Questions > 0 {
		p.Exact /= float64(p.Questions)
		p.F1 /= float64(p.Questions)
	}
	return &p
}

// rate scores one answer. Only SQuAD 2.0's script knows impossible questions; in
// other sets nothing but "" answers them.
func rate(style score.Style, q *squad.Question, text string) (exact, f1 float64) {
	if q.Impossible && style != score.SQuAD2 {
		if text == "" {
			return 1, 1
		}
		return 0, 0
	}
	golds := q.Golds()
	return style.Exact(text, golds), style.F1(text, golds)
}

// Sample is a set with predictions for its questions.
type Sample struct {
	Set         *squad.Set
	Predictions []Prediction
}

// step is what giving an answer brings beside giving none.
type step struct{ odds, gain float64 }

func (s Sample) steps(dst []step) ([]step, error) {
	if len(s.Predictions) != len(s.Set.Questions) {
		return nil, fmt.Errorf("%w: %d for %d questions", ErrPredictions, len(s.Predictions), len(s.Set.Questions))
	}
	for i, p := range s.Predictions {
		if math.IsInf(p.Odds, -1) {
			continue
		}
		_, given := rate(s.Set.Style, &s.Set.Questions[i], p.Text)
		_, withheld := rate(s.Set.Style, &s.Set.Questions[i], "")
		dst = append(dst, step{p.Odds, given - withheld})
	}
	return dst, nil
}

// BestThreshold is the threshold with the highest F1 on samples with impossible
// questions: as in SQuAD 2.0's script all places between two predictions are
// tried. Errors wrap ErrPredictions.
func BestThreshold(samples ...Sample) (float64, error) {
	var steps []step
	for _, s := range samples {
		var err error
		if steps, err = s.steps(steps); err != nil {
			return 0, err
		}
	}
	if len(steps) == 0 {
		return 0, nil
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(b.odds, a.odds) }) // surest first
	var sum, best float64
	threshold := steps[0].odds + 1
	for i, s := range steps {
		sum += s.gain
		last := i+1 == len(steps)
		if sum <= best || !last && steps[i+1].odds == s.odds {
			continue
		}
		best = sum
		if threshold = s.odds - 1; !last {
			threshold = (s.odds + steps[i+1].odds) / 2
		}
	}
	return threshold, nil
}

// tuneDistractors is the number of other passages among which Choose has a
// reader find the right one.
const tuneDistractors = 4

// Choose gives the scoring with which a reader of the model m scores the higher
// mean F1 on sets, each question among passages of its article: the first of
// equals.
func Choose(ctx context.Context, m *model.Model, o qa.Options, sets []*squad.Set, seed uint64) (qa.Scoring, error) {
	var best float64
	chosen := qa.Odds
	for _, how := range []qa.Scoring{qa.Odds, qa.Probability} {
		c := *o.Config
		c.Scoring, o.Config = how, &c
		r, err := qa.NewReader(m, o)
		if err != nil {
			return "", err
		}
		var sum float64
		for _, set := range sets {
			predictions, err := Predict(ctx, r, set, Options{Distractors: tuneDistractors, Seed: seed})
			if err != nil {
				return "", err
			}
			sum += answerable(set, predictions)
		}
		if sum > best {
			best, chosen = sum, how
		}
	}
	return chosen, nil
}

// answerable is the mean F1 over the questions that have an answer.
func answerable(set *squad.Set, predictions []Prediction) float64 {
	var p Part
	for i := range set.Questions {
		if q := &set.Questions[i]; !q.Impossible {
			_, f1 := rate(set.Style, q, predictions[i].Text)
			p.Questions, p.F1 = p.Questions+1, p.F1+f1
		}
	}
	return p.mean().F1
}

// Tune finds a reader's threshold on sets. To those without impossible questions
// it adds as many, by asking the same of neighbouring contexts. Where there are
// none, nothing speaks for silence, and the threshold is 0.
func Tune(ctx context.Context, r *qa.Reader, sets []*squad.Set, o Options) (float64, error) {
	o.Distractors = 0
	impossible := 0
	var samples []Sample
	for _, set := range sets {
		if set.Report.Impossible == 0 {
			set = set.WithImpossible(o.Seed)
		}
		impossible += set.Report.Impossible
		predictions, err := Predict(ctx, r, set, o)
		if err != nil {
			return 0, err
		}
		samples = append(samples, Sample{set, predictions})
	}
	if impossible == 0 {
		return 0, nil
	}
	return BestThreshold(samples...)
}
