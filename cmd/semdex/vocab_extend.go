package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"semdex/distill"
	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/source"
)

const vocabExtendLong = `Add the most frequent words of a text that a vocabulary knows only in pieces, or not
at all. A MODEL is a model, or a vocab.txt alone.

Tokens that are there keep their ids and their rows, bit for bit; a new token's
row is the mean of its pieces' rows, also in the head of a masked language model.
Texts without a new word have the vectors that they had. Train further to make the
most of the new ones: semdex train mlm.

Tokenizers are BERT's, from a vocab.txt or a tokenizer.json; both are written.`

const vocabExtendExample = `  semdex model vocab extend my-model --add 8000 --out my-model-8k corpus.jsonl.gz
  semdex model vocab extend vocab.txt --cased --add 8000 --out extended.txt corpus.txt`

// vocabExtendFlags are the flags of the verb model vocab extend.
type vocabExtendFlags struct {
	vocabText
	casing
	add       int
	least     int64
	shares    []float64
	eval      []string
	out       string
	overwrite bool
	asJSON    bool
}

func (a *app) vocabExtendCommand() *cobra.Command {
	var f vocabExtendFlags
	c := &cobra.Command{
		Use:     "extend [flags] --out OUT MODEL FILE...",
		Short:   "Add a text's frequent words to a model's vocabulary",
		Long:    vocabExtendLong,
		Example: vocabExtendExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.parse(cmd, args[1:]); err != nil {
				return err
			}
			return a.vocabExtend(cmd.Context(), &f, args[0], args[1:])
		},
	}
	f.vocabText.add(c)
	f.casing.add(c, "a vocab.txt")
	flags := c.Flags()
	flags.IntVar(&f.add, "add", 8000, "`tokens` to add at most")
	flags.Int64Var(&f.least, "min-word", 5, "add no words that occur less than so many `times`")
	flags.Float64SliceVar(&f.shares, "shares", nil, "`weights` of the FILEs, as in 1,1 for equal ones (default by their words)")
	flags.StringSliceVar(&f.eval, "eval", nil, "held-out `files` to measure both vocabularies on (default the FILEs)")
	flags.StringVarP(&f.out, "out", "o", "", "`folder` of the new model, or a file ending in .txt for a vocab.txt")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace what is there")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	return verb(c, atLeast(2, "a model or a file"))
}

func (f *vocabExtendFlags) parse(cmd *cobra.Command, paths []string) error {
	switch {
	case f.out == "":
		return usage(cmd, "model vocab extend: --out is missing")
	case f.add < 1 || f.least < 1:
		return usage(cmd, "--add is %d, --min-word %d; both are 1 or more", f.add, f.least)
	case len(f.shares) > 0 && len(f.shares) != len(paths):
		return usage(cmd, "--shares has %d weights for %s", len(f.shares), count(len(paths), "file"))
	case slices.Contains(f.eval, source.Stdin):
		return usage(cmd, "--eval reads files, not standard input")
	}
	return f.vocabText.parse(cmd)
}

// vocabExtended is the report of an extension.
type vocabExtended struct {
	Out         string   `json:"out"`
	Before      int      `json:"tokens_before"`
	After       int      `json:"tokens"`
	Added       []string `json:"added"`
	Fingerprint string   `json:"fingerprint,omitempty"` // of the model
	Fit         []fitted `json:"fit,omitempty"`
}

