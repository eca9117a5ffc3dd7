package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/distill"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const modelCreateLong = `Write an untrained BERT or DistilBERT of any size, for semdex train mlm. Matrices
and tables are drawn from a normal distribution, biases are 0, LayerNorms 1 and 0.
With --dry-run nothing is written and only the parameters are counted.`

const modelCreateExample = `  semdex model create --arch bert --vocab vocab.txt --layers 12 --hidden 384 --heads 6 -o empty
  semdex model create --arch distilbert --vocab-size 119547 --dry-run`

// createFlags are the flags of the verb model create.
type createFlags struct {
	spec      distill.Spec
	vocab     string
	words     string
	wired     bool
	cased     bool
	out       string
	overwrite bool
	dryRun    bool
	asJSON    bool
}

func (a *app) modelCreateCommand() *cobra.Command {
	f := createFlags{spec: distill.Base(model.BERT)}
	s := &f.spec
	c := &cobra.Command{
		Use:     "create [flags]",
		Short:   "Make an untrained BERT or DistilBERT",
		Long:    modelCreateLong,
		Example: modelCreateExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.createModel(cmd.Context(), &f)
		},
	}
	flags := c.Flags()
	flags.StringVar((*string)(&s.Architecture), "arch", string(s.Architecture), "`kind`: bert or distilbert")
	flags.IntVar(&s.Layers, "layers", 0, "`layers` (default bert 12, distilbert 6)")
	flags.IntVar(&s.Hidden, "hidden", s.Hidden, "`width` of the hidden states")
	flags.IntVar(&s.Heads, "heads", 0, "attention `heads` (default hidden / 64)")
	flags.IntVar(&s.Intermediate, "intermediate", 0, "`width` of the feed-forward layers (default 4 x hidden)")
	flags.IntVar(&s.MaxPositions, "positions", s.MaxPositions, "longest input in `tokens`")
	flags.StringVar(&f.vocab, "vocab", "", "vocab.txt, builtin, or the `folder` of a model whose tokenizer is used")
	flags.StringVar(&f.words, "words", "", "`model` to take the word vectors of common tokens from, such as builtin")
	flags.BoolVar(&f.wired, "wired", false, "begin with attention to neighbours and to the same words in the other text of a pair; wants --arch bert and a static table for --words")
	flags.BoolVar(&f.cased, "cased", false, "vocab.txt is of a cased model")
	flags.IntVar(&s.VocabSize, "vocab-size", 0, "`rows` of the word table (default one per entry of the vocabulary)")
	flags.Float64Var(&s.InitRange, "init-range", s.InitRange, "standard `deviation` of the weights")
	flags.Float64Var(&s.Dropout, "dropout", s.Dropout, "`rate` of dropout in training")
	flags.Float64Var(&s.AttnDropout, "attention-dropout", s.AttnDropout, "`rate` of dropout on attention in training")
	flags.BoolVar(&s.Sinusoidal, "sinusoidal", false, "begin with sines for positions, from which attention to neighbours is learnt sooner")
	flags.Uint64Var(&s.Seed, "seed", s.Seed, "`seed` of the weights")
	flags.BoolVar(&s.Force, "force", false, "accept an --init-range with which nothing can be learnt")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the model to")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.BoolVar(&f.dryRun, "dry-run", false, "count the parameters and write nothing")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, noArgs)
}

func (f *createFlags) parse(cmd *cobra.Command) error {
	s := &f.spec
	if err := oneOf(cmd, "arch", string(s.Architecture), string(model.BERT), string(model.DistilBERT)); err != nil {
		return err
	}
	base := distill.Base(s.Architecture)
	if s.Layers == 0 {
		s.Layers = base.Layers
	}
	if s.Heads == 0 {
		s.Heads = max(1, s.Hidden/64)
	}
	if s.Intermediate == 0 {
		s.Intermediate = 4 * s.Hidden
	}
	switch {
	case f.vocab == "" && !f.dryRun:
		return usage(cmd, "model create: --vocab is missing")
	case f.vocab == "" && s.VocabSize == 0:
		return usage(cmd, "model create: --dry-run wants --vocab or --vocab-size")
	case f.out == "" && !f.dryRun:
		return usage(cmd, "model create: --out is missing")
	case f.wired && f.words == "":
		return usage(cmd, "model create: --wired wants --words")
	}
	return nil
}

// parameterCount is the size of a model.
type parameterCount struct {
	Model      string `json:"model,omitempty"`
	Encoder    int64  `json:"encoder"` // without BERT's pooler
	Pooler     int64  `json:"pooler,omitempty"`
	Embeddings int64  `json:"embeddings"` // of the encoder's
	QAHead     int64  `json:"qa_head"`    // if it becomes a span reader
	NLIHead    int64  `json:"nli_head"`   // if it becomes a classifier of 3 classes
}

func countParameters(s distill.Spec) parameterCount {
	h := int64(s.Hidden)
	p := parameterCount{
		Encoder: s.Parameters(), Embeddings: int64(s.VocabSize+s.MaxPositions)*h + 2*h,
		QAHead: 2*h + 2, NLIHead: 3*h + 3,
	}
	if s.Architecture == model.BERT {
		p.Pooler = h*h + h
		p.Encoder -= p.Pooler
		p.Embeddings += 2 * h
	} else {
		p.NLIHead += h*h + h // the layer that BERT has as its pooler
	}
	return p
}

func (a *app) createModel(ctx context.Context, f *createFlags) error {
	if f.vocab == "" {
		if err := f.spec.Check(f.spec.VocabSize); err != nil {
			return initHint(err)
		}
		return a.printCount(f, countParameters(f.spec))
	}
	tok, err := openTokenizer(f.vocab, f.cased)
	if err != nil {
		return err
	}
	if f.spec.VocabSize == 0 {
		f.spec.VocabSize = tok.Len()
	}
	if err := f.spec.Check(tok.Len()); err != nil {
		return initHint(err)
	}
	if f.dryRun {
		return a.printCount(f, countParameters(f.spec))
	}
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return err
	}
	m, err := distill.Create(tok, f.spec)
	if err != nil {
		return err
	}
	m.Name = titleOf(f.out)
	c := card.Card{Title: m.Name, Summary: "An untrained model: its vectors mean nothing yet."}
	switch {
	case f.wired:
		if m, err = a.wire(m, f.words); err != nil {
			return err
		}
		c.Set("word vectors", f.words)
		c.Set("attention", "begins with neighbours and with the same words in the other text")
	case f.words != "":
		taken, err := a.takeWords(m, f.words)
		if err != nil {
			return err
		}
		c.Set("word vectors", fmt.Sprintf("directions of %s from %s", count(taken, "token"), f.words))
	}
	c.Set("initializer range", f.spec.InitRange)
	c.Set("seed", f.spec.Seed)
	save := model.SaveOptions{DType: model.F32, Overwrite: f.overwrite, Card: c.Markdown()}
	if err := errors.Join(ctx.Err(), m.Save(f.out, save)); err != nil {
		return err
	}
	n := countParameters(f.spec)
	n.Model = f.out
	return a.printCount(f, n)
}

// takeWords begins with the word vectors of another model.
func (a *app) takeWords(m *model.Model, name string) (taken int, err error) {
	from, err := a.openNamed(name)
	if err != nil {
		return 0, err
	}
	defer a.close(from)
	if taken, err = distill.TakeWords(m, from); err != nil {
		return 0, fmt.Errorf("--words %s: %w", name, err)
	}
	a.note("%s with the word vectors of %s", count(taken, "token"), name)
	return taken, nil
}

// wire begins with the words of a static table, and with attention that knows
// where to look.
func (a *app) wire(m *model.Model, name string) (*model.Model, error) {
	from, err := a.openNamed(name)
	if err != nil {
		return nil, err
	}
	defer a.close(from)
	wired, err := distill.Wire(m, from)
	if err != nil {
		return nil, fmt.Errorf("--wired --words %s: %w", name, err)
	}
	return wired, nil
}

func initHint(err error) error {
	if errors.Is(err, distill.ErrInitRange) {
		return cli.WithHint(err, "--force makes it all the same")
	}
	return err
}

func (a *app) printCount(f *createFlags, p parameterCount) error {
	if f.asJSON {
		return a.printJSON(p)
	}
	line := fmt.Sprintf("%s parameters", progress.Count(p.Encoder))
	if p.Pooler > 0 {
		line += fmt.Sprintf(", %s more in the pooler", progress.Count(p.Pooler))
	}
	if p.Model != "" {
		line = p.Model + ": " + line
	}
	table := cli.Table{Right: []bool{false, true}, Rows: [][]string{
		{"embeddings", progress.Count(p.Embeddings)},
		{"layers", progress.Count(p.Encoder - p.Embeddings)},
		{"with a span head", progress.Count(p.Encoder + p.QAHead)},
		{"with a head of 3 classes", progress.Count(p.Encoder + p.Pooler + p.NLIHead)},
	}}
	if _, err := fmt.Fprintln(a.stdout, line); err != nil {
		return err
	}
	return table.Write(a.stdout, a.out)
}
