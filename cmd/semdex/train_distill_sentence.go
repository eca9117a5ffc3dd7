package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/sentence"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/internal/train"
	"semdex/nli"
)

const distillSentenceLong = `Train a student to give the vectors that its teacher gives for the same sentences:

  mse * |s - t|^2 / dims + cosine * (1 - cos(s, t)) + relation * (differences of
  the cosines between the sentences of a batch)^2

The teacher may be any model, the built-in one, too; its vectors must have as
many dimensions as the student's. It encodes every sentence once, into a file
that further passes, runs and seeds share.

--parallel takes files of two columns, a text and its translation with a tab
between: the student learns to give the teacher's vector of the text for both, so
that it knows a language that the teacher does not (Reimers and Gurevych 2020).`

const distillSentenceExample = `  semdex distill init teacher --layers 0,2,4,7,9,11 -o start
  semdex train distill sentence --teacher teacher --student start --text sentences.txt --dev-share 0.01 -o student
  semdex train distill sentence --teacher english --student multilingual --parallel en-ko.tsv --dev-share 0.02 -o bilingual`

// distillSentenceFlags are the flags of the verb train distill sentence.
type distillSentenceFlags struct {
	runFlags
	teacherFlags
	corpus    corpusFlags
	parallel  []string
	sentences int
	held      int
	maxTokens int
	vectors   string
	sts       []string
	weights   sentence.Weights
}

func (a *app) trainDistillSentenceCommand() *cobra.Command {
	var f distillSentenceFlags
	c := &cobra.Command{
		Use:     "sentence [flags]",
		Short:   "Train a student on the sentence vectors of its teacher",
		Long:    distillSentenceLong,
		Example: distillSentenceExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainDistillSentence(cmd.Context(), &f)
		},
	}
	f.teacherFlags.add(c)
	f.corpus.add(c)
	flags := c.Flags()
	flags.StringSliceVar(&f.parallel, "parallel", nil, "`files` of texts for the teacher and their translations, a tab between")
	flags.IntVar(&f.sentences, "sentences", 0, "`sentences` of each file to train on, at most; 0: all")
	flags.IntVar(&f.held, "dev-sentences", 500, "held-out `sentences` of each file to evaluate on, at most")
	flags.IntVar(&f.maxTokens, "max-tokens", 0, "`tokens` of a sentence that the student reads (default 128, or as many as it has positions)")
	flags.StringVar(&f.vectors, "vectors", "", "`file` that keeps the teacher's vectors (default teacher.vectors in the run's folder)")
	flags.StringSliceVar(&f.sts, "sts", nil, "similarity `sets` to score both models on, as semdex eval sts reads them")
	flags.Float64Var(&f.weights.MSE, "mse", 1, "`weight` of the squared difference of the vectors")
	flags.Float64Var(&f.weights.Cosine, "cosine", 1, "`weight` of 1 - cosine")
	flags.Float64Var(&f.weights.Relation, "relation", 0, "`weight` of the squared differences of cosines between sentences")
	f.runFlags.add(c, train.Options{
		Epochs: 1, Plan: train.Plan{Tokens: 2048}, Optimizer: train.AdamW{LR: 2e-4, WeightDecay: 0.01},
		WarmupShare: 0.1, Clip: 1, EvalEvery: 500, SaveEvery: 500,
	})
	return verb(c, noArgs)
}

func (f *distillSentenceFlags) parse(cmd *cobra.Command) error {
	if err := f.teacherFlags.parse(cmd); err != nil {
		return err
	}
	if err := f.corpus.parse(cmd, len(f.parallel) > 0); err != nil {
		return err
	}
	if err := f.runFlags.parse(cmd); err != nil {
		return err
	}
	if f.vectors == "" {
		f.vectors = filepath.Join(f.dir, "teacher.vectors")
	}
	switch {
	case f.sentences < 0 || f.held < 1:
		return usage(cmd, "%s: a negative number of sentences", cmd.Name())
	case len(f.corpus.dev) == 0 && f.corpus.devShare == 0:
		return usage(cmd, "train distill sentence: both models are compared on held-out text: give --dev or --dev-share")
	}
	return nil
}

