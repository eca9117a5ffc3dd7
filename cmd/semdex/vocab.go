package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/embed/tokenize"
	"semdex/embed/tokenize/wordpiece"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/source"
)

func (a *app) vocabCommand() *cobra.Command {
	return group("vocab", "Make, extend and measure vocabularies",
		a.vocabTrainCommand(), a.vocabExtendCommand(), a.vocabMeasureCommand())
}

// vocabText says how files are read for a vocabulary.
type vocabText struct {
	options source.Options
	format  string
	workers int
}

func (f *vocabText) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVarP(&f.format, "format", "f", "", "`format` of all files: jsonl, json, csv, tsv, text, markdown, html (default by extension)")
	flags.StringSliceVar(&f.options.Fields.Text, "text", nil, "`fields` with the text (default text, contents, body, ...)")
	flags.StringVar(&f.options.Encoding, "encoding", "", "`name` of the text encoding, such as cp949 (default found out)")
	flags.BoolVar(&f.options.SkipBad, "skip-bad", false, "go on after records that cannot be read")
	flags.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "`threads`")
}

func (f *vocabText) parse(cmd *cobra.Command) error {
	var err error
	if f.options.Format, err = source.ParseFormat(f.format); err != nil {
		return usage(cmd, "%v", err)
	}
	f.options.Fields.NoMeta, f.options.Lines = true, true
	return nil
}

// read hands the texts of a path, titles before them, to use, and shows how far
// it is.
func (a *app) read(ctx context.Context, f *vocabText, label, path string, use func(iter.Seq2[string, error]) error) error {
	opt := f.options
	opt.Stdin = a.stdin
	var bar *progress.Bar
	opt.OnBad = func(err error) { bar.Println("skipped " + err.Error()) }
	src, err := source.Open([]string{path}, opt)
	if err != nil {
		return err
	}
	bar = a.progress(label+" "+path, func() progress.State {
		return progress.State{Done: src.Read(), Total: src.Size(), Bytes: true}
	})
	defer bar.Stop()
	return use(func(yield func(string, error) bool) {
		for d, err := range src.Documents(ctx) {
			text := d.Text
			if d.Title != "" {
				text = d.Title + "\n" + text
			}
			if !yield(text, err) {
				return
			}
		}
	})
}

// countWords counts the words of every path and adds them up by shares.
func (a *app) countWords(ctx context.Context, f *vocabText, config tokenize.Config, paths []string, shares []float64) (*wordpiece.Counts, error) {
	var corpora []*wordpiece.Counts
	for _, path := range paths {
		err := a.read(ctx, f, "reading", path, func(texts iter.Seq2[string, error]) error {
			counts, err := wordpiece.Count(ctx, texts, config, f.workers)
			corpora = append(corpora, counts)
			return err
		})
		if errors.Is(err, wordpiece.ErrCorpus) {
			err = fmt.Errorf("%s: %w", path, err)
		}
		if err != nil {
			return nil, err
		}
	}
	return wordpiece.Mix(corpora, shares)
}

// casing is how a vocab.txt alone is to be read.
type casing struct{ cased, strip bool }

func (k *casing) add(c *cobra.Command, whose string) {
	c.Flags().BoolVar(&k.cased, "cased", false, whose+" keeps capitals")
	c.Flags().BoolVar(&k.strip, "strip-accents", false, whose+" drops accents; not for Korean, whose syllables would fall apart")
}

// config keeps accents unless told otherwise: stripping them would take Hangul
// syllables apart.
func (k casing) config() tokenize.Config {
	c := tokenize.DefaultConfig(!k.cased)
	c.StripAccents = &k.strip
	return c
}

