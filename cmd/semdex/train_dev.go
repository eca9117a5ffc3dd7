package main

import (
	"context"
	"slices"
	"strconv"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/trainable"
	"semdex/internal/cli"
	"semdex/internal/kernel"
	"semdex/internal/train"
	"semdex/nli/devset"
	"semdex/nli/sbert"
)

// devMeasure is what trainings of sentence encoders maximise.
const devMeasure = "development score"

// sentenceDev scores a sentence encoder under training on development sets.
type sentenceDev struct {
	a         *app
	net       *trainable.SentenceModel
	sets      *devset.Sets
	maxTokens int
	workers   int
	latest    []devset.Score

	// With labelled sets, the accuracy of a head counts as well.
	head     *sbert.Judging
	labelled []*sbert.Judged
	engine   *train.Engine
}

func (d *sentenceDev) empty() bool { return d.sets.Empty() && len(d.labelled) == 0 }

// start sets the run's Evaluate and shows where the training begins. Without
// development sets it does neither.
func (d *sentenceDev) start(ctx context.Context, f *runFlags) error {
	if d.empty() {
		f.options.EvalEvery = 0
		return nil
	}
	f.options.Evaluate = func(ctx context.Context, _ train.State) (float64, error) { return d.score(ctx) }
	f.detail = func() string { return devset.Format(d.latest) }
	before, err := d.score(ctx)
	if err == nil {
		d.a.note("before: %s %.4f; %s", devMeasure, before, f.detail())
	}
	return err
}

// score scores every set and gives their mean.
func (d *sentenceDev) score(ctx context.Context) (float64, error) {
	var err error
	d.latest, err = d.scores(ctx)
	return devset.Mean(d.latest), err
}

func (d *sentenceDev) scores(ctx context.Context, widths ...int) ([]devset.Score, error) {
	list, err := sbert.Score(ctx, d.net.Model(), d.sets, d.maxTokens, d.workers, widths...)
	if err != nil {
		return nil, err
	}
	for _, s := range d.labelled {
		accuracy, err := d.head.Accuracy(d.engine, s)
		if err != nil {
			return nil, err
		}
		list = append(list, devset.Score{Set: s.Name, Measure: devset.Accuracy, Dims: d.net.Dims(), Value: accuracy})
	}
	return list, nil
}

// final gives the scores of the weights of now at all widths.
func (d *sentenceDev) final(ctx context.Context, dims []int) ([]card.Score, error) {
	if d.empty() {
		return nil, nil
	}
	scores, err := d.scores(ctx, widthsOf(d.net.Dims(), dims)...)
	if err != nil {
		return nil, err
	}
	out := make([]card.Score, len(scores))
	for i, s := range scores {
		out[i] = card.Score{Set: s.Set, Measure: s.Measure + ", " + strconv.Itoa(s.Dims) + " dims", Value: percent(s.Value)}
	}
	return out, nil
}

// kernelLevel is the instruction level, as the environment asks for it.
func (a *app) kernelLevel() (kernel.Level, error) {
	return kernel.Choose(cli.Getenv(a.env, kernel.EnvLevel))
}

// widthsOf are the widths to score, the widest first.
func widthsOf(full int, dims []int) []int {
	list := slices.Clone(dims)
	if !slices.Contains(list, full) {
		list = append(list, full)
	}
	slices.SortFunc(list, func(a, b int) int { return b - a })
	return list
}
