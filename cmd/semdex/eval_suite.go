package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/embed"
	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/evalsuite"
	"semdex/qa"
)

const evalSuiteLong = `Measure models on every set that a suite file names, each set on its own with its
baselines beside, and write the tables as Markdown and, with the score of every
single item for semdex eval compare, as JSON.

A suite is YAML or JSON; its paths are relative to it, or to --data-dir:

  name: dev
  dims: [128, 64]          # widths to cut vectors to, beside the model's own
  sets:
    - {kind: sts, name: KorSTS dev, path: sts/ko/korsts/sts-dev.tsv}
    - {kind: retrieval, path: retrieval/en/scifact, split: test, modes: [keyword, hybrid], limit: 100}
    - {kind: parallel, path: tatoeba.eng, translation: tatoeba.kor}
    - {kind: nli, path: klue-nli-dev.json, task: nli, train: [klue-nli-train.json]}
    - {kind: qa, path: KorQuAD_v1.0_dev.json, sample: 1000}

Sets of sentences and searches measure --model, which may be given several times.
Sets of kind nli measure --classifier, those of kind qa --reader; without one they
show their baselines.`

const evalSuiteExample = `  semdex eval suite dev.yaml --data-dir data -o table.md --json table.json
  semdex eval suite dev.yaml --model builtin --model my-model --reader my-reader`

// suiteFlags are the flags of the verb eval suite.
type suiteFlags struct {
	modelFlags // of every model; model is not used
	models     []string
	reranker   string
	classifier string
	reader     string
	data       string
	missing    bool
	out, json  string
}

func (a *app) evalSuiteCommand() *cobra.Command {
	var f suiteFlags
	c := &cobra.Command{
		Use: "suite [flags] SUITE", Short: "Measure models on all sets of a suite",
		Long: evalSuiteLong, Example: evalSuiteExample,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := canWrite(f.out, f.json); err != nil {
				return err
			}
			suite, err := evalsuite.Load(files[0], f.data)
			if err != nil {
				return err
			}
			table, err := a.evalSuite(cmd.Context(), suite, &f)
			if err != nil {
				return err
			}
			return errors.Join(a.writeOut(f.out, table.WriteMarkdown), a.writeOut(f.json, table.WriteJSON))
		},
	}
	flags := c.Flags()
	flags.StringArrayVar(&f.models, "model", []string{builtinName}, "`model` that encodes sentences and passages; may be given several times")
	flags.StringVar(&f.reranker, "reranker", "", "`model` that puts the best 100 of every search in order, measured as well")
	flags.StringVar(&f.classifier, "classifier", "", "`model` that judges the pairs of nli sets")
	f.add(c)
	flags.StringVar(&f.reader, "reader", "", "`model` that answers the questions of qa sets")
	flags.StringVarP(&f.out, "out", "o", "-", "`file` for the tables as Markdown; - is standard output")
	flags.StringVar(&f.json, "json", "", "`file` for the tables as JSON, with the score of every item")
	return verb(c, exactly(1, "a suite file"))
}

// add adds the flags that say where data are and how models run.
func (f *suiteFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.data, "data-dir", "", "`folder` that the paths of the suite begin in (default the suite file's)")
	flags.BoolVar(&f.missing, "allow-missing", false, "leave out sets whose files are missing")
	flags.IntVar(&f.workers, "workers", 0, "`threads` that encode (default one per processor)")
	flags.BoolVar(&f.int8, "int8", false, "run models with 8-bit weights")
}

// canWrite looks early whether there is a folder for each file.
func canWrite(files ...string) error {
	for _, file := range files {
		if file == "" || file == "-" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
			return fmt.Errorf("%s cannot be written: %w", file, errors.Join(err, fs.ErrNotExist))
		}
	}
	return nil
}

// writeOut writes to a file, whole or not at all, or to standard output; nothing
// if out is "".
func (a *app) writeOut(out string, write func(io.Writer) error) error {
	switch out {
	case "":
		return nil
	case "-":
		return write(a.stdout)
	}
	return writeWhole(out, write)
}

// suiteRun measures models on the sets of a suite.
type suiteRun struct {
	*app
	dims       []int
	flags      *suiteFlags
	encoders   []suiteEncoder
	search     index.ServiceOptions // with the reranker, if there is one
	classifier *embed.Predictor     // or nil
	reader     *qa.Reader           // or nil
	models     []evalsuite.Model
	closers    []func()
}

// suiteEncoder is an encoder with the name it has in the table.
type suiteEncoder struct {
	*textEncoder
	label string
}