// distilledSentences is how a distillation of sentence vectors ended.
type distilledSentences struct {
	*runReport
	Before sentence.Score   `json:"before"`
	After  sentence.Score   `json:"after"`
	Sides  []scoredSentence `json:"side_by_side"`
}

// scoredSentence is one of two compared models with its scores on --sts.
type scoredSentence struct {
	side
	Spearman []float64 `json:"spearman,omitempty"`
}

// sentenceRun is what a distillation of sentence vectors works with.
type sentenceRun struct {
	f          *distillSentenceFlags
	engine     *train.Engine
	teacher    *embed.Model
	base       *model.Model
	net        *sentence.Net
	text       *sentenceText
	train, dev *sentence.Set
	sts        [][]nli.Scored
}

func (a *app) trainDistillSentence(ctx context.Context, f *distillSentenceFlags) error {
	r := &sentenceRun{f: f}
	var err error
	if r.engine, err = a.trainEngine(&f.runFlags); err != nil {
		return err
	}
	if r.base, err = a.openNamed(f.student); err != nil {
		return err
	}
	defer a.close(r.base)
	if r.teacher, err = a.loadModel(ctx, f.teacher, embed.Options{Workers: f.workers}); err != nil {
		return err
	}
	defer a.close(r.teacher)
	if err := r.open(); err != nil {
		return err
	}
	if r.text, err = a.readSentences(ctx, f); err != nil {
		return err
	}
	cache, err := a.teach(ctx, r)
	if err != nil {
		return err
	}
	defer a.close(cache)
	r.sets(cache)
	report, err := a.runSentences(ctx, r)
	if err != nil {
		return err
	}
	return a.saveSentences(ctx, r, report)
}

// open checks what can be checked before any text is read.
func (r *sentenceRun) open() (err error) {
	if r.net, err = sentence.Open(r.base); err != nil {
		return err
	}
	if own, theirs := r.net.Dims(), r.teacher.Dims(); own != theirs {
		return cli.WithHint(fmt.Errorf("%w: the teacher's vectors have %d dimensions, the student's %d", sentence.ErrData, theirs, own),
			"a student of other width needs a Dense module that maps to the teacher's")
	}
	if r.f.maxTokens, err = longestSequence(r.f.maxTokens, r.base); err != nil {
		return err
	}
	for _, path := range r.f.sts {
		pairs, err := nli.ReadSTS(path)
		if err != nil {
			return err
		}
		r.sts = append(r.sts, pairs)
	}
	return nil
}

// sets turns texts into what is trained on. The texts are not needed after it,
// but for the held-out ones.
func (r *sentenceRun) sets(cache *vectorFile) {
	set := func(s *sentenceList) *sentence.Set {
		return &sentence.Set{
			IDs: s.tokens(r.base.Tokenizer, r.f.maxTokens), Target: s.target,
			Count: len(r.text.teacher), Dims: r.net.Dims(), Vector: cache.read,
		}
	}
	r.dev, r.train = set(&r.text.dev), set(&r.text.train)
	r.text.train.texts = nil
}

// runSentences trains with evaluations before, during and after.
func (a *app) runSentences(ctx context.Context, r *sentenceRun) (*distilledSentences, error) {
	f := r.f
	task, err := sentence.NewTask(r.net, r.train, f.weights)
	if err != nil {
		return nil, err
	}
	report := new(distilledSentences)
	if report.Before, err = r.net.Evaluate(r.engine, r.dev); err != nil {
		return nil, err
	}
	a.note("before: %s", report.Before)
	latest := report.Before
	f.options.Evaluate = func(context.Context, train.State) (score float64, err error) {
		latest, err = r.net.Evaluate(r.engine, r.dev)
		return latest.Cosine, err
	}
	f.detail = func() string { return latest.String() }
	identity := fmt.Sprintf("sentences %x of teacher %s, student %s, longest %d, weights %v",
		r.text.sum(), r.teacher.Fingerprint(), r.base.Fingerprint(), f.maxTokens, f.weights)
	if report.runReport, err = a.train(ctx, &f.runFlags, r.engine, task, "cosine to the teacher", identity); err != nil {
		return nil, err
	}
	report.After, err = r.net.Evaluate(r.engine, r.dev)
	return report, err
}

