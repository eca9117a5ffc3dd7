package main

import (
	"bufio"
	"compress/gzip"
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

	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/internal/source"
	"semdex/qa/cloze"
	"semdex/qa/squad"
)

const dataClozeLong = `Make reading questions from texts that have none, Korean or English, for semdex
train qa: a date, a number, a name or a title of a sentence becomes the answer, a
question word takes its place, and some words are left out. They teach a reader to
find what a question speaks of; they do not replace questions that people ask.

Keep what is measured on out of it: --exclude takes such files of questions.

The file is in the form of SQuAD; .gz is packed. One seed gives the same questions.`

const dataClozeExample = `  semdex data cloze manuals/ -o cloze.json
  semdex data cloze --limit 20000 wiki-ko.jsonl.gz -o cloze.json.gz
  semdex train qa --model reader --train train-v1.1.json,cloze.json.gz --dev dev-v1.1.json -o better`

// clozeFlags are the flags of the verb data cloze.
type clozeFlags struct {
	options   cloze.Options
	exclude   []string
	limit     int
	out       string
	overwrite bool
}

func (a *app) dataClozeCommand() *cobra.Command {
	f := clozeFlags{options: cloze.Default()}
	c := &cobra.Command{
		Use: "cloze [flags] FILE...", Short: "Make reading questions from texts",
		Long: dataClozeLong, Example: dataClozeExample,
		RunE: func(cmd *cobra.Command, files []string) error {
			if f.out == "" {
				return usage(cmd, "data cloze: --out is missing")
			}
			if f.limit < 0 {
				return usage(cmd, "--limit is %d", f.limit)
			}
			if err := f.options.Check(); err != nil {
				return usage(cmd, "%v", err)
			}
			if f.options.Rare > 0 && slices.Contains(files, "-") {
				return usage(cmd, "--rare reads the texts twice, which standard input cannot")
			}
			return a.dataCloze(cmd.Context(), files, &f)
		},
	}
	flags, o := c.Flags(), &f.options
	flags.IntVar(&o.Passage, "passage", o.Passage, "`runes` of a passage at least, if the text has them")
	flags.IntVar(&o.PerPassage, "per-passage", o.PerPassage, "`questions` of a passage at most")
	flags.Float64Var(&o.Drop, "drop", o.Drop, "`share` of a sentence's words that its question leaves out")
	flags.Uint64Var(&o.Seed, "seed", o.Seed, "`seed` of every random choice")
	flags.Float64Var(&o.Rare, "rare", 0, "ask only for Korean names that at most this `share` of the texts have, also of several words; 0: for any noun")
	flags.StringSliceVar(&f.exclude, "exclude", nil, "`files` of questions, as for train qa: passages that share a sentence with one of theirs are left out")
	flags.IntVar(&f.limit, "limit", 0, "`questions` at most; 0: all")
	flags.StringVarP(&f.out, "out", "o", "", "`file` to write")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the file that is there")
	return verb(c, atLeast(1, "a file"))
}

func (a *app) dataCloze(ctx context.Context, files []string, f *clozeFlags) error {
	if _, err := os.Stat(f.out); err == nil && !f.overwrite {
		return cli.WithHint(fmt.Errorf("%s: %w", f.out, fs.ErrExist), "choose another name, or replace it with --overwrite")
	}
	if err := f.readExcluded(); err != nil {
		return err
	}
	if f.options.Rare > 0 {
		f.options.Common = new(cloze.Words)
		if err := a.eachText(ctx, "counting words", files, func(_, text string) (bool, error) {
			f.options.Common.Add(text)
			return true, nil
		}); err != nil {
			return err
		}
		if n := f.options.Common.Texts(); float64(n)*f.options.Rare < 1 {
			return cli.WithHint(fmt.Errorf("--rare %g of %s is less than one", f.options.Rare, count(n, "text")),
				"every name stands in a text at least; give a larger share, or none")
		}
	}
	set := &squad.Set{Version: "1.1"}
	if err := a.eachText(ctx, "reading", files, func(title, text string) (more bool, err error) {
		if err := cloze.Add(set, title, text, f.options); err != nil {
			return false, err
		}
		return f.limit == 0 || len(set.Questions) < f.limit, nil
	}); err != nil {
		return err
	}
	if f.limit > 0 && len(set.Questions) > f.limit {
		set.Questions = set.Questions[:f.limit]
	}
	if len(set.Questions) == 0 {
		return cli.WithHint(fmt.Errorf("%s: no questions can be made of it", strings.Join(files, ", ")),
			"sentences need a date, a number, a title, a name in the middle, or a Korean noun with its particle")
	}
	if err := writeSQuAD(f.out, set); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.stdout, "%s: %s over %s\n", f.out, count(len(set.Questions), "question"), count(len(set.Contexts), "passage"))
	return err
}

// eachText calls do for the documents of files until it wants no more.
func (a *app) eachText(ctx context.Context, what string, files []string, do func(title, text string) (more bool, err error)) error {
	s, err := source.Open(files, source.Options{Blocks: true, Stdin: a.stdin, Fields: source.Fields{NoMeta: true}})
	if err != nil {
		return err
	}
	bar := a.progress(what, func() progress.State {
		return progress.State{Done: s.Read(), Total: s.Size(), Bytes: true}
	})
	defer bar.Stop()
	for d, err := range s.Documents(ctx) {
		if err != nil {
			return err
		}
		if more, err := do(d.Title, d.Text); err != nil || !more {
			return err
		}
	}
	return nil
}

// readExcluded reads the passages that must not be in the questions.
func (f *clozeFlags) readExcluded() error {
	f.options.Exclude = make(cloze.Sentences)
	for _, path := range f.exclude {
		set, err := squad.ReadFile(path, squad.Options{})
		if err != nil {
			return err
		}
		f.options.Exclude.Add(set)
	}
	return nil
}

// writeSQuAD writes a file whole or not at all, packed if its name ends in .gz.
func writeSQuAD(path string, set *squad.Set) (err error) {
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".tmp-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	buffer := bufio.NewWriter(file)
	var w io.Writer = buffer
	var packer *gzip.Writer
	if strings.HasSuffix(path, ".gz") {
		packer = gzip.NewWriter(buffer)
		w = packer
	}
	err = squad.Write(w, set)
	if packer != nil {
		err = errors.Join(err, packer.Close())
	}
	if err = errors.Join(err, buffer.Flush(), file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
