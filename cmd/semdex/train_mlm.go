package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill/mlm"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/train"
)

const trainMLMLong = `Train a BERT or DistilBERT to predict hidden tokens, from scratch (semdex model
create makes an untrained one) or from where it stands.

Text is packed into sequences of whole sentences of one document. In every pass
other tokens are hidden: of a share of the ordinary ones 80 % become [MASK], 10 %
any token, 10 % stay. The loss counts them alone.

Held-out text comes from --dev, from --dev-share, or both. Each evaluation prints
perplexity and accuracy on hidden tokens (15 % of them, always the same) beside
the perplexity that their frequencies alone would give; the best weights are
kept, by the loss. All text is held as token numbers, 4 bytes each;
--text-share reads less of it.`

const trainMLMExample = `  semdex model create --arch bert --layers 12 --hidden 384 --heads 6 --vocab vocab.txt -o empty
  semdex train mlm --model empty --text wiki-en.jsonl.gz,wiki-ko.jsonl.gz --dev-share 0.01 --epochs 1 -o teacher
  semdex train mlm --model my-model --text our-manuals.txt --dev-share 0.05 --lr 2e-5 -o adapted`

// mlmFlags are the flags of the verbs that train on hidden tokens.
type mlmFlags struct {
	runFlags
	corpus    corpusFlags
	devTokens int
	maxTokens int
	share     float64
	wholeWord bool
}

func (f *mlmFlags) add(c *cobra.Command) {
	f.corpus.add(c)
	flags := c.Flags()
	flags.IntVar(&f.devTokens, "dev-tokens", 20000, "`tokens` of each file to evaluate on, at most")
	flags.IntVar(&f.maxTokens, "max-tokens", 0, "longest sequence in `tokens` (default 128, or as many as the model has positions)")
	flags.Float64Var(&f.share, "mask", 0.15, "`share` of the tokens to hide")
	flags.BoolVar(&f.wholeWord, "whole-word", false, "hide all pieces of a word together")
	f.runFlags.add(c, train.Options{
		Epochs: 1, Plan: train.Plan{Tokens: 4096}, Optimizer: train.AdamW{LR: 5e-4, WeightDecay: 0.01},
		WarmupShare: 0.1, Clip: 1, EvalEvery: 500, SaveEvery: 500,
	})
}

func (f *mlmFlags) parse(cmd *cobra.Command) error {
	if err := f.corpus.parse(cmd, false); err != nil {
		return err
	}
	if f.devTokens < 1 {
		return usage(cmd, "--dev-tokens is %d", f.devTokens)
	}
	return f.runFlags.parse(cmd)
}

func (a *app) trainMLMCommand() *cobra.Command {
	var f mlmFlags
	var from string
	c := &cobra.Command{
		Use:     "mlm [flags]",
		Short:   "Pre-train an encoder on text, by hidden tokens",
		Long:    trainMLMLong,
		Example: trainMLMExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if from == "" {
				return usage(cmd, "train mlm: --model is missing")
			}
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainMLM(cmd.Context(), &f, from)
		},
	}
	c.Flags().StringVar(&from, "model", "", "`model` to begin with: a folder, or a name on the hub that has been pulled")
	f.add(c)
	return verb(c, noArgs)
}

// mlmReport is how a training on hidden tokens ended.
type mlmReport struct {
	*runReport
	Before []devScore `json:"before,omitempty"`
	After  []devScore `json:"after,omitempty"`
}

func (a *app) trainMLM(ctx context.Context, f *mlmFlags, from string) error {
	r, err := a.openMLM(ctx, f, from)
	if err != nil {
		return err
	}
	defer a.close(r.base)
	task := &mlm.Task{Net: r.net, Data: r.text.train, Masker: r.masker}
	report, err := a.runMLM(ctx, f, r, task, "mlm")
	if err != nil {
		return err
	}
	c := r.card(f, "semdex train mlm", from, report)
	c.Summary = "An encoder pre-trained by masked language modelling. It predicts hidden tokens; " +
		"as a sentence encoder it is a start for further training, not an end."
	if err := a.saveRun(ctx, &f.runFlags, r.net.Model(), c, report.runReport); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	return a.printMLM(report)
}

// mlmRun is what a training on hidden tokens works with.
type mlmRun struct {
	engine *train.Engine
	base   *model.Model
	net    *mlm.Net
	text   *mlmText
	masker *mlm.Masker // of training
	eval   *mlm.Masker
	latest mlm.Score
}

func (a *app) openMLM(ctx context.Context, f *mlmFlags, from string) (*mlmRun, error) {
	r := new(mlmRun)
	var err error
	if r.engine, err = a.trainEngine(&f.runFlags); err != nil {
		return nil, err
	}
	if r.base, err = a.openNamed(from); err != nil {
		return nil, err
	}
	if err := a.prepareMLM(ctx, f, r); err != nil {
		a.close(r.base)
		return nil, err
	}
	return r, nil
}

