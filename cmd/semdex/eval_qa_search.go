package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"semdex/api"
	"semdex/index"
	"semdex/internal/progress"
	"semdex/qa"
	"semdex/qa/evaluate"
	"semdex/qa/squad"
)

// searchedQA is what came of questions whose passages had to be searched for.
type searchedQA struct {
	// Right is the share of questions whose answer, right or wrong, is from the passage
	// of the file.
	Right float64 `json:"right_passage"`
	// Of is the number of questions among which those with an answer were chosen.
	Of int `json:"of"`
}

// qaSearch asks the questions of files as POST /qa does: of a collection with all of a
// file's passages.
type qaSearch struct {
	app      *app
	service  *index.Service
	reader   api.Reader
	name     string // of the reader
	passages int    // to read
	sets     int
}

// openQASearch makes a temporary folder for collections; close removes it.
func (a *app) openQASearch(ctx context.Context, r *qa.Reader, passages int) (s *qaSearch, close func() error, err error) {
	dir, err := os.MkdirTemp("", "semdex-eval-")
	if err != nil {
		return nil, nil, err
	}
	encoder, err := a.openEncoder(ctx, &modelFlags{model: builtinName})
	if err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	service, err := a.openLocal(dir, encoder, index.ServiceOptions{}, mayBeNew)
	if err != nil {
		a.close(encoder)
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	close = func() error {
		err := service.Close()
		a.close(encoder)
		return errors.Join(err, os.RemoveAll(dir))
	}
	return &qaSearch{app: a, service: service, reader: answerer{r}, name: r.Name(), passages: passages}, close, nil
}

// score asks all questions of a set: those of sample are scored, the passages of all are
// searched.
func (s *qaSearch) score(ctx context.Context, all, sample *squad.Set) ([]qaResult, error) {
	s.sets++
	collection := fmt.Sprint("set-", s.sets)
	if _, err := s.service.PutStream(ctx, collection, contexts(all), nil); err != nil {
		return nil, err
	}
	var done atomic.Int64
	bar := s.app.progress("asking "+sample.Name, func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(len(sample.Questions))}
	})
	defer bar.Stop()
	everything, shown := newSearchedRow(sample), newSearchedRow(sample)
	none := 0.
	for i := range sample.Questions {
		q := &sample.Questions[i]
		answers, err := api.Ask(ctx, s.service, s.reader, api.Question{
			Text: q.Text, Collection: collection, Passages: s.passages, Answers: 1, MinScore: &none,
		})
		if err != nil {
			return nil, fmt.Errorf("question %s: %w", q.ID, err)
		}
		if len(answers.Answers) == 0 {
			everything.add(*q, evaluate.Prediction{Odds: math.Inf(-1)}, false)
		} else {
			a := answers.Answers[0]
			p, right := evaluate.Prediction{Text: a.Text, Odds: a.Score}, a.DocumentID == strconv.Itoa(q.Context)
			everything.add(*q, p, right)
			if a.Score >= api.DefaultMinScore {
				shown.add(*q, p, right)
			}
		}
		done.Add(1)
	}
	by := fmt.Sprintf("%s, searching %d passages", s.name, s.passages)
	return searchedRows(by, everything, shown)
}

// searchedRow is questions with their answers.
type searchedRow struct {
	set         squad.Set
	predictions []evaluate.Prediction
	right       int
}

func newSearchedRow(of *squad.Set) *searchedRow {
	set := *of
	set.Questions = nil
	return &searchedRow{set: set}
}

func (r *searchedRow) add(q squad.Question, p evaluate.Prediction, right bool) {
	r.set.Questions = append(r.set.Questions, q)
	r.predictions = append(r.predictions, p)
	if right {
		r.right++
	}
}

// searchedRows are the scores over all questions, and over those whose answer is shown.
func searchedRows(by string, everything, shown *searchedRow) ([]qaResult, error) {
	var out []qaResult
	for _, row := range []*searchedRow{everything, shown} {
		if len(row.predictions) == 0 {
			continue
		}
		score, err := evaluate.Measure(&row.set, row.predictions, evaluate.All)
		if err != nil {
			return nil, err
		}
		out = append(out, qaResult{
			File: row.set.Name, By: by, Score: score,
			Search: &searchedQA{float64(row.right) / float64(len(row.predictions)), len(everything.predictions)},
		})
		by += ", shown"
	}
	return out, nil
}

// contexts are the passages of a set as documents, in order.
func contexts(set *squad.Set) iter.Seq2[index.Document, error] {
	titles := make(map[int]string)
	for _, q := range set.Questions {
		titles[q.Context] = strings.ReplaceAll(q.Title, "_", " ")
	}
	return func(yield func(index.Document, error) bool) {
		for _, n := range slices.Sorted(maps.Keys(titles)) {
			if !yield(index.Document{ID: strconv.Itoa(n), Title: titles[n], Text: set.Contexts[n]}, nil) {
				return
			}
		}
	}
}
