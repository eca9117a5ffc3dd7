package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"semdex/internal/evalsuite"
	"semdex/internal/progress"
	"semdex/qa"
	qaeval "semdex/qa/evaluate"
	"semdex/qa/squad"
)

// sampleSeed draws the questions of qa sets.
const sampleSeed = 1

// questions measures the reader.
func (r *suiteRun) questions(ctx context.Context, spec *evalsuite.Set) ([]evalsuite.Results, error) {
	set, err := squad.ReadFile(spec.Path, squad.Options{Misplaced: squad.Keep})
	if err != nil {
		return nil, err
	}
	r.problems(set)
	set = set.Sample(spec.Sample, sampleSeed)
	out := evalsuite.Results{Set: spec.Name, Kind: spec.Kind, Items: len(set.Questions)}
	digest := evalsuite.NewDigest()
	for i := range set.Questions {
		q := &set.Questions[i]
		digest.Add(q.ID, q.Text, set.Contexts[q.Context])
		digest.Add(q.Golds()...)
	}
	out.Digest = digest.String()
	splitter, err := r.qaSplitter(&evalQAFlags{baselinesOnly: r.reader == nil, config: qa.DefaultConfig()})
	if err != nil {
		return nil, err
	}
	if r.reader != nil {
		splitter = r.reader.Splitter
	}
	results, err := qaBaselines(ctx, splitter, set)
	if err != nil {
		return nil, err
	}
	for _, b := range results {
		row := baseline(b.By, qaFigures(b.Score)...)
		if b.By == "ceiling" {
			row.Role = evalsuite.Ceiling
		}
		out.Rows = append(out.Rows, row)
	}
	if r.reader == nil {
		return []evalsuite.Results{out}, nil
	}
	rows, err := r.readRows(ctx, set)
	out.Rows = append(out.Rows, rows...)
	return []evalsuite.Results{out}, err
}

// readRows are the reader's, on sets with impossible questions also with the
// threshold that suits the set best.
func (r *suiteRun) readRows(ctx context.Context, set *squad.Set) ([]evalsuite.Row, error) {
	var done atomic.Int64
	bar := r.progress("reading "+set.Name, func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(len(set.Questions))}
	})
	predictions, err := qaeval.Predict(ctx, r.reader, set, qaeval.Options{Progress: func(n int) { done.Store(int64(n)) }})
	bar.Stop()
	if err != nil {
		return nil, err
	}
	if set.Report.Impossible == 0 {
		row, err := readRow(r.reader.Name(), "", set, predictions, qaeval.All)
		return []evalsuite.Row{row}, err
	}
	best, err := qaeval.BestThreshold(qaeval.Sample{Set: set, Predictions: predictions})
	if err != nil {
		return nil, err
	}
	own, err := readRow(r.reader.Name(), "", set, predictions, r.reader.Config.Threshold)
	if err != nil {
		return nil, err
	}
	tuned, err := readRow(r.reader.Name(), "best threshold", set, predictions, best)
	return []evalsuite.Row{own, tuned}, err
}

// readRow scores every question on its own.
func readRow(by, system string, set *squad.Set, predictions []qaeval.Prediction, threshold float64) (evalsuite.Row, error) {
	row := evalsuite.Row{By: by, System: system}
	matches, overlaps := make([]float64, len(predictions)), make([]float64, len(predictions))
	one := *set
	for i := range predictions {
		one.Questions = set.Questions[i : i+1]
		s, err := qaeval.Measure(&one, predictions[i:i+1], threshold)
		if err != nil {
			return row, fmt.Errorf("question %s: %w", set.Questions[i].ID, err)
		}
		matches[i], overlaps[i] = s.Exact, s.F1
	}
	row.Mean("EM", matches)
	row.Mean("F1", overlaps)
	whole, err := qaeval.Measure(set, predictions, threshold)
	row.Figures = append(row.Figures, qaFigures(whole)[2:]...)
	return row, err
}

// qaFigures are EM, F1, and F1 over both parts of a set with impossible questions.
func qaFigures(s qaeval.Score) []evalsuite.Figure {
	out := []evalsuite.Figure{{Measure: "EM", Value: s.Exact}, {Measure: "F1", Value: s.F1}}
	if s.None != nil {
		out = append(out, evalsuite.Figure{Measure: "F1 answerable", Value: s.Answered.F1}, evalsuite.Figure{Measure: "F1 impossible", Value: s.None.F1})
	}
	return out
}