func (a *app) saveSentences(ctx context.Context, r *sentenceRun, report *distilledSentences) error {
	f := r.f
	spearman := make([][]float64, 2)
	sides, err := a.compareSides(ctx, f.teacher, f.out, r.net.Model(), f.workers, r.text.dev.sample(),
		func(i int, m *embed.Model) (err error) {
			spearman[i], err = scoreSTS(ctx, m, r.sts)
			return err
		})
	if err != nil {
		return err
	}
	for i, s := range sides {
		report.Sides = append(report.Sides, scoredSentence{s, spearman[i]})
	}
	if err := a.saveRun(ctx, &f.runFlags, r.net.Model(), r.card(report, sides), report.runReport); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	return a.printSentences(r, report)
}

// scoreSTS is a model's Spearman correlation on every set.
func scoreSTS(ctx context.Context, m *embed.Model, sets [][]nli.Scored) ([]float64, error) {
	e := textEncoder{Model: m}
	var list []float64
	for _, pairs := range sets {
		scores, err := nli.EvalSTS(ctx, nli.EncoderFunc(e.EncodePassages), pairs)
		if err != nil {
			return nil, err
		}
		list = append(list, scores[0].Spearman)
	}
	return list, nil
}

func (r *sentenceRun) card(report *distilledSentences, sides []side) card.Card {
	f := r.f
	c := card.Card{
		Title: titleOf(f.out), Command: "semdex train distill sentence", Base: f.student, Sources: r.text.sources,
		Summary: fmt.Sprintf("A sentence encoder distilled from %s: it learnt to give its teacher's vectors.", titleOf(f.teacher)),
		Measure: "cosine to the teacher",
	}
	c.Set("loss", fmt.Sprintf("%g MSE + %g (1 - cosine) + %g relation", f.weights.MSE, f.weights.Cosine, f.weights.Relation))
	c.Set("longest sentence", fmt.Sprintf("%d tokens", f.maxTokens))
	c.Scores = append(c.Scores,
		card.Score{Set: "held-out sentences", Measure: "beside the teacher, before", Value: report.Before.String()},
		card.Score{Set: "held-out sentences", Measure: "beside the teacher, after", Value: report.After.String()})
	for _, s := range report.Sides {
		for i, x := range s.Spearman {
			c.Scores = append(c.Scores, card.Score{Set: filepath.Base(f.sts[i]), Measure: "Spearman of " + s.Name, Value: percent(x)})
		}
	}
	sideScores(&c, "held-out sentences", sides)
	return c
}

func (a *app) printSentences(r *sentenceRun, report *distilledSentences) error {
	if _, err := fmt.Fprintf(a.stdout, "%s\nbefore: %s\nafter:  %s\n\n", report.line(), report.Before, report.After); err != nil {
		return err
	}
	table := cli.Table{Header: append(slices.Clone(sideHeader), "cosine", "overlap@10"), Right: []bool{false, true, true, true, true, true}}
	for _, path := range r.f.sts {
		table.Header, table.Right = append(table.Header, filepath.Base(path)), append(table.Right, true)
	}
	scores := []sentence.Score{{Cosine: 1, Overlap: 1}, report.After}
	for i, s := range report.Sides {
		row := append(s.cells(), fmt.Sprintf("%.4f", scores[i].Cosine), fmt.Sprintf("%.4f", scores[i].Overlap))
		for _, x := range s.Spearman {
			row = append(row, percent(x))
		}
		table.Rows = append(table.Rows, row)
	}
	return table.Write(a.stdout, a.out)
}