// openVocabulary reads a vocab.txt, a folder with a tokenizer, or the tokenizer
// of a model.
func (a *app) openVocabulary(name string, k casing) (*tokenize.Tokenizer, error) {
	if isFile(name) {
		return openVocabFile(name, k)
	}
	dir, err := a.modelDir(name)
	if err != nil {
		return nil, err
	}
	if dir != "" {
		t, err := tokenize.Load(os.DirFS(dir))
		if !errors.Is(err, fs.ErrNotExist) {
			return t, err
		}
	}
	m, err := openModel(name, dir) // static models keep their tokenizer further down
	if err != nil {
		return nil, err
	}
	defer a.close(m)
	return m.Tokenizer, nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func openVocabFile(path string, k casing) (*tokenize.Tokenizer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	vocab, err := tokenize.ReadVocab(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	t, err := tokenize.New(vocab, k.config())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// isVocabFile says whether an output is a bare vocab.txt; any other is a folder
// for the tokenizer with its settings.
func isVocabFile(out string) bool { return strings.EqualFold(filepath.Ext(out), ".txt") }

// mayWriteVocabulary fails before long work does, not after it.
func mayWriteVocabulary(out string, overwrite bool) error {
	if !isVocabFile(out) {
		return mayCreate(out, overwrite)
	}
	if _, err := os.Stat(out); err == nil && !overwrite {
		return cli.WithHint(fmt.Errorf("%s: %w", out, fs.ErrExist), "choose another name, or replace it with --overwrite")
	}
	return nil
}

func writeVocabulary(t *tokenize.Tokenizer, out string) error {
	if !isVocabFile(out) {
		return t.Save(out)
	}
	return writeWhole(out, func(w io.Writer) error {
		_, err := t.Vocab().WriteTo(w)
		return err
	})
}

// writeWhole writes a file whole or not at all: under another name in the same
// folder first, then renamed.
func writeWhole(out string, write func(io.Writer) error) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".tmp-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignore(temp.Close(), os.ErrClosed), os.Remove(temp.Name()))
		}
	}()
	w := bufio.NewWriter(temp)
	for _, step := range []func() error{
		func() error { return write(w) }, w.Flush, temp.Sync,
		func() error { return temp.Chmod(0o644) }, temp.Close,
	} {
		if err = step(); err != nil {
			return err
		}
	}
	return os.Rename(temp.Name(), out)
}

// fitted is how a vocabulary fits a file.
type fitted struct {
	File       string `json:"file"`
	Vocabulary string `json:"vocabulary"`
	wordpiece.Fit
	PerWord     float64 `json:"pieces_per_word"`
	UnknownRate float64 `json:"unknown_rate"`
}

// measure says how tokenizers, which names names, fit each path.
func (a *app) measure(ctx context.Context, f *vocabText, paths, names []string, toks ...*tokenize.Tokenizer) ([]fitted, error) {
	var list []fitted
	for _, path := range paths {
		err := a.read(ctx, f, "measuring", path, func(texts iter.Seq2[string, error]) error {
			fits, err := wordpiece.Measure(ctx, texts, f.workers, toks...)
			for i, fit := range fits {
				list = append(list, fitted{path, names[i], fit, fit.PerWord(), fit.UnknownRate()})
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

func (a *app) printFits(fits []fitted) error {
	if len(fits) == 0 {
		return nil
	}
	table := cli.Table{
		Header: []string{"file", "vocabulary", "words", "pieces", "per word", "unknown"},
		Right:  []bool{false, false, true, true, true, true},
	}
	for _, f := range fits {
		table.Rows = append(table.Rows, []string{
			f.File, f.Vocabulary, progress.Count(f.Words), progress.Count(f.Pieces),
			fmt.Sprintf("%.3f", f.PerWord), fmt.Sprintf("%.3f %%", 100*f.UnknownRate),
		})
	}
	return table.Write(a.stdout, a.out)
}

const vocabMeasureLong = `Say into how many pieces vocabularies break texts, and how many pieces are
unknown. Words are what stands between white space, so that vocabularies of any
kind compare. A VOCAB is a vocab.txt, or a model.`

func (a *app) vocabMeasureCommand() *cobra.Command {
	var f vocabText
	var k casing
	var names []string
	var asJSON bool
	c := &cobra.Command{
		Use:     "measure [flags] --vocab VOCAB... FILE...",
		Short:   "Count a text's pieces and unknown words",
		Long:    vocabMeasureLong,
		Example: "  semdex model vocab measure --vocab old.txt --vocab new.txt held-out.txt",
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			if slices.Contains(paths, source.Stdin) && len(paths) > 1 {
				return usage(cmd, "model vocab measure: - stands alone")
			}
			var toks []*tokenize.Tokenizer
			for _, name := range names {
				t, err := a.openVocabulary(name, k)
				if err != nil {
					return err
				}
				toks = append(toks, t)
			}
			fits, err := a.measure(cmd.Context(), &f, paths, names, toks...)
			if err != nil {
				return err
			}
			if asJSON {
				return a.printJSON(fits)
			}
			return a.printFits(fits)
		},
	}
	f.add(c)
	k.add(c, "a vocab.txt")
	c.Flags().StringSliceVar(&names, "vocab", []string{builtinName}, "`vocabularies` to measure")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a file"))
}
