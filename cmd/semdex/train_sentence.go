package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/progress"
	"semdex/internal/train"
)

// tuneFlags are what trainings of sentence encoders share.
type tuneFlags struct {
	maxTokens   int
	dims        []int
	scale       float64
	dropout     float64
	embeddingLR float64
	pooling     string
	chunk       int
}

func (f *tuneFlags) add(c *cobra.Command, maxTokens int) {
	flags := c.Flags()
	flags.IntVar(&f.maxTokens, "max-tokens", maxTokens, "`tokens` at which texts are cut, special ones included")
	flags.IntSliceVar(&f.dims, "dims", nil, "leading `widths` that are trained to work alone (Matryoshka), the full one among them")
	flags.Float64Var(&f.dropout, "dropout", -1, "dropout `rate`; below 0: the model's own")
	addWordRate(flags, &f.embeddingLR)
	flags.IntVar(&f.chunk, "chunk-tokens", 0, "`tokens` that go through the encoder at a time, to save memory at the cost of a second pass; 0: a whole batch")
	flags.StringVar(&f.pooling, "pooling", "", "how states become a vector: mean, cls or max (default the model's)")
}

func addWordRate(flags *pflag.FlagSet, lr *float64) {
	flags.Float64Var(lr, "embedding-lr", 0, "peak learning `rate` of the word table; 0: that of all")
}

func (f *tuneFlags) addScale(c *cobra.Command) {
	c.Flags().Float64Var(&f.scale, "scale", 20, "`factor` of the cosine in the softmax")
}

func (f *tuneFlags) parse(cmd *cobra.Command) error {
	if f.chunk < 0 {
		return usage(cmd, "--chunk-tokens is %d", f.chunk)
	}
	if f.dropout >= 1 {
		return usage(cmd, "--dropout %g leaves nothing", f.dropout)
	}
	if f.pooling != "" {
		return oneOf(cmd, "pooling", f.pooling, "mean", "cls", "max")
	}
	return nil
}

// open makes parameters of a model, with the settings of the flags.
func (f *tuneFlags) open(m *model.Model) (*trainable.SentenceModel, error) {
	if f.pooling != "" {
		m.Pooling = model.PoolingMode(f.pooling)
	}
	if f.dropout >= 0 {
		m.Config.Dropout, m.Config.AttentionDropout = f.dropout, f.dropout
	}
	return trainable.Sentence(m)
}

const wordTable = "embeddings.word_embeddings.weight"

func (f *tuneFlags) optimizer(o *train.AdamW) { wordRate(o, f.embeddingLR) }

// wordRate gives the word table its own rate, unless that is 0.
func wordRate(o *train.AdamW, lr float64) {
	if lr <= 0 {
		return
	}
	factor := lr / o.LR
	o.Rate = func(name string) float64 {
		if name == wordTable {
			return factor
		}
		return 1
	}
}

// identity is what the flags say about the curve of a run.
func (f *tuneFlags) identity() string { return fmt.Sprintf("%+v", *f) }

func (f *tuneFlags) describe(c *card.Card) {
	c.Set("texts", fmt.Sprintf("cut at %d tokens", f.maxTokens))
	if len(f.dims) > 0 {
		c.Set("Matryoshka dims", f.dims)
	}
	if f.scale > 0 {
		c.Set("scale of the cosine", f.scale)
	}
	if f.embeddingLR > 0 {
		c.Set("rate of the word table", f.embeddingLR)
	}
}

func (a *app) printRun(r *runReport, asJSON bool) error {
	if asJSON {
		return a.printJSON(r)
	}
	line := fmt.Sprintf("%s: loss %.4f after %s updates", r.Model, r.Loss, progress.Count(int64(r.Steps)))
	if r.Best != nil {
		line += fmt.Sprintf(", development score %.4f at %s", *r.Best, progress.Count(int64(r.BestStep)))
	}
	_, err := fmt.Fprintln(a.stdout, line)
	return err
}
