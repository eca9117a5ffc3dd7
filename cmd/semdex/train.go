package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/embed/builtin"
	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/nli/pairs"
	"semdex/nli/static"
)

const trainStaticLong = `Train a static model: one vector per subword, a text's vector being their mean.
It takes minutes on a CPU, encodes hundreds of thousands of sentences a second,
and is the baseline for every slower model.

The pairs come from a folder of public corpora (--data-dir; what is missing is
left out) and from files of your own (--pairs: two columns, or JSON lines with
the keys a and b). One seed gives the same model, bit for bit, on any number of
workers of one kind of machine.`

const trainStaticExample = `  semdex train static --data-dir corpora --vocab vocab.txt --out model
  semdex train static --pairs faq.tsv --vocab vocab.txt --out model --steps 1000`

// trainStaticFlags are the flags of the verb train static.
type trainStaticFlags struct {
	config    static.Config
	pairs     pairs.Options
	dataDir   string
	vocab     string
	cased     bool
	out       string
	dtype     string
	weights   []string
	overwrite bool
	asJSON    bool
}

func (a *app) trainCommand() *cobra.Command {
	return group("train", "Train models",
		a.trainCrossCommand(),
		a.trainDistillCommand(),
		a.trainMLMCommand(),
		a.trainNLICommand(),
		a.trainPairsCommand(),
		a.trainPlotCommand(),
		a.trainQACommand(),
		a.trainSTSCommand(),
		a.trainStaticCommand(),
	)
}

func (a *app) trainStaticCommand() *cobra.Command {
	var f trainStaticFlags
	c := &cobra.Command{
		Use:     "static [flags]",
		Short:   "Train a static table of subword vectors",
		Long:    trainStaticLong,
		Example: trainStaticExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.trainStatic(cmd.Context(), &f)
		},
	}
	d := static.Default()
	flags := c.Flags()
	flags.StringVar(&f.dataDir, "data-dir", "", "`folder` of training corpora")
	flags.StringSliceVar(&f.pairs.Files, "pairs", nil, "`files` with pairs of your own")
	flags.StringSliceVar(&f.pairs.Wiki, "wiki", nil, "more Wikipedia `files` (JSON lines with id, title, text)")
	flags.StringSliceVar(&f.weights, "weight", nil, "`name=x` changes the weight of a source, 0 leaves it out")
	flags.StringVar(&f.vocab, "vocab", "", "vocab.txt, builtin, or the `folder` of a model whose tokenizer is used")
	flags.BoolVar(&f.cased, "cased", false, "vocab.txt is of a cased model")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the model to")
	flags.StringVar(&f.dtype, "dtype", "int8", "how weights are stored: int8, f16 or f32")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.IntVar(&f.config.Dims, "dims", d.Dims, "`values` of a vector, a multiple of 32")
	flags.IntSliceVar(&f.config.Nested, "nested", nil, "smaller `widths` to train as well (default 64,128)")
	flags.IntVar(&f.config.Steps, "steps", d.Steps, "training `steps`")
	flags.IntVar(&f.config.Batch, "batch", d.Batch, "`pairs` per step")
	flags.Float64Var(&f.config.Rate, "rate", d.Rate, "learning `rate` at the start")
	flags.Float64Var(&f.config.Scale, "scale", d.Scale, "`factor` of the cosine in the softmax")
	flags.Uint64Var(&f.config.Seed, "seed", 1, "`seed` of every random choice")
	flags.IntVar(&f.config.Workers, "workers", runtime.GOMAXPROCS(0), "`threads`")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	return verb(c, noArgs)
}

func (f *trainStaticFlags) parse(cmd *cobra.Command) error {
	switch {
	case f.out == "":
		return usage(cmd, "train static: --out is missing")
	case f.vocab == "":
		return usage(cmd, "train static: --vocab is missing")
	case f.dataDir == "" && len(f.pairs.Files) == 0:
		return usage(cmd, "train static: there is nothing to train on: give --data-dir or --pairs")
	}
	if err := oneOf(cmd, "dtype", f.dtype, "int8", "f16", "f32"); err != nil {
		return err
	}
	f.pairs.Seed = f.config.Seed
	for _, w := range f.weights {
		name, value, ok := strings.Cut(w, "=")
		x, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			return usage(cmd, "--weight %q is not of the form name=x", w)
		}
		if f.pairs.Weights == nil {
			f.pairs.Weights = map[string]float64{}
		}
		f.pairs.Weights[name] = x
	}
	return nil
}

