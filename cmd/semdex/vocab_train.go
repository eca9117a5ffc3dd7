package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"semdex/embed/tokenize"
	"semdex/embed/tokenize/wordpiece"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/source"
)

const vocabTrainLong = `Train a WordPiece vocabulary on text: JSON lines, text with a document a line, and
the other formats of semdex index, compressed or not.

It begins with [PAD], [UNK], [CLS], [SEP], [MASK], all ASCII punctuation and every
character of the text, then joins the pair of pieces that occurs most often until
it has --size tokens. The same text gives the same vocabulary on any number of
workers.

An output that ends in .txt is a bare vocabulary, which does not say how it treats
capitals and accents; any other is a folder for a whole tokenizer.`

const vocabTrainExample = `  semdex model vocab train --size 24000 --out vocab.txt corpus.txt
  semdex model vocab train --shares 1,1 --min-char 200 --min-hangul 8 \
    --out tokenizer --eval held-out.txt wiki-ko.jsonl.gz wiki-en.jsonl.gz`

// vocabTrainFlags are the flags of the verb model vocab train.
type vocabTrainFlags struct {
	vocabText
	casing
	options   wordpiece.Options
	shares    []float64
	eval      []string
	out       string
	overwrite bool
	asJSON    bool
}

func (a *app) vocabTrainCommand() *cobra.Command {
	var f vocabTrainFlags
	c := &cobra.Command{
		Use:     "train [flags] --out VOCAB FILE...",
		Short:   "Train a WordPiece vocabulary on text",
		Long:    vocabTrainLong,
		Example: vocabTrainExample,
		RunE: func(cmd *cobra.Command, paths []string) error {
			if err := f.parse(cmd, paths); err != nil {
				return err
			}
			return a.vocabTrain(cmd.Context(), &f, paths)
		},
	}
	f.vocabText.add(c)
	f.casing.add(c, "the vocabulary")
	flags := c.Flags()
	flags.IntVar(&f.options.Size, "size", 24000, "`tokens` in all")
	flags.IntVar(&f.options.Unused, "unused", 0, "`tokens` [unused0], [unused1], ... for later use")
	flags.Int64Var(&f.options.MinChar, "min-char", 1, "leave out characters that occur less than so many `times`")
	flags.Int64Var(&f.options.MinHangul, "min-hangul", 1, "the same for Hangul syllables, `times`")
	flags.Int64Var(&f.options.MinWord, "min-word", 1, "make no pieces of words that occur less than so many `times`")
	flags.Int64Var(&f.options.MinPair, "min-pair", 2, "join no pairs that occur less than so many `times`")
	flags.Float64SliceVar(&f.shares, "shares", nil, "`weights` of the FILEs, as in 1,1 for equal ones (default by their words)")
	flags.StringSliceVar(&f.eval, "eval", nil, "held-out `files` to measure the vocabulary on")
	flags.StringVarP(&f.out, "out", "o", "", "`path` to write to: a file ending in .txt, or a folder")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace what is there")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	return verb(c, atLeast(1, "a file"))
}

func (f *vocabTrainFlags) parse(cmd *cobra.Command, paths []string) error {
	o := &f.options
	switch {
	case f.out == "":
		return usage(cmd, "model vocab train: --out is missing")
	case len(f.shares) > 0 && len(f.shares) != len(paths):
		return usage(cmd, "--shares has %d weights for %s", len(f.shares), count(len(paths), "file"))
	case o.Size < 1 || o.Size > 1<<22 || o.Unused < 0:
		return usage(cmd, "--size is %d, --unused %d", o.Size, o.Unused)
	case min(o.MinChar, o.MinHangul, o.MinWord, o.MinPair) < 0:
		return usage(cmd, "a count of times is negative")
	case slices.Contains(f.eval, source.Stdin):
		return usage(cmd, "--eval reads files, not standard input")
	}
	return f.vocabText.parse(cmd)
}

// vocabTrained is the report of a vocabulary's training.
type vocabTrained struct {
	Out      string   `json:"out"`
	Tokens   int      `json:"tokens"`
	Alphabet int      `json:"alphabet"`
	Left     int      `json:"characters_left_out"`
	Joined   int      `json:"joined"`
	LastPair int64    `json:"last_pair_count"`
	Words    int64    `json:"words"`
	Distinct int      `json:"distinct_words"`
	Seconds  float64  `json:"seconds"`
	Eval     []fitted `json:"eval,omitempty"`
}

func (a *app) vocabTrain(ctx context.Context, f *vocabTrainFlags, paths []string) error {
	begin := time.Now()
	if err := mayWriteVocabulary(f.out, f.overwrite); err != nil {
		return err
	}
	config := f.config()
	counts, err := a.countWords(ctx, &f.vocabText, config, paths, f.shares)
	if err != nil {
		return err
	}
	a.note("training on %s, %s different", count(counts.Total(), "word"), progress.Count(int64(counts.Distinct())))
	r, err := wordpiece.Train(ctx, counts, f.options)
	if err != nil {
		return cli.WithHint(err, "--min-char and --min-hangul leave rare characters out, --size makes room")
	}
	tok, err := tokenize.New(r.Vocab, config)
	if err != nil {
		return err
	}
	if err := writeVocabulary(tok, f.out); err != nil {
		return err
	}
	report := vocabTrained{
		Out: f.out, Tokens: r.Vocab.Len(), Alphabet: r.Alphabet, Left: r.Left, Joined: r.Joined, LastPair: r.LastPair,
		Words: counts.Total(), Distinct: counts.Distinct(), Seconds: time.Since(begin).Seconds(),
	}
	if report.Eval, err = a.measure(ctx, &f.vocabText, f.eval, []string{f.out}, tok); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(report)
	}
	return a.printVocabTrained(&report, f.options.Size)
}

func (a *app) printVocabTrained(r *vocabTrained, wanted int) error {
	_, err := fmt.Fprintf(a.stdout, "%s: %s tokens, of which %s joined; an alphabet of %s, %s left out; %s words, %s different\n", r.Out,
		progress.Count(int64(r.Tokens)), progress.Count(int64(r.Joined)), progress.Count(int64(r.Alphabet)), progress.Count(int64(r.Left)),
		progress.Count(r.Words), progress.Count(int64(r.Distinct)))
	if err != nil {
		return err
	}
	if r.Tokens < wanted {
		a.note("the text has no more pairs for %s tokens", progress.Count(int64(wanted)))
	}
	return a.printFits(r.Eval)
}
