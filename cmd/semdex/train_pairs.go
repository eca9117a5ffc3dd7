package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/trainable"
	"semdex/internal/train"
	"semdex/nli/devset"
	"semdex/nli/pairs"
	"semdex/nli/sbert"
)

const trainPairsLong = `Train a sentence encoder on pairs of texts that belong together: each text
learns to tell its partner from the other texts of a batch (multiple negatives
ranking, InfoNCE).

It begins with a transformer (--model), or with a new one over a static table
(--from-static), which ranks texts as well as the table before the first step.
The pairs are those of train static. Development sets of the data folder choose
the weights that are kept; the score is the mean over similarity (Spearman),
retrieval (MRR@10) and translation (accuracy).`

const trainPairsExample = `  semdex train pairs --from-static builtin --data-dir corpora --out model
  semdex train pairs --model distilbert --pairs faq.tsv --steps 500 --out model`

// trainPairsFlags are the flags of the verb train pairs.
type trainPairsFlags struct {
	run     runFlags
	pairs   pairFlags
	base    string
	table   string
	spec    sbert.Spec
	tune    tuneFlags
	queries int
	docs    int
}

// pairFlags choose pairs of texts.
type pairFlags struct {
	options pairs.Options
	dataDir string
	weights []string
}

func (f *pairFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.dataDir, "data-dir", "", "`folder` of training corpora")
	flags.StringSliceVar(&f.options.Files, "pairs", nil, "`files` with pairs of your own")
	flags.StringSliceVar(&f.options.Wiki, "wiki", nil, "more Wikipedia `files` (JSON lines with id, title, text)")
	flags.StringSliceVar(&f.weights, "weight", nil, "`name=x` changes the weight of a source, 0 leaves it out")
}

func (f *pairFlags) parse(cmd *cobra.Command, seed uint64) error {
	if f.dataDir == "" && len(f.options.Files) == 0 {
		return usage(cmd, "train %s: there is nothing to train on: give --data-dir or --pairs", cmd.Name())
	}
	weights, err := namedWeights(cmd, f.weights)
	f.options.Weights, f.options.Seed = weights, seed
	return err
}

// namedWeights reads arguments of the form name=x.
func namedWeights(cmd *cobra.Command, list []string) (map[string]float64, error) {
	out := map[string]float64{}
	for _, w := range list {
		name, value, ok := strings.Cut(w, "=")
		x, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return nil, usage(cmd, "--weight %q is not of the form name=x", w)
		}
		out[name] = x
	}
	return out, nil
}

func (a *app) trainPairsCommand() *cobra.Command {
	var f trainPairsFlags
	c := &cobra.Command{
		Use: "pairs [flags]", Short: "Train a sentence encoder on pairs of texts",
		Long: trainPairsLong, Example: trainPairsExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainPairs(cmd.Context(), &f)
		},
	}
	f.run.add(c, train.Options{
		Steps: 2000, Plan: train.Plan{Tokens: 12288, Examples: 256}, WarmupShare: 0.1, Clip: 1, EvalEvery: 500,
		Optimizer: train.AdamW{LR: 3e-4, WeightDecay: 0.01},
	})
	f.pairs.add(c)
	f.tune.add(c, 128)
	f.tune.addScale(c)
	flags := c.Flags()
	flags.StringVar(&f.base, "model", "", "`model` to begin with: a folder, or a name on the hub that has been pulled")
	flags.StringVar(&f.table, "from-static", "", "static `model` to put a new transformer over: builtin, or a folder")
	flags.IntVar(&f.spec.Layers, "layers", 6, "`layers` of a new transformer")
	flags.IntVar(&f.spec.Heads, "heads", 8, "`heads` of a new transformer")
	flags.IntVar(&f.spec.Hidden, "hidden", 0, "`width` of a new transformer (default that of the table)")
	flags.IntVar(&f.spec.MaxPositions, "positions", 512, "longest `input` of a new transformer")
	flags.IntVar(&f.queries, "eval-queries", 250, "`queries` of each retrieval set that a development score takes; 0: all")
	flags.IntVar(&f.docs, "eval-documents", 1000, "`documents` of each retrieval set that a development score takes; 0: all")
	return verb(c, noArgs)
}

