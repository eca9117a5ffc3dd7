package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/pairs"
	"semdex/nli/sbert"
)

const trainNLILong = `Train a sentence encoder on pairs with labels of natural language inference.

  --loss mnr      a premise learns to tell what follows from it from the other
                  hypotheses of the batch and from those that contradict it;
                  neutral pairs are left out
  --loss softmax  a linear layer over (u, v, |u - v|) learns the three labels;
                  it is no part of the model that is saved

Labels are read by name. Pairs that stand in a development file are not trained
on. Development files may hold scores (Spearman correlation of the cosine) or, with
--loss softmax, labels (accuracy); each counts on its own.`

const trainNLIExample = `  semdex train nli --model my-bert --train klue-nli-train.csv,snli/train --dev stsb-en-dev.csv,sts-dev.tsv -o my-sbert
  semdex train nli --loss softmax --model my-bert --train klue-nli-train.csv --dev klue-nli-v1.1_dev.json -o my-sbert`

// The losses of train nli.
const (
	lossRanking = "mnr"
	lossSoftmax = string(sbert.Softmax)
)

// trainNLIFlags are the flags of the verb train nli.
type trainNLIFlags struct {
	judgedFlags
	loss string
}

func (a *app) trainNLICommand() *cobra.Command {
	var f trainNLIFlags
	c := &cobra.Command{
		Use: "nli [flags]", Short: "Train a sentence encoder on labelled pairs",
		Long: trainNLILong, Example: trainNLIExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainNLI(cmd.Context(), &f)
		},
	}
	f.add(c, train.Options{
		Epochs: 1, Plan: train.Plan{Tokens: 12288, Examples: 128}, WarmupShare: 0.1, Clip: 1, EvalEvery: 250,
		Optimizer: train.AdamW{LR: 5e-5, WeightDecay: 0.01},
	})
	c.Flags().StringVar(&f.loss, "loss", lossRanking, "mnr or softmax")
	return verb(c, noArgs)
}

func (f *trainNLIFlags) parse(cmd *cobra.Command) error {
	if err := oneOf(cmd, "loss", f.loss, lossRanking, lossSoftmax); err != nil {
		return err
	}
	return f.judgedFlags.parse(cmd)
}

func (a *app) trainNLI(ctx context.Context, f *trainNLIFlags) error {
	r, err := a.openJudged(&f.judgedFlags, nli.Labels)
	if err != nil {
		return err
	}
	if len(r.labels) > 0 && f.loss == lossRanking {
		return usageOfLabels(r.labels[0])
	}
	var lists [][]nli.Inference
	for _, d := range r.files {
		list, err := d.Inferences(f.names)
		if err != nil {
			return cli.WithHint(err, "--labels LABEL=NAME gives a label another name, such as 0=entailment")
		}
		lists = append(lists, list)
	}
	var task train.Task
	if f.loss == lossRanking {
		task, err = f.ranking(ctx, r, lists)
	} else {
		task, err = f.softmax(r, lists)
	}
	if err != nil {
		return err
	}
	return r.run(ctx, task, "nli", f.loss)
}

func (f *trainNLIFlags) ranking(ctx context.Context, r *judgedRun, lists [][]nli.Inference) (train.Task, error) {
	var corpora []pairs.Inferences
	for i, list := range lists {
		corpora = append(corpora, pairs.Inferences{Name: r.files[i].Path, List: list})
	}
	data, err := pairs.Entailed(corpora...)
	if err != nil {
		return nil, fmt.Errorf("%w: no pair is labelled %s", err, nli.Entailment)
	}
	total := 0
	for _, s := range data.Sources {
		total += s.Len()
		for _, d := range r.files {
			if d.Path == s.Name {
				s.Weight *= r.factor(d)
			}
		}
	}
	corpus, err := sbert.NewCorpus(ctx, r.net.Model().Tokenizer, data, f.workers)
	if err != nil {
		return nil, err
	}
	task := &sbert.Ranking{
		Net: r.net.SentenceEncoder, Corpus: corpus, Batches: r.batches(total), Scale: f.tune.scale, Dims: f.tune.dims,
		Sizes: sbert.Sizes{Pairs: f.options.Plan.Examples, Tokens: f.options.Plan.Tokens, MaxTokens: f.tune.maxTokens},
		Chunk: f.tune.chunk, Seed: f.options.Seed,
	}
	return task, task.Prepare()
}

func (f *trainNLIFlags) softmax(r *judgedRun, lists [][]nli.Inference) (train.Task, error) {
	tok := r.net.Model().Tokenizer
	var sets []*sbert.Judged
	for i, list := range lists {
		s, err := sbert.NewClassified(r.files[i].Path, tok, list, f.tune.maxTokens)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
	}
	for _, d := range r.labels {
		list, err := d.Inferences(f.names)
		if err != nil {
			return nil, err
		}
		s, err := sbert.NewClassified(titleOf(d.Path), tok, list, f.tune.maxTokens)
		if err != nil {
			return nil, err
		}
		r.dev.labelled = append(r.dev.labelled, s)
	}
	task, err := r.judging(sbert.Softmax, sets)
	r.dev.head = task
	return task, err
}

// usageOfLabels says why a labelled file cannot choose.
func usageOfLabels(d *nli.Dataset) error {
	return cli.WithHint(fmt.Errorf("%s holds labels, and this training makes no classifier", d.Path),
		"give --dev files with scores, as semdex eval sts reads them")
}
