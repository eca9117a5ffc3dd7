package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"semdex/api"
	"semdex/embed/tokenize"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/qa"
	"semdex/qa/evaluate"
	"semdex/qa/squad"
)

const evalQALong = `Measure a span reader on files in the form of SQuAD 1.1, SQuAD 2.0 or KorQuAD, each
as its official script does: exact match and F1 over words, for KorQuAD over
characters.

Beside it stand what silence scores, the sentence of the passage that shares the
rarest words with the question, and the ceiling: the score of a reader that never
errs but answers in whole tokens and words. On sets with impossible questions the
model is scored with the threshold of its folder and, as the official script does,
with the best one for the set.

With --search the reader is not given the passage: those of the file are stored with the
built-in model and searched as POST /qa does, and the answer is chosen among them. The
line "shown" counts the questions alone whose answer POST /qa would show.`

const evalQAExample = `  semdex eval qa --model reader dev-v2.0.json KorQuAD_v1.0_dev.json
  semdex eval qa --model reader --distractors 4 dev-v1.1.json
  semdex eval qa --model builtin --search 8 --sample 500 dev-v1.1.json
  semdex eval qa --baselines-only --vocab vocab.txt dev-v1.1.json`

// evalQAFlags are the flags of the verb eval qa.
type evalQAFlags struct {
	modelFlags
	baselinesOnly bool
	vocab         string
	cased         bool
	sample        int
	distractors   int
	search        int
	config        qa.Config
	seed          uint64
	asJSON        bool
}

// addReaderFlags adds the settings of a reader with their defaults.
func addReaderFlags(flags *pflag.FlagSet, c *qa.Config) {
	*c = qa.DefaultConfig()
	flags.IntVar(&c.Window, "window", c.Window, "longest input in `tokens`, question and special ones included")
	flags.IntVar(&c.Stride, "stride", c.Stride, "`tokens` that neighbouring windows of a passage share")
	flags.IntVar(&c.Question, "max-question", c.Question, "`tokens` to which a question is cut")
	flags.IntVar(&c.MaxAnswer, "max-answer", c.MaxAnswer, "longest answer in `tokens`")
	flags.BoolVar(&c.Words, "words", c.Words, "widen answers to whole words")
	flags.BoolVar(&c.Particles, "particles", c.Particles, "take Korean particles off answers")
}

func (a *app) evalQACommand() *cobra.Command {
	var f evalQAFlags
	c := &cobra.Command{
		Use: "qa [flags] FILE...", Short: "Score a reader on questions with known answers",
		Long: evalQALong, Example: evalQAExample,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			results, err := a.evalQA(cmd, files, &f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(results)
			}
			return a.printQA(results)
		},
	}
	flags := c.Flags()
	addReaderFlags(flags, &f.config)
	flags.StringVar(&f.model, "model", "", "reader's `folder`, or a name on the hub that has been pulled")
	flags.IntVar(&f.workers, "workers", 0, "`threads` that read (default one per processor)")
	flags.BoolVar(&f.int8, "int8", false, "read with 8-bit weights")
	flags.BoolVar(&f.baselinesOnly, "baselines-only", false, "score no model")
	flags.StringVar(&f.vocab, "vocab", "", "vocab.txt, or a model's `folder`, whose tokens the ceiling without a model is for (default the built-in model's)")
	flags.BoolVar(&f.cased, "cased", false, "vocab.txt is of a cased model")
	flags.IntVar(&f.sample, "sample", 0, "`questions` of each file; 0: all")
	flags.Uint64Var(&f.seed, "seed", 1, "`seed` of samples and distractors")
	flags.IntVar(&f.distractors, "distractors", 0, "other `passages` of the article to read with a question's own")
	flags.IntVar(&f.search, "search", 0, "`passages` to search for among all of the file, and to read, in the place of the question's own")
	flags.StringVar((*string)(&f.config.Scoring), "scoring", string(qa.Odds), "what spans are weighed against: no answer (odds) or all else in the window (probability); default the reader's own")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a file"))
}

func (f *evalQAFlags) parse(cmd *cobra.Command) error {
	switch {
	case f.model == "" && !f.baselinesOnly:
		return usage(cmd, "eval qa: --model is missing; --baselines-only needs none")
	case f.model != "" && f.baselinesOnly:
		return usage(cmd, "--model and --baselines-only exclude each other")
	case f.distractors < 0 || f.sample < 0:
		return usage(cmd, "--distractors and --sample must not be negative")
	case f.search < 0 || f.search > api.MaxPassages:
		return usage(cmd, "--search is %d; 1 to %d passages can be read", f.search, api.MaxPassages)
	case f.search > 0 && (f.baselinesOnly || f.distractors > 0):
		return usage(cmd, "--search needs a reader, and no --distractors")
	}
	if err := f.config.Check(); err != nil {
		return usage(cmd, "%v", err)
	}
	return nil
}

// qaResult is one way to answer on one file.
type qaResult struct {
	File string `json:"file"`
	By   string `json:"by"`
	evaluate.Score
	Threshold *float64    `json:"threshold,omitempty"` // where one was used
	Search    *searchedQA `json:"search,omitempty"`    // where passages were searched for
}

