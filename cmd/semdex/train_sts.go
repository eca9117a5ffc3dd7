package main

import (
	"context"
	"math"

	"github.com/spf13/cobra"

	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/sbert"
)

const trainSTSLong = `Train a sentence encoder on pairs with scores of similarity.

  --loss cosent  order the cosines of a batch's pairs by their scores (CoSENT)
  --loss mse     make the cosine the score, divided by the highest there is

Every batch is of one file, so that scores of different scales are never compared.
Pairs that stand in a development file are not trained on.`

const trainSTSExample = `  semdex train sts --model my-sbert --train stsb-en-train.csv,sts-train.tsv --dev stsb-en-dev.csv,sts-dev.tsv -o my-sts`

// trainSTSFlags are the flags of the verb train sts.
type trainSTSFlags struct {
	judgedFlags
	loss string
	top  float64
}

func (a *app) trainSTSCommand() *cobra.Command {
	var f trainSTSFlags
	c := &cobra.Command{
		Use: "sts [flags]", Short: "Train a sentence encoder on scored pairs",
		Long: trainSTSLong, Example: trainSTSExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainSTS(cmd.Context(), &f)
		},
	}
	f.add(c, train.Options{
		Epochs: 4, Plan: train.Plan{Tokens: 1 << 20, Examples: 64}, WarmupShare: 0.1, Clip: 1, EvalEvery: 100,
		Optimizer: train.AdamW{LR: 3e-5, WeightDecay: 0.01},
	})
	_ = c.Flags().MarkHidden("batch-tokens") // a batch is a number of pairs
	c.Flags().StringVar(&f.loss, "loss", string(sbert.CoSENT), "cosent or mse")
	c.Flags().Float64Var(&f.top, "top-score", 0, "the highest `score` of the files; 0: of each file its own")
	return verb(c, noArgs)
}

func (f *trainSTSFlags) parse(cmd *cobra.Command) error {
	if err := oneOf(cmd, "loss", f.loss, string(sbert.CoSENT), string(sbert.CosineMSE)); err != nil {
		return err
	}
	return f.judgedFlags.parse(cmd)
}

func (a *app) trainSTS(ctx context.Context, f *trainSTSFlags) error {
	r, err := a.openJudged(&f.judgedFlags, nli.Scores)
	if err != nil {
		return err
	}
	if len(r.labels) > 0 {
		return usageOfLabels(r.labels[0])
	}
	var sets []*sbert.Judged
	for _, d := range r.files {
		s, err := f.scored(r, d)
		if err != nil {
			return err
		}
		sets = append(sets, s)
	}
	task, err := r.judging(sbert.Objective(f.loss), sets)
	if err != nil {
		return err
	}
	return r.run(ctx, task, "sts", f.loss)
}

// scored reads the scores of a file on its own scale.
func (f *trainSTSFlags) scored(r *judgedRun, d *nli.Dataset) (*sbert.Judged, error) {
	top := f.top
	if top == 0 {
		top = math.Inf(1)
	}
	list, err := d.Scored(0, top)
	if err != nil {
		return nil, err
	}
	if f.top == 0 {
		top = 0
		for _, p := range list {
			top = max(top, p.Score)
		}
	}
	return sbert.NewScored(d.Path, r.net.Model().Tokenizer, list, top, f.tune.maxTokens)
}