// evalSuite runs a suite. Every file is looked for, and every model opened,
// before anything is measured.
func (a *app) evalSuite(ctx context.Context, suite *evalsuite.Suite, f *suiteFlags) (*evalsuite.Table, error) {
	table := &evalsuite.Table{Suite: suite.Name}
	var err error
	if table.Missing, err = a.missing(suite, f.missing); err != nil {
		return nil, err
	}
	r := &suiteRun{app: a, dims: suite.Dims, flags: f}
	defer func() {
		for _, closeModel := range slices.Backward(r.closers) {
			closeModel()
		}
	}()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	table.Models = r.models
	for i := range suite.Sets {
		set := &suite.Sets[i]
		a.note("set %d of %d: %s", i+1, len(suite.Sets), set.Name)
		results, err := r.measure(ctx, set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		table.Sets = append(table.Sets, results...)
	}
	return table, nil
}

// missing takes the sets whose files are not there out of the suite.
func (a *app) missing(suite *evalsuite.Suite, allowed bool) ([]evalsuite.Missing, error) {
	var out []evalsuite.Missing
	var paths []string
	kept := suite.Sets[:0]
	for i := range suite.Sets {
		set := suite.Sets[i]
		lost := set.Missing()
		if len(lost) == 0 {
			kept = append(kept, set)
			continue
		}
		out, paths = append(out, evalsuite.Missing{Set: set.Name, Paths: lost}), append(paths, lost...)
	}
	suite.Sets = kept
	switch {
	case len(out) == 0:
		return nil, nil
	case !allowed:
		return nil, cli.WithHint(fmt.Errorf("%w: %s", fs.ErrNotExist, strings.Join(paths, ", ")), "--data-dir says where the data are; --allow-missing leaves these sets out")
	case len(kept) == 0:
		return nil, fmt.Errorf("the files of all sets are missing: %w", fs.ErrNotExist)
	}
	for _, m := range out {
		a.warn("%s is left out: %s is missing", m.Set, strings.Join(m.Paths, ", "))
	}
	return out, nil
}

// open opens all models that the flags name.
func (r *suiteRun) open(ctx context.Context) error {
	f := r.flags
	seen := make(map[string]bool)
	for _, name := range f.models {
		e, err := r.openEncoderWith(ctx, name, f.load())
		if err != nil {
			return err
		}
		r.closers = append(r.closers, func() { r.close(e) })
		label := e.Name()
		if seen[label] {
			label = name
		}
		if seen[label] {
			return fmt.Errorf("--model names %s twice", name)
		}
		seen[label] = true
		r.encoders = append(r.encoders, suiteEncoder{e, label})
		r.models = append(r.models, evalsuite.Model{Role: "encoder", Name: label, Fingerprint: e.Fingerprint()})
	}
	options, done, err := (&rerankFlags{f.reranker != "", f.reranker}).open(ctx, r.app, new(target), f.load())
	if err != nil {
		return err
	}
	r.search = options
	r.closers = append(r.closers, done)
	if m, ok := options.Reranker.(*reranker); ok {
		r.named("reranker", m.Name())
	}
	if f.classifier != "" {
		if r.classifier, err = r.openPredictor(ctx, f.classifier, f.load()); err != nil {
			return err
		}
		r.closers = append(r.closers, func() { r.close(r.classifier) })
		r.named("classifier", r.classifier.Name())
	}
	if f.reader != "" {
		if r.reader, err = r.loadReader(ctx, f.reader, qa.Options{Workers: f.workers, Int8: f.int8}); err != nil {
			return err
		}
		r.closers = append(r.closers, func() { r.close(r.reader) })
		r.named("reader", r.reader.Name())
	}
	return nil
}

func (r *suiteRun) named(role, name string) {
	r.models = append(r.models, evalsuite.Model{Role: role, Name: name})
}

// measure gives the results of a set; a path may hold several.
func (r *suiteRun) measure(ctx context.Context, set *evalsuite.Set) ([]evalsuite.Results, error) {
	switch set.Kind {
	case evalsuite.STS:
		return r.similarity(ctx, set)
	case evalsuite.Parallel:
		return r.parallel(ctx, set)
	case evalsuite.Retrieval:
		return r.retrieval(ctx, set)
	case evalsuite.NLI:
		return r.pairs(ctx, set)
	case evalsuite.QA:
		return r.questions(ctx, set)
	}
	return nil, fmt.Errorf("%w: kind %q", evalsuite.ErrSuite, set.Kind)
}
