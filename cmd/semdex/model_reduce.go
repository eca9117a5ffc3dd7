package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/reduce"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const modelReduceLong = `Write a model whose vectors are shorter: the first principal components of the
vectors that it gives for the sentences of --text. They are stored as a Dense
module after pooling, which sentence-transformers runs as well; the rest of the
model stays as it is.

Beside the model, recall@10 on sentences that were held out is printed: how many of
a sentence's ten nearest neighbours are still among its ten nearest. The same for
the plain first dimensions shows whether the module is worth it: models trained for
short vectors (Matryoshka) may be cut without one. There is no random projection:
it loses more than either.`

const modelReduceExample = `  semdex model reduce my-model --dims 128 --text corpus.jsonl -o my-model-128
  semdex model reduce builtin --dims 64 --no-center --text ko.txt,en.txt -o small`

// reduceFlags are the flags of the verb model reduce.
type reduceFlags struct {
	dims      int
	method    string
	text      []string
	encoding  string
	texts     int
	held      int
	noCenter  bool
	workers   int
	out       string
	overwrite bool
	asJSON    bool
}

func (a *app) modelReduceCommand() *cobra.Command {
	var f reduceFlags
	c := &cobra.Command{
		Use: "reduce [flags] MODEL", Short: "Make a model with shorter vectors",
		Long: modelReduceLong, Example: modelReduceExample,
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			report, err := a.reduceModel(cmd.Context(), names[0], &f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(report)
			}
			return a.printReduction(report)
		},
	}
	flags := c.Flags()
	flags.IntVar(&f.dims, "dims", 128, "`width` of the new vectors")
	flags.StringVar(&f.method, "method", "pca", "`how`: pca, the principal components of --text")
	flags.StringSliceVar(&f.text, "text", nil, "`files` whose sentences are encoded: JSON lines, or text with empty lines between documents; .gz and .zst, too")
	flags.StringVar(&f.encoding, "encoding", "", "`name` of the text encoding, such as cp949 (default found out)")
	flags.IntVar(&f.texts, "texts", 20000, "`sentences` to fit on, about as many of each file")
	flags.IntVar(&f.held, "held-out", 1000, "`sentences` to hold out and measure recall on, at most a fifth of all")
	flags.BoolVar(&f.noCenter, "no-center", false, "keep the origin: fit directions alone, and no bias")
	flags.IntVar(&f.workers, "workers", 0, "`threads` that encode (default one per processor)")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the model to")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "a model"))
}

func (f *reduceFlags) parse(cmd *cobra.Command) error {
	switch {
	case f.out == "":
		return usage(cmd, "model reduce: --out is missing")
	case len(f.text) == 0:
		return usage(cmd, "model reduce: --text is missing")
	case f.dims < 1:
		return usage(cmd, "--dims is %d", f.dims)
	case f.held <= neighbours:
		return usage(cmd, "--held-out is %d; recall@%d needs more", f.held, neighbours)
	case f.texts < reduce.TextsPerDim*f.dims:
		return usage(cmd, "--texts is %d; %d dimensions want %d or more", f.texts, f.dims, reduce.TextsPerDim*f.dims)
	}
	return oneOf(cmd, "method", f.method, "pca")
}

// neighbours is the k of the recall that is reported.
const neighbours = 10

// reduction is a model made shorter.
type reduction struct {
	Model     string  `json:"model"`
	Base      string  `json:"base"`
	Method    string  `json:"method"`
	Centered  bool    `json:"centered"`
	Dims      int     `json:"dims"`
	FullDims  int     `json:"full_dims"`
	Rank      int     `json:"rank"` // of the vectors of the texts
	Texts     int     `json:"texts"`
	HeldOut   int     `json:"held_out"`
	Explained float64 `json:"explained"` // share of the variance
	Recall    float64 `json:"recall@10"`
	Truncated float64 `json:"recall@10_truncated"` // of the plain first dimensions
}

func (a *app) reduceModel(ctx context.Context, name string, f *reduceFlags) (*reduction, error) {
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return nil, err
	}
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if same, err := samePath(dir, f.out); err != nil || same {
		return nil, errors.Join(err, fmt.Errorf("%s is the model itself; write to another folder", f.out))
	}
	fit, held, err := a.readReduceText(ctx, f)
	if err != nil {
		return nil, err
	}
	r := &reduction{Model: f.out, Method: f.method, Centered: !f.noCenter, Dims: f.dims, Texts: len(fit), HeldOut: len(held)}
	full, pca, err := a.fitReduction(ctx, name, f, r, fit, held)
	if err != nil {
		return nil, err
	}
	dense, err := pca.Dense(f.dims)
	if err != nil {
		return nil, cli.WithHint(err, "more and more varied texts span more dimensions; --texts bounds how many are read")
	}
	m, err := openModel(name, dir)
	if err != nil {
		return nil, err
	}
	return r, a.saveReduced(ctx, m, dense, f, r, full, held)
}

// fitReduction encodes the texts with the model as it is. It gives the vectors of
// those held out.
func (a *app) fitReduction(ctx context.Context, name string, f *reduceFlags, r *reduction, fit, held []string) ([][]float32, *reduce.PCA, error) {
	e, err := a.openEncoderWith(ctx, name, embed.Options{Workers: f.workers})
	if err != nil {
		return nil, nil, err
	}
	defer a.close(e)
	info, err := e.Info()
	if err != nil {
		return nil, nil, err
	}
	r.Base, r.FullDims = e.Name(), info.FullDims
	if f.dims >= info.FullDims {
		return nil, nil, fmt.Errorf("%w: %d asked for, the vectors of %s have %d", reduce.ErrDims, f.dims, e.Name(), info.FullDims)
	}
	vectors, err := a.encodeRaw(ctx, e, slices.Concat(fit, held))
	if err != nil {
		return nil, nil, err
	}
	a.note("fitting %d dimensions on %s", info.FullDims, count(len(fit), "sentence"))
	pca, err := reduce.Fit(ctx, vectors[:len(fit)], reduce.Options{Center: r.Centered})
	if err != nil {
		return nil, nil, err
	}
	r.Rank, r.Explained = pca.Rank(), pca.Explained(f.dims)
	return vectors[len(fit):], pca, nil
}

// rawPerCall is how many texts are encoded between two looks at the bar.
const rawPerCall = 512

// encodeRaw gives all dimensions of vectors as Dense modules see them.
func (a *app) encodeRaw(ctx context.Context, e *textEncoder, texts []string) ([][]float32, error) {
	info, err := e.Info()
	if err != nil {
		return nil, err
	}
	var done atomic.Int64
	bar := a.progress("encoding by "+e.Name(), func() progress.State { return progress.State{Done: done.Load(), Total: int64(len(texts))} })
	defer bar.Stop()
	out := make([][]float32, 0, len(texts))
	for len(out) < len(texts) {
		part := texts[len(out):min(len(out)+rawPerCall, len(texts))]
		encoded, err := e.Encode(ctx, part, embed.EncodeOptions{PromptName: e.passage, Raw: true, Dims: info.FullDims})
		if err != nil {
			return nil, err
		}
		out = append(out, encoded.Vectors...)
		done.Store(int64(len(out)))
	}
	return out, nil
}

// saveReduced measures m with the module behind it, stores it, and closes it. full
// are the vectors of the held-out texts without the module.
func (a *app) saveReduced(ctx context.Context, m *model.Model, dense model.Dense, f *reduceFlags, r *reduction, full [][]float32, held []string) error {
	m.Dense = append(m.Dense, dense)
	m.TruncateDim = 0
	m.Name = titleOf(f.out)
	e, err := embed.FromModel(m, embed.Options{Workers: f.workers})
	if err != nil {
		return errors.Join(err, m.Close())
	}
	defer a.close(e)
	short, err := a.encodeRaw(ctx, &textEncoder{Model: e, passage: firstKey(m.Prompts, "passage", "document")}, held)
	if err != nil {
		return err
	}
	if r.Recall, err = reduce.Recall(ctx, full, short, neighbours); err != nil {
		return err
	}
	cut := make([][]float32, len(full))
	for i, v := range full {
		cut[i] = v[:f.dims]
	}
	if r.Truncated, err = reduce.Recall(ctx, full, cut, neighbours); err != nil {
		return err
	}
	if err := m.Save(f.out, model.SaveOptions{Overwrite: f.overwrite, Card: r.card(m)}); err != nil {
		return err
	}
	return a.writeGolden(ctx, f.out)
}

// card is the model's card with a section about the reduction.
func (r *reduction) card(m *model.Model) string {
	text := m.Card
	if text == "" {
		c := card.Card{Title: m.Name, Summary: fmt.Sprintf("%s with vectors of %d dimensions.", r.Base, r.Dims)}
		text = c.Markdown()
	}
	origin := "about their mean (bias -W mean)"
	if !r.Centered {
		origin = "of directions through the origin (no bias)"
	}
	return strings.TrimRight(text, "\n") + fmt.Sprintf(`

