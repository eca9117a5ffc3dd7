package main

import (
	"context"
	"fmt"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/trainable"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/devset"
	"semdex/nli/pairs"
	"semdex/nli/sbert"
)

// judgedFlags are the flags of the verbs that train sentence encoders on pairs
// that people have judged.
type judgedFlags struct {
	runFlags
	labelledFlags
	tune       tuneFlags
	base       string
	train, dev []string
	weights    []string

	weight map[string]float64 // read from weights
}

func (f *judgedFlags) add(c *cobra.Command, d train.Options) {
	f.runFlags.add(c, d)
	f.labelledFlags.add(c)
	f.tune.add(c, 128)
	f.tune.addScale(c)
	flags := c.Flags()
	flags.StringVar(&f.base, "model", "", "`model` to begin with: a folder, or a name on the hub that has been pulled")
	flags.StringSliceVar(&f.train, "train", nil, "`files` to train on")
	flags.StringSliceVar(&f.dev, "dev", nil, "`files` of scored or labelled pairs that choose the weights to keep")
	flags.StringSliceVar(&f.weights, "weight", nil, "`file=x` draws batches of a file x times as often as its length says")
}

func (f *judgedFlags) parse(cmd *cobra.Command) (err error) {
	switch {
	case f.base == "":
		return usage(cmd, "train %s: --model is missing", cmd.Name())
	case len(f.train) == 0:
		return usage(cmd, "train %s: --train is missing", cmd.Name())
	case f.options.Plan.Examples < 1:
		return usage(cmd, "train %s: --batch is missing", cmd.Name())
	}
	if f.weight, err = namedWeights(cmd, f.weights); err != nil {
		return err
	}
	for name, x := range f.weight {
		if !(x > 0) {
			return usage(cmd, "--weight %s=%g is not positive", name, x)
		}
	}
	if err := f.labelledFlags.parse(cmd); err != nil {
		return err
	}
	if err := f.tune.parse(cmd); err != nil {
		return err
	}
	return f.runFlags.parse(cmd)
}

// judgedRun is a training on judged pairs.
type judgedRun struct {
	app    *app
	f      *judgedFlags
	net    *trainable.SentenceModel
	engine *train.Engine
	dev    sentenceDev
	files  []*nli.Dataset // to train on
	labels []*nli.Dataset // to develop on
	card   card.Card
	base   string // the fingerprint of the model that it begins with
}

// openJudged opens the model and the files. Pairs that stand in a development
// file, or twice in a training file, are not trained on.
func (a *app) openJudged(f *judgedFlags, kind nli.Kind) (*judgedRun, error) {
	base, err := a.openNamed(f.base)
	if err != nil {
		return nil, err
	}
	defer a.close(base)
	r := &judgedRun{app: a, f: f, base: base.Fingerprint()}
	if r.net, err = f.tune.open(base); err != nil {
		return nil, err
	}
	if positions := r.net.Encoder.Config.MaxPositions; f.tune.maxTokens < 3 || f.tune.maxTokens > positions {
		return nil, fmt.Errorf("--max-tokens is %d; the model takes 3 to %d", f.tune.maxTokens, positions)
	}
	if r.engine, err = a.trainEngine(&f.runFlags); err != nil {
		return nil, err
	}
	held, err := f.readAll(f.dev, nli.Any)
	if err != nil {
		return nil, err
	}
	if err := r.develop(held); err != nil {
		return nil, err
	}
	files, err := f.readAll(f.train, kind)
	if err != nil {
		return nil, err
	}
	for _, d := range files {
		rest, leaks, duplicates := d.Without(held...)
		if leaks > 0 {
			a.warn("%s: left out %s of the development files", d.Path, count(leaks, "pair"))
		}
		if duplicates > 0 {
			a.note("%s: left out %s that stood before", d.Path, count(duplicates, "pair"))
		}
		r.files = append(r.files, rest)
		r.card.Sources = append(r.card.Sources, card.Source{Name: d.Path, Count: len(rest.Rows), Unit: "pairs"})
	}
	return r, r.checkWeights()
}

