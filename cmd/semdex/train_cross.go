package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/train"
	"semdex/nli/cross"
)

const trainCrossLong = `Train a cross-encoder: it reads two texts together, [CLS] a [SEP] b [SEP], and
judges them. It is slower than comparing vectors and more exact: right for
classifying pairs, and for putting the best hits of a search in order.

  --task nli        a label: entailment, neutral or contradiction, or --classes
  --task sts        a similarity, 0 to 5 in the files (--top-score)
  --task relevance  whether a passage answers a query, 0 or 1

Labels are read by name; pairs that stand in a development file are not trained
on. Each evaluation scores every development file on its own and keeps the weights
with the best mean. The folder opens as a sequence classifier in transformers.`

const trainCrossExample = `  semdex train cross --task nli --model my-bert --train klue-nli-train.csv --dev klue-nli-dev.json -o my-nli
  semdex train cross --task sts --model my-bert --train sts-train.tsv --dev sts-dev.tsv -o my-sts
  semdex train cross --task relevance --model my-bert --train judged.jsonl --dev judged-dev.jsonl -o my-reranker`

// crossFlags are the flags of the verbs that train cross-encoders.
type crossFlags struct {
	runFlags
	labelledFlags
	train, dev []string
	maxTokens  int
}

func (f *crossFlags) add(c *cobra.Command) {
	f.runFlags.add(c, train.Options{
		Epochs: 3, Plan: train.Plan{Tokens: 4096, Examples: 32}, Optimizer: train.AdamW{LR: 2e-5, WeightDecay: 0.01},
		WarmupShare: 0.1, Clip: 1, EvalEvery: 1000, SaveEvery: 500,
	})
	f.labelledFlags.add(c)
	flags := c.Flags()
	flags.StringSliceVar(&f.train, "train", nil, "`files` to train on")
	flags.StringSliceVar(&f.dev, "dev", nil, "`files` that choose the weights to keep")
	flags.IntVar(&f.maxTokens, "max-tokens", 128, "longest input in `tokens`, both texts and special ones included")
}

func (f *crossFlags) parse(cmd *cobra.Command) error {
	if len(f.train) == 0 {
		return usage(cmd, "%s: --train is missing", cmd.Name())
	}
	if err := f.labelledFlags.parse(cmd); err != nil {
		return err
	}
	return f.runFlags.parse(cmd)
}

// trainCrossFlags are the flags of the verb train cross.
type trainCrossFlags struct {
	crossFlags
	task    string
	base    string
	classes []string
	top     float64
}

func (a *app) trainCrossCommand() *cobra.Command {
	var f trainCrossFlags
	c := &cobra.Command{
		Use: "cross [flags]", Short: "Train a cross-encoder on labelled or scored pairs",
		Long: trainCrossLong, Example: trainCrossExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainCross(cmd.Context(), &f)
		},
	}
	f.add(c)
	flags := c.Flags()
	flags.StringVar(&f.task, "task", "", "what to judge: nli, sts or relevance")
	flags.StringVar(&f.base, "model", "", "`model` to begin with: a folder, or a name on the hub that has been pulled")
	flags.StringSliceVar(&f.classes, "classes", nil, "`names` of the labels (default entailment,neutral,contradiction)")
	flags.Float64Var(&f.top, "top-score", 0, "the highest `score` of the files (default 5 for sts, 1 for relevance)")
	return verb(c, noArgs)
}

func (f *trainCrossFlags) parse(cmd *cobra.Command) error {
	if f.base == "" {
		return usage(cmd, "train cross: --model is missing")
	}
	if err := oneOf(cmd, "task", f.task, cross.Inference, cross.Similarity, cross.Relevance); err != nil {
		return err
	}
	if len(f.classes) > 0 && cross.Objective(f.task) != cross.Inference {
		return usage(cmd, "--classes are for --task nli")
	}
	if len(f.classes) == 1 {
		return usage(cmd, "--classes names one label, which leaves nothing to tell apart")
	}
	return f.crossFlags.parse(cmd)
}

func (a *app) trainCross(ctx context.Context, f *trainCrossFlags) error {
	base, err := a.openNamed(f.base)
	if err != nil {
		return err
	}
	defer a.close(base)
	j := &judged{objective: cross.Objective(f.task), top: f.top}
	if j.top == 0 {
		j.top = topScore(j.objective)
	}
	if j.objective == cross.Inference {
		j.labels = f.classNames(base)
	}
	data, err := a.readLabelled(&f.labelledFlags, j, f.train, f.dev)
	if err != nil {
		return err
	}
	labels := j.labels
	if labels == nil {
		labels = j.objective.Labels()
	}
	net, err := trainable.Classifier(base, labels, f.options.Seed)
	if err != nil {
		return err
	}
	if !net.Fresh {
		a.note("the model's own classifier is trained further")
	}
	r := &crossRun{app: a, net: net, data: data, workers: f.workers}
	task, err := r.task(&f.crossFlags)
	if err != nil {
		return err
	}
	c := card.Card{
		Title: titleOf(f.out), Base: f.base, Command: "semdex train cross --task " + f.task,
		Summary: map[cross.Objective]string{
			cross.Inference:  "A cross-encoder that classifies pairs of texts: " + strings.Join(labels, ", ") + ".",
			cross.Similarity: "A cross-encoder that scores how alike two texts are, 0 to 1.",
			cross.Relevance:  "A cross-encoder that scores how well a passage answers a query, 0 to 1: a reranker.",
		}[j.objective],
	}
	identity := fmt.Sprintf("cross %s %s %v %g from %s", f.task, strings.Join(f.train, ","), labels, j.top, base.Fingerprint())
	report, err := r.run(ctx, &f.crossFlags, task, identity, c)
	if err != nil {
		return err
	}
	return a.printCrossReport(report, f.asJSON)
}