// trained is the report of a training.
type trained struct {
	Model       string   `json:"model"`
	Fingerprint string   `json:"fingerprint"`
	Missing     []string `json:"missing,omitempty"` // corpora that were not there
	static.Report
}

func (a *app) trainStatic(ctx context.Context, f *trainStaticFlags) error {
	tok, err := openTokenizer(f.vocab, f.cased)
	if err != nil {
		return err
	}
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return err
	}
	if a.verbose {
		f.pairs.Log = a.note
	}
	a.note("reading the pairs")
	data, err := pairs.Open(ctx, f.dataDir, f.pairs)
	if err != nil {
		return err
	}
	for _, name := range data.Missing {
		a.note("left out, not there: %s", name)
	}
	m, report, err := a.runTraining(ctx, f.config, tok, data)
	if err != nil {
		return err
	}
	m.Name = filepath.Base(f.out)
	save := model.SaveOptions{DType: dtypes[f.dtype], Overwrite: f.overwrite}
	if err := m.Save(f.out, save); err != nil {
		return err
	}
	if err := a.writeGolden(ctx, f.out); err != nil {
		return err
	}
	result := trained{Model: f.out, Missing: data.Missing, Report: report}
	if result.Fingerprint, err = fingerprintOf(f.out); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(result)
	}
	return a.printTrained(result)
}

func fingerprintOf(dir string) (string, error) {
	m, err := model.Open(dir)
	if err != nil {
		return "", err
	}
	defer func() { _ = m.Close() }()
	return m.Fingerprint(), nil
}

func (a *app) runTraining(ctx context.Context, c static.Config, tok *tokenize.Tokenizer, data *pairs.Data) (*model.Model, static.Report, error) {
	var last atomic.Pointer[static.Progress]
	c.LogEvery = max(1, min(50, c.Steps/20))
	bar := a.progress("training", func() progress.State {
		s := progress.State{Total: int64(c.Steps)}
		if p := last.Load(); p != nil {
			s.Done = int64(p.Step)
			s.Note = fmt.Sprintf("loss %.3f", p.Loss)
		}
		return s
	})
	defer bar.Stop()
	return static.Train(ctx, c, tok, data, func(p static.Progress) {
		last.Store(&p)
		if len(p.Scores) > 0 && !a.quiet {
			bar.Println(p.String())
		}
	})
}

func (a *app) printTrained(t trained) error {
	_, err := fmt.Fprintf(a.stdout, "%s: loss %.3f after %s steps, %s\n", t.Model, t.Loss,
		progress.Count(int64(t.Config.Steps)), progress.Duration(time.Duration(t.Seconds*float64(time.Second))))
	if err != nil || len(t.Scores) == 0 {
		return err
	}
	table := cli.Table{Header: []string{"dev set", "measure", "dims", "score"}, Right: []bool{false, false, true, true}}
	for _, s := range t.Scores {
		table.Rows = append(table.Rows, []string{s.Set, s.Measure, strconv.Itoa(s.Dims), percent(s.Value)})
	}
	return table.Write(a.stdout, a.out)
}

// percent writes a score in hundredths, as papers print it.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) }

// openTokenizer reads a vocab.txt, or takes the tokenizer of a model. Accents
// and Hangul syllables are kept: stripping accents would take syllables apart.
func openTokenizer(path string, cased bool) (*tokenize.Tokenizer, error) {
	if name := inside(path); name != "" {
		m, err := builtin.OpenNamed(name)
		if err != nil {
			return nil, err
		}
		return m.Tokenizer, nil // whose memory is the program's
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return tokenize.Load(os.DirFS(path))
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	vocab, err := tokenize.ReadVocab(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	config := tokenize.DefaultConfig(!cased)
	keep := false
	config.StripAccents = &keep
	return tokenize.New(vocab, config)
}

// mayCreate fails before long work does, not after it.
func mayCreate(dir string, overwrite bool) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 && !overwrite {
		return cli.WithHint(fmt.Errorf("%s exists and is not empty", dir), "choose another folder, or replace the model in it with --overwrite")
	}
	if err == nil || os.IsNotExist(err) {
		return nil
	}
	return err
}

var dtypes = map[string]model.DType{"int8": model.I8, "f16": model.F16, "bf16": model.BF16, "f32": model.F32}