// develop sorts the development files into scored and labelled ones.
func (r *judgedRun) develop(held []*nli.Dataset) error {
	level, err := r.app.kernelLevel()
	if err != nil {
		return err
	}
	var dev pairs.Dev
	for _, d := range held {
		if _, err := d.Classes(nli.LabelNames(), r.f.names); err == nil {
			r.labels = append(r.labels, d)
			continue
		}
		list, err := d.Scored(math.Inf(-1), math.Inf(1))
		if err != nil {
			return err
		}
		dev.STS = append(dev.STS, pairs.STSSet{Name: titleOf(d.Path), Pairs: list})
	}
	r.dev = sentenceDev{
		a: r.app, net: r.net, maxTokens: r.f.tune.maxTokens, workers: r.f.workers, engine: r.engine,
		sets: devset.New(dev, devset.Options{Level: level, Workers: r.f.workers}),
	}
	return nil
}

// factor is how much more often a file is drawn than its length says.
func (r *judgedRun) factor(d *nli.Dataset) float64 {
	if x, ok := r.f.weight[filepath.Base(d.Path)]; ok {
		return x
	}
	return 1
}

// checkWeights refuses weights of files that are not there.
func (r *judgedRun) checkWeights() error {
	for name := range r.f.weight {
		known := false
		for _, d := range r.files {
			known = known || filepath.Base(d.Path) == name
		}
		if !known {
			return fmt.Errorf("--weight %s names none of the training files", name)
		}
	}
	return nil
}

// batches is the number of batches of the run, of a task with so many pairs.
func (r *judgedRun) batches(pairs int) int {
	o := &r.f.options
	if o.Steps == 0 {
		size := o.Plan.Examples * o.Accumulate
		o.Steps = max(1, o.Epochs) * max(1, (pairs+size-1)/size)
	}
	o.Epochs = 0
	return max(1, o.Steps*o.Accumulate)
}

// judging is a task over the sets.
func (r *judgedRun) judging(objective sbert.Objective, sets []*sbert.Judged) (*sbert.Judging, error) {
	total := 0
	for i, s := range sets {
		s.Weight *= r.factor(r.files[i])
		total += s.Len()
	}
	f := r.f
	task := &sbert.Judging{
		Net: r.net.SentenceEncoder, Objective: objective, Sets: sets, Batches: r.batches(total), Pairs: f.options.Plan.Examples,
		Scale: f.tune.scale, Dims: f.tune.dims, Chunk: f.tune.chunk, Seed: f.options.Seed,
	}
	return task, task.Prepare()
}

// run trains, keeps the best weights and saves them.
func (r *judgedRun) run(ctx context.Context, task train.Task, verb, loss string) error {
	a, f := r.app, r.f
	if err := r.dev.start(ctx, &f.runFlags); err != nil {
		return err
	}
	if f.options.Evaluate == nil {
		a.warn("without --dev the last weights are kept, whatever they are worth")
	}
	f.tune.optimizer(&f.options.Optimizer)
	sizes := f.options.Plan
	f.options.Plan = sbert.Plan
	identity := fmt.Sprintf("%s %s %v %+v %v %s from %s", verb, loss, f.train, sizes, f.weight, f.tune.identity(), r.base)
	report, err := a.train(ctx, &f.runFlags, r.engine, task, devMeasure, identity)
	f.options.Plan = sizes
	if err != nil {
		return err
	}
	c := &r.card
	c.Title, c.Base, c.Command, c.Measure = titleOf(f.out), f.base, "semdex train "+verb+" --loss "+loss, devMeasure
	c.Summary = "A sentence encoder: texts are compared by the cosine of their vectors."
	f.tune.describe(c)
	if c.Scores, err = r.dev.final(ctx, f.tune.dims); err != nil {
		return err
	}
	if err := a.saveRun(ctx, &f.runFlags, r.net.Model(), *c, report); err != nil {
		return err
	}
	return a.printRun(report, f.asJSON)
}