func (f *trainPairsFlags) parse(cmd *cobra.Command) error {
	if (f.base == "") == (f.table == "") {
		return usage(cmd, "train pairs: give either --model or --from-static")
	}
	if err := f.tune.parse(cmd); err != nil {
		return err
	}
	f.spec.Seed = f.run.options.Seed
	f.spec.Dropout = 0.1
	if err := f.pairs.parse(cmd, f.run.options.Seed); err != nil {
		return err
	}
	return f.run.parse(cmd)
}

func (a *app) trainPairs(ctx context.Context, f *trainPairsFlags) error {
	net, base, err := a.openPairsNet(f)
	if err != nil {
		return err
	}
	if a.verbose {
		f.pairs.options.Log = a.note
	}
	a.note("reading the pairs")
	data, err := pairs.Open(ctx, f.pairs.dataDir, f.pairs.options)
	if err != nil {
		return err
	}
	for _, name := range data.Missing {
		a.note("left out, not there: %s", name)
	}
	engine, err := a.trainEngine(&f.run)
	if err != nil {
		return err
	}
	task, err := f.task(ctx, net, data)
	if err != nil {
		return err
	}
	level, err := a.kernelLevel()
	if err != nil {
		return err
	}
	sets := devset.New(data.Dev, devset.Options{Queries: f.queries, Documents: f.docs, Level: level, Workers: f.run.workers})
	score := &sentenceDev{a: a, net: net, sets: sets, maxTokens: f.tune.maxTokens, workers: f.run.workers}
	if err := score.start(ctx, &f.run); err != nil {
		return err
	}
	f.tune.optimizer(&f.run.options.Optimizer)
	sizes := f.run.options.Plan
	f.run.options.Plan = sbert.Plan
	report, err := a.train(ctx, &f.run, engine, task, devMeasure, f.identity(sizes))
	f.run.options.Plan = sizes
	if err != nil {
		return err
	}
	c := f.card(base, data)
	if c.Scores, err = score.final(ctx, f.tune.dims); err != nil {
		return err
	}
	if err := a.saveRun(ctx, &f.run, net.Model(), c, report); err != nil {
		return err
	}
	return a.printRun(report, f.run.asJSON)
}

// openPairsNet opens what the training begins with, and names it.
func (a *app) openPairsNet(f *trainPairsFlags) (*trainable.SentenceModel, string, error) {
	if f.base != "" {
		m, err := a.openNamed(f.base)
		if err != nil {
			return nil, "", err
		}
		net, err := f.tune.open(m)
		return net, f.base, err
	}
	table, err := a.openNamed(f.table)
	if err != nil {
		return nil, "", err
	}
	m, err := sbert.FromStatic(table, f.spec)
	if err != nil {
		return nil, "", err
	}
	net, err := f.tune.open(m)
	return net, fmt.Sprintf("the static table %s under %d untrained layers", table.Name, f.spec.Layers), err
}

func (f *trainPairsFlags) task(ctx context.Context, net *trainable.SentenceModel, data *pairs.Data) (*sbert.Ranking, error) {
	corpus, err := sbert.NewCorpus(ctx, net.Model().Tokenizer, data, f.run.workers)
	if err != nil {
		return nil, err
	}
	o := &f.run.options
	task := &sbert.Ranking{
		Net: net.SentenceEncoder, Corpus: corpus, Batches: max(1, o.Steps*o.Accumulate), Scale: f.tune.scale, Dims: f.tune.dims, Chunk: f.tune.chunk,
		Sizes: sbert.Sizes{Pairs: o.Plan.Examples, Tokens: o.Plan.Tokens, MaxTokens: f.tune.maxTokens}, Seed: o.Seed,
	}
	return task, task.Prepare()
}

func (f *trainPairsFlags) identity(sizes train.Plan) string {
	return fmt.Sprintf("pairs %+v %s %s %+v %+v %v %v %s", f.spec, f.base, f.table, sizes, f.pairs.options.Files,
		f.pairs.options.Wiki, f.pairs.weights, f.tune.identity())
}

func (f *trainPairsFlags) card(base string, data *pairs.Data) card.Card {
	c := card.Card{
		Title: titleOf(f.run.out), Base: base, Command: "semdex train pairs", Measure: devMeasure,
		Summary: "A sentence encoder: texts are compared by the cosine of their vectors.",
		Limits:  "Long texts blur: split them into passages. Languages other than those of the training data are not covered.",
	}
	for _, s := range data.Sources {
		c.Sources = append(c.Sources, card.Source{Name: s.Name, Licence: s.Licence, Count: s.Len(), Unit: "pairs"})
	}
	f.tune.describe(&c)
	return c
}