func (a *app) vocabExtend(ctx context.Context, f *vocabExtendFlags, name string, paths []string) error {
	if isFile(name) {
		return a.extendVocabFile(ctx, f, name, paths)
	}
	if isVocabFile(f.out) {
		return cli.WithHint(fmt.Errorf("%s is a model, and %s no folder", name, f.out), "name a folder; the new vocab.txt will be in it")
	}
	if err := mayCreate(f.out, f.overwrite); err != nil {
		return err
	}
	dir, err := a.modelDir(name)
	if err != nil {
		return err
	}
	m, err := openModel(name, dir)
	if err != nil {
		return err
	}
	defer a.close(m)
	if same, err := samePath(dir, f.out); err != nil || same {
		return cli.WithHint(fmt.Errorf("%s is the model itself", f.out), "write to another folder")
	}
	words, err := a.missingWords(ctx, f, m.Tokenizer, paths)
	if err != nil {
		return err
	}
	larger, err := distill.Extend(m, words)
	if err != nil {
		return err
	}
	if err := larger.Save(f.out, model.SaveOptions{Overwrite: f.overwrite, Card: extendedCard(larger.Card, name, len(words))}); err != nil {
		return err
	}
	if err := a.writeGolden(ctx, f.out); err != nil {
		return err
	}
	report := vocabExtended{Added: words}
	if report.Fingerprint, err = fingerprintOf(f.out); err != nil {
		return err
	}
	return a.reportExtended(ctx, f, &report, name, paths, m.Tokenizer, larger.Tokenizer)
}

// extendedCard tells of the new words at the end of a model's card.
func extendedCard(card, name string, words int) string {
	if card == "" {
		card = "# " + name + "\n"
	}
	return strings.TrimRight(card, "\n") + fmt.Sprintf("\n\n## Extended vocabulary\n\n%s were added to the vocabulary of %s with `semdex model vocab extend`. "+
		"Their vectors are means of their pieces' and have not been trained; scores above are those of the model before.\n", count(words, "token"), name)
}

// extendVocabFile extends a vocab.txt that no model belongs to.
func (a *app) extendVocabFile(ctx context.Context, f *vocabExtendFlags, name string, paths []string) error {
	if err := mayWriteVocabulary(f.out, f.overwrite); err != nil {
		return err
	}
	tok, err := openVocabFile(name, f.casing)
	if err != nil {
		return err
	}
	words, err := a.missingWords(ctx, f, tok, paths)
	if err != nil {
		return err
	}
	larger, err := tok.Extend(words...)
	if err != nil {
		return err
	}
	if err := writeVocabulary(larger, f.out); err != nil {
		return err
	}
	return a.reportExtended(ctx, f, &vocabExtended{Added: words}, name, paths, tok, larger)
}

// missingWords are the words to add.
func (a *app) missingWords(ctx context.Context, f *vocabExtendFlags, tok *tokenize.Tokenizer, paths []string) ([]string, error) {
	counts, err := a.countWords(ctx, &f.vocabText, tok.Config(), paths, f.shares)
	if err != nil {
		return nil, err
	}
	words := counts.Missing(tok, f.add, f.least)
	if len(words) == 0 {
		return nil, cli.WithHint(fmt.Errorf("no word that occurs %d times or more is missing in the vocabulary", f.least), "a lower --min-word or more text may give some")
	}
	return words, nil
}

func (a *app) reportExtended(ctx context.Context, f *vocabExtendFlags, r *vocabExtended, name string, paths []string, before, after *tokenize.Tokenizer) error {
	r.Out, r.Before, r.After = f.out, before.Len(), after.Len()
	if len(f.eval) > 0 {
		paths = f.eval
	}
	if slices.Contains(paths, source.Stdin) {
		a.note("standard input cannot be read twice; --eval names files to measure on")
		paths = nil
	}
	var err error
	if r.Fit, err = a.measure(ctx, &f.vocabText, paths, []string{name, f.out}, before, after); err != nil {
		return err
	}
	if f.asJSON {
		return a.printJSON(r)
	}
	_, err = fmt.Fprintf(a.stdout, "%s: %s added to %s, such as %s\n", r.Out, count(len(r.Added), "token"),
		progress.Count(int64(r.Before)), strings.Join(r.Added[:min(8, len(r.Added))], ", "))
	if err != nil {
		return err
	}
	return a.printFits(r.Fit)
}