func (a *app) prepareMLM(ctx context.Context, f *mlmFlags, r *mlmRun) (err error) {
	if r.net, err = mlm.Open(r.base, f.options.Seed); err != nil {
		return err
	}
	if f.maxTokens, err = longestSequence(f.maxTokens, r.base); err != nil {
		return err
	}
	tok := r.base.Tokenizer
	if r.masker, err = mlm.NewMasker(tok, f.share, f.wholeWord); err != nil {
		return err
	}
	if r.eval, err = mlm.NewMasker(tok, evalShare, f.wholeWord); err != nil {
		return err
	}
	if r.text, err = a.readMLM(ctx, f, tok); err != nil {
		return err
	}
	a.note("%s in %s to train on", count(r.text.train.Tokens(), "token"), count(r.text.train.Len(), "sequence"))
	if r.net.FreshHead {
		r.net.Prior(r.text.train)
	}
	return r.text.check(&f.options)
}

// longestSequence is the longest sequence to train on.
func longestSequence(asked int, m *model.Model) (int, error) {
	most := m.Config.MaxPositions
	switch {
	case asked > most || asked < 0:
		return 0, fmt.Errorf("--max-tokens is %d, the model has %d positions", asked, most)
	case asked == 0:
		return min(128, most), nil
	}
	return asked, nil
}

// openNamed reads a model that is to be trained.
func (a *app) openNamed(name string) (*model.Model, error) {
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	return openModel(name, dir)
}

// runMLM trains with evaluations before, during and after.
func (a *app) runMLM(ctx context.Context, f *mlmFlags, r *mlmRun, task *mlm.Task, identity string) (*mlmReport, error) {
	report := new(mlmReport)
	if len(r.text.dev) > 0 {
		var err error
		if report.Before, r.latest, err = r.score(ctx); err != nil {
			return nil, err
		}
		a.note("before: %s; frequencies alone: %.2f", r.latest, r.latest.UnigramPerplexity())
		f.options.Evaluate = func(ctx context.Context, _ train.State) (float64, error) {
			_, s, err := r.score(ctx)
			r.latest = s
			return -s.Loss, err
		}
		f.detail = func() string {
			return fmt.Sprintf("%s; frequencies alone: %.2f", r.latest, r.latest.UnigramPerplexity())
		}
	}
	identity += fmt.Sprintf(" on %s, mask %g, whole words %t, from %s, dropout %g", r.text.train.Fingerprint(),
		f.share, f.wholeWord, r.base.Fingerprint(), r.base.Config.Dropout)
	var err error
	report.runReport, err = a.train(ctx, &f.runFlags, r.engine, task, "minus loss", identity)
	if err != nil || len(r.text.dev) == 0 {
		return report, err
	}
	report.After, r.latest, err = r.score(ctx)
	return report, err
}

func (r *mlmRun) score(ctx context.Context) ([]devScore, mlm.Score, error) {
	return r.text.evaluate(ctx, r.engine, r.net, r.eval)
}

// card describes the run; the caller adds the summary.
func (r *mlmRun) card(f *mlmFlags, command, base string, report *mlmReport) card.Card {
	c := card.Card{Title: titleOf(f.out), Command: command, Base: base, Sources: r.text.sources, Measure: "minus loss on hidden tokens"}
	c.Set("longest sequence", fmt.Sprintf("%d tokens", f.maxTokens))
	c.Set("hidden tokens", fmt.Sprintf("%g, whole words %t", f.share, f.wholeWord))
	for i, s := range report.After {
		c.Scores = append(c.Scores,
			card.Score{Set: s.Set, Measure: "perplexity of hidden tokens", Value: fmt.Sprintf("%.2f (before %.2f, frequencies alone %.2f)",
				s.Perplexity, report.Before[i].Perplexity, s.UnigramPerplexity())},
			card.Score{Set: s.Set, Measure: "accuracy on hidden tokens", Value: fmt.Sprintf("%.4f", s.Accuracy)})
	}
	return c
}

func (a *app) printMLM(r *mlmReport) error {
	if _, err := fmt.Fprintln(a.stdout, r.line()); err != nil || len(r.After) == 0 {
		return err
	}
	table := cli.Table{
		Header: []string{"held out", "hidden tokens", "frequencies alone", "before", "perplexity", "accuracy"},
		Right:  []bool{false, true, true, true, true, true},
	}
	for i, s := range r.After {
		table.Rows = append(table.Rows, []string{
			s.Set, progress.Count(int64(s.Tokens)), fmt.Sprintf("%.2f", s.UnigramPerplexity()),
			fmt.Sprintf("%.2f", r.Before[i].Perplexity), fmt.Sprintf("%.2f", s.Perplexity), percent(s.Accuracy),
		})
	}
	return table.Write(a.stdout, a.out)
}

// line says in a line how a run ended.
func (r *runReport) line() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: loss %.3f after %s of %s tokens", r.Model, r.Loss, count(r.Steps, "update"), progress.Count(r.Tokens))
	if r.Stopped {
		b.WriteString(", stopped early")
	}
	if r.Best != nil {
		fmt.Fprintf(&b, "; kept: update %s", progress.Count(int64(r.BestStep)))
	}
	return b.String()
}
