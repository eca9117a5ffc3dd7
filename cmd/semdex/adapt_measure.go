package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/model"
	"semdex/index"
	"semdex/index/evaluate"
	"semdex/internal/cli"
	"semdex/internal/evalsuite"
	"semdex/internal/metric"
	"semdex/internal/progress"
	"semdex/nli"
	"semdex/nli/adapt"
)

// The sets of questions.
const (
	heldOutSet = "held-out"
	wornSet    = "keywords fail"
)

// adaptFigure is one way of searching on one set of questions. A is before, B
// after. Keywords are the same before and after.
type adaptFigure struct {
	Set     string           `json:"set"`
	Queries int              `json:"queries"`
	Among   int              `json:"passages"`
	Mode    string           `json:"mode"`
	MRR     evalsuite.Paired `json:"mrr@10"`
	Recall  evalsuite.Paired `json:"recall@10"`
}

// adaptSTS is the agreement with people, before and after.
type adaptSTS struct {
	File   string  `json:"file"`
	Before float64 `json:"spearman_before"`
	After  float64 `json:"spearman_after"`
}

// measure asks the held-out questions before and after.
func (r *adaptRun) measure(ctx context.Context, after *model.Model) error {
	trial := r.set.Test()
	worn, err := trial.Worn(ctx, r.base.Tokenizer, r.f.options.Workers)
	if err != nil {
		return err
	}
	sets := []*evaluate.Set{judgedTrial(heldOutSet, trial)}
	if len(worn.Queries) > 0 {
		sets = append(sets, judgedTrial(wornSet, worn))
		sets[1].Documents = sets[0].Documents // indexed once
	}
	old, err := r.ask(ctx, "before", r.base, sets, index.KeywordOnly, index.DenseOnly, index.Hybrid)
	if err != nil {
		return err
	}
	now, err := r.ask(ctx, "after", after, sets, index.DenseOnly, index.Hybrid)
	if err != nil {
		return err
	}
	for i, set := range sets {
		now[i] = append([][]evaluate.Row{old[i][0]}, now[i]...)
		for j, rows := range old[i] {
			f := adaptFigure{Set: set.Name, Queries: len(set.Queries), Among: len(set.Documents), Mode: rows[0].System}
			if f.MRR, err = compared(ctx, rows, now[i][j], func(r evaluate.Row) float64 { return r.MRR10 }); err != nil {
				return err
			}
			if f.Recall, err = compared(ctx, rows, now[i][j], func(r evaluate.Row) float64 { return r.Recall10 }); err != nil {
				return err
			}
			r.report.Figures = append(r.report.Figures, f)
		}
	}
	r.report.Better = better(r.report.Figures)
	return r.compareVectors(ctx, after, trial)
}

// better: dense search is better on the held-out questions beyond doubt, and
// hybrid search is not worse beyond doubt.
func better(figures []adaptFigure) bool {
	good := false
	for _, f := range figures {
		if f.Set != heldOutSet || f.MRR.Delta.Interval == nil {
			continue
		}
		switch index.Mode(f.Mode) {
		case index.DenseOnly:
			good = f.MRR.Delta.Interval[0] > 0
		case index.Hybrid:
			if f.MRR.Delta.Interval[1] < 0 {
				return false
			}
		}
	}
	return good
}

func compared(ctx context.Context, a, b []evaluate.Row, of func(evaluate.Row) float64) (evalsuite.Paired, error) {
	x, y := make([]float64, len(a)), make([]float64, len(b))
	for i := range a {
		x[i], y[i] = of(a[i]), of(b[i])
	}
	return evalsuite.DefaultBootstrap().Compare(ctx, evalsuite.Mean, x, y, nil)
}

// judgedTrial is a trial as a judged collection, each passage a document.
func judgedTrial(name string, t *adapt.Trial) *evaluate.Set {
	set := &evaluate.Set{Name: name, Judgements: map[string]metric.Judgements{}}
	for _, c := range t.Candidates {
		set.Documents = append(set.Documents, index.Document{ID: c.ID, Text: c.Text})
	}
	for i, q := range t.Queries {
		id := strconv.Itoa(i)
		set.Queries = append(set.Queries, evaluate.Query{ID: id, Text: q.Text})
		set.Judgements[id] = metric.Judgements{}
		for _, j := range q.Relevant {
			set.Judgements[id][t.Candidates[j].ID] = 1
		}
	}
	return set
}

// ask indexes the passages with a model and asks every set's questions in every
// mode. It gives the figures of each question, by set and mode.
func (r *adaptRun) ask(ctx context.Context, when string, m *model.Model, sets []*evaluate.Set, modes ...index.Mode) (out [][][]evaluate.Row, err error) {
	dir, err := os.MkdirTemp("", "semdex-adapt-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e, err := r.encoderOf(m)
	if err != nil {
		return nil, err
	}
	service, err := r.openLocal(dir, e, index.ServiceOptions{}, mayBeNew)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, service.Close()) }()
	run := &retrievalRun{app: r.app, service: service}
	if err := run.index(ctx, &evaluate.Set{Name: "passages " + when, Documents: sets[0].Documents}); err != nil {
		return nil, err
	}
	var done, total atomic.Int64
	bar := r.progress("asking "+when, func() progress.State { return progress.State{Done: done.Load(), Total: total.Load()} })
	defer bar.Stop()
	for _, set := range sets {
		systems := evaluate.Systems(service, run.collection, index.Fusion{}, modes...)
		_, rows, err := evaluate.RunEach(ctx, set, systems, func(n, of int) {
			done.Store(int64(n))
			total.Store(int64(of))
		})
		if err != nil {
			return nil, err
		}
		out = append(out, rows)
	}
	return out, nil
}