func (a *app) evalQA(cmd *cobra.Command, files []string, f *evalQAFlags) (results []qaResult, err error) {
	ctx := cmd.Context()
	var reader *qa.Reader
	var search *qaSearch
	splitter, err := a.qaSplitter(f)
	if !f.baselinesOnly {
		reader, err = a.openReader(ctx, cmd.Flags(), f)
	}
	if err != nil {
		return nil, err
	}
	if reader != nil {
		defer a.close(reader)
		splitter = reader.Splitter
	}
	if f.search > 0 {
		var closeSearch func() error
		if search, closeSearch, err = a.openQASearch(ctx, reader, f.search); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, closeSearch()) }()
	}
	for _, file := range files {
		set, err := squad.ReadFile(file, squad.Options{Misplaced: squad.Keep})
		if err != nil {
			return nil, err
		}
		a.problems(set)
		all := set
		set = set.Sample(f.sample, f.seed)
		rows, err := qaBaselines(ctx, splitter, set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		results = append(results, rows...)
		if reader == nil {
			continue
		}
		if search != nil {
			rows, err = search.score(ctx, all, set)
		} else {
			rows, err = a.scoreReader(ctx, reader, set, evaluate.Options{Distractors: f.distractors, Seed: f.seed})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		results = append(results, rows...)
	}
	return results, nil
}

// openReader loads the reader with its folder's settings, but for those that
// were given.
func (a *app) openReader(ctx context.Context, flags *pflag.FlagSet, f *evalQAFlags) (*qa.Reader, error) {
	o := qa.Options{Workers: f.workers, Int8: f.int8}
	r, err := a.loadReader(ctx, f.model, o)
	if err != nil {
		return nil, err
	}
	c := r.Config
	for name, set := range map[string]func(){
		"window":       func() { c.Window = f.config.Window },
		"stride":       func() { c.Stride = f.config.Stride },
		"max-question": func() { c.Question = f.config.Question },
		"max-answer":   func() { c.MaxAnswer = f.config.MaxAnswer },
		"words":        func() { c.Words = f.config.Words },
		"particles":    func() { c.Particles = f.config.Particles },
		"scoring":      func() { c.Scoring = f.config.Scoring },
	} {
		if flags.Changed(name) {
			set()
		}
	}
	if c == r.Config {
		return r, nil
	}
	a.close(r)
	o.Config = &c
	return a.loadReader(ctx, f.model, o)
}

// qaSplitter cuts passages for the ceiling where there is no reader.
func (a *app) qaSplitter(f *evalQAFlags) (*qa.Splitter, error) {
	if !f.baselinesOnly {
		return nil, nil
	}
	var tok *tokenize.Tokenizer
	var err error
	if f.vocab != "" {
		tok, err = openTokenizer(f.vocab, f.cased)
	} else {
		m, openErr := openModel(builtinName, "")
		if openErr != nil {
			return nil, openErr
		}
		defer a.close(m)
		tok = m.Tokenizer
	}
	if err != nil {
		return nil, err
	}
	return qa.NewSplitter(tok, f.config)
}

// qaBaselines scores what reads nothing, and the ceiling.
func qaBaselines(ctx context.Context, s *qa.Splitter, set *squad.Set) ([]qaResult, error) {
	ceiling, err := evaluate.Ceiling(ctx, s, set)
	if err != nil {
		return nil, err
	}
	var rows []qaResult
	for _, b := range []struct {
		by          string
		predictions []evaluate.Prediction
	}{
		{"no answer, ever", evaluate.Silence(set)},
		{"best-matching sentence", evaluate.BestSentence(set)},
		{"ceiling", ceiling},
	} {
		score, err := evaluate.Measure(set, b.predictions, evaluate.All)
		if err != nil {
			return nil, err
		}
		rows = append(rows, qaResult{File: set.Name, By: b.by, Score: score})
	}
	return rows, nil
}

// scoreReader scores a reader on a set.
func (a *app) scoreReader(ctx context.Context, r *qa.Reader, set *squad.Set, o evaluate.Options) ([]qaResult, error) {
	var done atomic.Int64
	bar := a.progress("reading "+set.Name, func() progress.State {
		return progress.State{Done: done.Load(), Total: int64(len(set.Questions))}
	})
	o.Progress = func(n int) { done.Store(int64(n)) }
	predictions, err := evaluate.Predict(ctx, r, set, o)
	bar.Stop()
	if err != nil {
		return nil, err
	}
	by := r.Name()
	if o.Distractors > 0 {
		by += fmt.Sprintf(" among %d", o.Distractors+1)
	}
	row := func(by string, threshold float64, shown bool) (qaResult, error) {
		score, err := evaluate.Measure(set, predictions, threshold)
		out := qaResult{File: set.Name, By: by, Score: score}
		if shown {
			out.Threshold = &threshold
		}
		return out, err
	}
	if set.Report.Impossible == 0 {
		one, err := row(by, evaluate.All, false)
		return []qaResult{one}, err
	}
	own, err := row(by, r.Config.Threshold, true)
	if err != nil {
		return nil, err
	}
	best, err := evaluate.BestThreshold(evaluate.Sample{Set: set, Predictions: predictions})
	if err != nil {
		return nil, err
	}
	tuned, err := row(by+", best threshold", best, true)
	return []qaResult{own, tuned}, err
}

func (a *app) printQA(results []qaResult) error {
	table := cli.Table{
		Header: []string{"file", "questions", "by", "EM", "F1", "F1 answerable", "F1 impossible"},
		Right:  []bool{false, true, false, true, true, true, true},
	}
	searched := slices.ContainsFunc(results, func(r qaResult) bool { return r.Search != nil })
	if searched {
		table.Header, table.Right = append(table.Header, "right passage"), append(table.Right, true)
	}
	for _, r := range results {
		answered, none := "", ""
		if r.None != nil {
			answered, none = percent(r.Answered.F1), percent(r.None.F1)
		}
		row := []string{r.File, progress.Count(int64(r.Questions)), r.By, percent(r.Exact), percent(r.F1), answered, none}
		if r.Search != nil {
			row = append(row, percent(r.Search.Right))
		} else if searched {
			row = append(row, "")
		}
		table.Rows = append(table.Rows, row)
	}
	return table.Write(a.stdout, a.out)
}