## Reduction

Made from %s with `+"`semdex model reduce`"+`: a Dense module keeps the first %d of %d
principal components %s, fitted on the vectors of
%s sentences. They hold %s %% of the variance. Any scores above are of the full
vectors. Of a sentence's ten nearest neighbours among %s held-out ones by the full
vectors, %s %% are among its ten nearest by these, and %s %% by the first %d
dimensions of the full ones.
`, r.Base, r.Dims, r.FullDims, origin, progress.Count(int64(r.Texts)), percent(r.Explained),
		progress.Count(int64(r.HeldOut)), percent(r.Recall), percent(r.Truncated), r.Dims)
}

// readReduceText takes sentences from every file, none twice, and holds some out,
// spread evenly.
func (a *app) readReduceText(ctx context.Context, f *reduceFlags) (fit, held []string, err error) {
	seen := make(map[string]bool)
	var all []string
	for i, path := range f.text {
		quota := (f.texts + f.held) * (i + 1) / len(f.text) // in all files so far
		err := a.readText(ctx, path, f.encoding, func(_ int, text string) (bool, error) {
			for _, s := range index.Sentences(text) {
				if len(all) < quota && !seen[s] {
					seen[s] = true
					all = append(all, s)
				}
			}
			return len(all) < quota, nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	n := min(f.held, len(all)/5)
	if n <= neighbours || len(all)-n < reduce.TextsPerDim*f.dims {
		return nil, nil, fmt.Errorf("%w: --text holds %s; %d dimensions want %d to fit, and more than %d to measure on",
			reduce.ErrTexts, count(len(all), "sentence"), f.dims, reduce.TextsPerDim*f.dims, neighbours)
	}
	for i, s := range all {
		if i*n/len(all) != (i+1)*n/len(all) {
			held = append(held, s)
		} else {
			fit = append(fit, s)
		}
	}
	return fit, held, nil
}

func (a *app) printReduction(r *reduction) error {
	table := cli.Table{
		Header: []string{"model", "dims", "recall@10", "variance"},
		Right:  []bool{false, true, true, true},
		Rows: [][]string{
			{r.Base, fmt.Sprint(r.FullDims), percent(1), percent(1)},
			{r.Model, fmt.Sprint(r.Dims), percent(r.Recall), percent(r.Explained)},
			{r.Base + ", cut", fmt.Sprint(r.Dims), percent(r.Truncated), ""},
		},
	}
	if err := table.Write(a.stdout, a.out); err != nil {
		return err
	}
	a.note("fitted on %s, measured on %s", count(r.Texts, "sentence"), count(r.HeldOut, "other"))
	if r.Truncated >= r.Recall {
		a.warn("cutting %s to %d dimensions keeps as many neighbours as the module: nothing is gained", r.Base, r.Dims)
	}
	return nil
}