// classNames are the labels asked for, in the order that the model has them if
// it knows them.
func (f *trainCrossFlags) classNames(base *model.Model) []string {
	labels := f.classes
	if len(labels) == 0 {
		labels = cross.Inference.Labels()
	}
	own := base.Labels()
	for _, l := range labels {
		if !slices.ContainsFunc(own, func(o string) bool { return strings.EqualFold(o, l) }) {
			return labels
		}
	}
	if len(own) == len(labels) {
		return own
	}
	return labels
}

// crossRun is a training of a cross-encoder.
type crossRun struct {
	app     *app
	net     *trainable.ClassifierModel
	data    *labelledData
	workers int
	latest  []*cross.Score
}

// crossReport is how a training of a cross-encoder ended.
type crossReport struct {
	*runReport
	Scores []crossResult `json:"scores"`
}

func (r *crossRun) task(f *crossFlags) (*cross.Task, error) {
	if positions := r.net.Encoder.Config.MaxPositions; f.maxTokens < 8 || f.maxTokens > positions {
		return nil, fmt.Errorf("--max-tokens is %d; the model takes 8 to %d", f.maxTokens, positions)
	}
	r.net.MaxTokens = f.maxTokens
	task, err := cross.NewTask(r.net, r.data.train, f.maxTokens)
	if err != nil {
		return nil, err
	}
	r.app.note("%s to train on; cut at %d tokens: %d", count(task.Len(), "pair"), f.maxTokens, task.Truncated)
	return task, nil
}

// run trains with evaluations, saves the best weights and measures the folder.
func (r *crossRun) run(ctx context.Context, f *crossFlags, task train.Task, identity string, c card.Card) (*crossReport, error) {
	a := r.app
	engine, err := a.trainEngine(&f.runFlags)
	if err != nil {
		return nil, err
	}
	measure := "score"
	if len(r.data.dev) > 0 {
		before, err := r.evaluate(ctx)
		if err != nil {
			return nil, err
		}
		measure, _ = r.latest[0].Value()
		a.note("before: %s %.4f (%s)", measure, before, r.detail())
		f.options.Evaluate = func(ctx context.Context, _ train.State) (float64, error) { return r.evaluate(ctx) }
		f.detail = r.detail
	} else {
		f.options.EvalEvery = 0
		a.warn("without --dev the last weights are kept, whatever they are worth")
	}
	trained, err := a.train(ctx, &f.runFlags, engine, task, measure, identity)
	if err != nil {
		return nil, err
	}
	report := &crossReport{runReport: trained}
	if len(r.data.dev) > 0 {
		if _, err := r.evaluate(ctx); err != nil {
			return nil, err
		}
	}
	c.Measure, c.Sources = measure, r.data.sources
	c.Set("inputs", fmt.Sprintf("at most %d tokens", f.maxTokens))
	for _, s := range r.latest {
		name, value := s.Value()
		c.Scores = append(c.Scores, card.Score{Set: s.Set, Measure: name, Value: percent(value)})
	}
	if err := a.saveRun(ctx, &f.runFlags, r.net.Model(), c, trained); err != nil {
		return nil, err
	}
	p, err := a.openPredictor(ctx, f.out, embed.Options{Workers: f.workers})
	if err != nil {
		return nil, err
	}
	defer a.close(p)
	report.Scores, err = a.scoreCross(ctx, p, r.data.train, r.data.dev)
	return report, err
}

// evaluate scores the weights of now on the development sets, each on its own,
// and gives the mean of what decides.
func (r *crossRun) evaluate(ctx context.Context) (float64, error) {
	p, err := embed.NewPredictor(r.net.Model(), embed.Options{Workers: r.workers})
	if err != nil {
		return 0, err
	}
	defer r.app.close(p)
	r.latest = r.latest[:0]
	var sum float64
	for _, s := range r.data.dev {
		score, err := cross.Evaluate(ctx, p, s)
		if err != nil {
			return 0, err
		}
		r.latest = append(r.latest, score)
		_, value := score.Value()
		sum += value
	}
	return sum / float64(len(r.data.dev)), nil
}

// detail names the sets of the latest evaluation.
func (r *crossRun) detail() string {
	var parts []string
	for _, s := range r.latest {
		name, value := s.Value()
		parts = append(parts, fmt.Sprintf("%s: %s %.4f, loss %.4f", titleOf(s.Set), name, value, s.Loss))
	}
	return strings.Join(parts, "; ")
}

func (a *app) printCrossReport(r *crossReport, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	if _, err := fmt.Fprintf(a.stdout, "%s: loss %.4f after %s\n", r.Model, r.Loss, count(r.Steps, "update")); err != nil {
		return err
	}
	return a.printCross(r.Scores)
}