// compareVectors says how far vectors moved, and what people think of them.
func (r *adaptRun) compareVectors(ctx context.Context, after *model.Model, t *adapt.Trial) error {
	old, err := r.encoderOf(r.base)
	if err != nil {
		return err
	}
	now, err := r.encoderOf(after)
	if err != nil {
		return err
	}
	texts := make([]string, len(t.Queries))
	for i, q := range t.Queries {
		texts[i] = q.Text
	}
	x, err := old.EncodePassages(ctx, texts)
	if err != nil {
		return err
	}
	y, err := now.EncodePassages(ctx, texts)
	if err != nil {
		return err
	}
	for i := range x {
		for j, v := range x[i] {
			r.report.Cosine += float64(v) * float64(y[i][j]) / float64(len(x))
		}
	}
	for _, file := range r.f.sts {
		pairs, err := nli.ReadSTS(file)
		if err != nil {
			return err
		}
		s := adaptSTS{File: file}
		for e, to := range map[*textEncoder]*float64{old: &s.Before, now: &s.After} {
			scores, err := nli.EvalSTS(ctx, nli.EncoderFunc(e.EncodePassages), pairs)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			*to = scores[0].Spearman
		}
		r.report.STS = append(r.report.STS, s)
	}
	return nil
}

func (r *adaptRun) printFigures() error {
	table := cli.Table{
		Header: []string{"questions", "", "mode", "MRR@10 before", "after", "change [95 %]", "recall@10 before", "after"},
		Right:  []bool{false, true, false, true, true, true, true, true},
	}
	last := ""
	for _, f := range r.report.Figures {
		set, n := f.Set, progress.Count(int64(f.Queries))
		if set == last {
			set, n = "", ""
		}
		last = f.Set
		row := []string{set, n, f.Mode, share(f.MRR.A.Value), "", "", share(f.Recall.A.Value), ""}
		if f.Mode != string(index.KeywordOnly) {
			row[4], row[5], row[7] = share(f.MRR.B.Value), change(f.MRR.Delta), share(f.Recall.B.Value)
		}
		table.Rows = append(table.Rows, row)
	}
	if err := table.Write(r.stdout, r.out); err != nil {
		return err
	}
	for _, s := range r.report.STS {
		if _, err := fmt.Fprintf(r.stdout, "%s: Spearman %s before, %s after\n", s.File, percent(s.Before), percent(s.After)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(r.stdout, "vectors of held-out questions: cosine %s to those before\n", share(r.report.Cosine))
	return err
}

// change writes a difference with its interval.
func change(e evalsuite.Estimate) string {
	s := fmt.Sprintf("%+.3f", e.Value)
	if e.Interval != nil {
		s += fmt.Sprintf(" [%+.3f, %+.3f]", e.Interval[0], e.Interval[1])
	}
	return s
}

// card is the card of the model.
func (r *adaptRun) card() string {
	t, f, rep := &r.f.tune, r.f, &r.report
	c := card.Card{
		Title: titleOf(f.out), Base: fmt.Sprintf("%s (%.12s)", r.base.Name, r.base.Fingerprint()), Command: "semdex adapt", Licence: f.licence,
		Summary: fmt.Sprintf("%s, trained further without labels on %s of its user's own.", r.base.Name, count(rep.Texts.Roles[adapt.Train], "document")),
		Limits:  "It was fitted to these texts and measured on others of the same kind; on texts of another kind it may be worse than the model it began with.",
		Measure: "MRR@10 of held-out questions",
	}
	for _, p := range rep.Training.Pairs {
		c.Sources = append(c.Sources, card.Source{Name: p.Source, Licence: "the user's own", Count: p.Pairs, Unit: "examples"})
	}
	c.Set("documents", fmt.Sprintf("%d to train on, %d to choose when to stop, %d to measure", rep.Texts.Roles[adapt.Train], rep.Texts.Roles[adapt.Dev], rep.Texts.Roles[adapt.Test]))
	c.Set("steps", fmt.Sprintf("%d of at most %d, weights of step %d", rep.Training.Steps, t.steps, rep.Training.BestStep))
	c.Set("batch", fmt.Sprintf("%d pairs", t.batch))
	c.Set("rate", fmt.Sprintf("%g, falling linearly to 0", t.rate))
	if r.base.Static != nil {
		c.Set("pull", t.pull)
		c.Set("rows changed", fmt.Sprintf("%d of %d", rep.Training.Rows, r.base.Static.Len()))
	}
	c.Set("scale", t.scale)
	c.Set("hard negatives", !t.easy)
	c.Set("seed", f.options.Seed)
	for _, g := range rep.Figures {
		name := fmt.Sprintf("%s, %d questions among %d passages, %s", g.Set, g.Queries, g.Among, g.Mode)
		value := share(g.MRR.A.Value)
		if g.Mode != string(index.KeywordOnly) {
			value = fmt.Sprintf("%s before, %s after, %s", value, share(g.MRR.B.Value), change(g.MRR.Delta))
		}
		c.Scores = append(c.Scores, card.Score{Set: name, Measure: "MRR@10", Value: value})
	}
	for _, s := range rep.STS {
		c.Scores = append(c.Scores, card.Score{Set: s.File, Measure: "Spearman", Value: fmt.Sprintf("%s before, %s after", percent(s.Before), percent(s.After))})
	}
	c.Scores = append(c.Scores, card.Score{Set: "held-out questions", Measure: "mean cosine to the vectors before", Value: share(rep.Cosine)})
	for _, p := range rep.Training.Curve {
		c.Curve = append(c.Curve, card.Point{Step: p.Step, Loss: p.Loss, Score: p.Score})
	}
	return c.Markdown()
}
