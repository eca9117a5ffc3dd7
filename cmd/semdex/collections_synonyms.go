package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
)

const synonymsLong = `Show the synonyms of a collection, or replace them by those of a file (- reads them
from standard input). One rule a line:

  car, auto, automobile     each counts as the others
  tv, telly => television   one way: a query for tv finds television, too
  # a comment

They are for the keyword leg of searches, in which a synonym counts half of the
word; entries of several words are phrases. Documents stay as they are.`

const synonymsExample = `  semdex collections synonyms -d data notes synonyms.txt
  semdex collections synonyms -d data notes > synonyms.txt
  semdex collections synonyms -d data notes --clear`

func (a *app) collectionsSynonymsCommand() *cobra.Command {
	var t target
	var remove bool
	c := &cobra.Command{
		Use:     "synonyms [flags] COLLECTION [FILE]",
		Short:   "Show or replace a collection's synonyms",
		Long:    synonymsLong,
		Example: synonymsExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 && remove {
				return usage(cmd, "there is a file and --clear; give one of them")
			}
			var text string
			if len(args) > 1 {
				var err error
				if text, err = a.readSynonyms(args[1]); err != nil {
					return err
				}
			}
			return a.with(&t, func(st store) error {
				if len(args) < 2 && !remove {
					return a.printSynonyms(cmd.Context(), st, args[0])
				}
				rules, err := st.SetSynonyms(cmd.Context(), args[0], text)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.stdout, "%s: %s of synonyms\n", args[0], count(rules, "rule"))
				return err
			})
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&remove, "clear", false, "forget the synonyms")
	return verb(c, func(args []string) error {
		if len(args) == 2 {
			return nil
		}
		return exactly(1, "the name of a collection")(args)
	})
}

// readSynonyms reads a file; what is wrong with it is told before a store is
// opened.
func (a *app) readSynonyms(name string) (string, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer a.close(f)
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, index.MaxSynonymBytes+1))
	if err != nil {
		return "", err
	}
	if _, err := index.ParseSynonyms(string(b)); err != nil {
		return "", cli.WithHint(fmt.Errorf("%s: %w", name, err), "a line is car, auto, automobile or tv => television")
	}
	return string(b), nil
}

func (a *app) printSynonyms(ctx context.Context, st store, collection string) error {
	text, err := st.Synonyms(ctx, collection)
	if err != nil {
		return err
	}
	if text == "" {
		a.note("%s has no synonyms", collection)
		return nil
	}
	_, err = io.WriteString(a.stdout, strings.TrimSuffix(text, "\n")+"\n")
	return err
}

// SetSynonyms replaces a collection's synonyms.
func (r *remote) SetSynonyms(ctx context.Context, collection, text string) (rules int, err error) {
	var answer struct {
		Synonyms int `json:"synonyms"`
	}
	err = r.send(ctx, http.MethodPut, collectionPath(collection, "synonyms"), "text/plain; charset=utf-8", strings.NewReader(text), &answer)
	return answer.Synonyms, err
}

// Synonyms returns the text of a collection's synonyms.
func (r *remote) Synonyms(ctx context.Context, collection string) (string, error) {
	var text bytes.Buffer
	err := r.download(ctx, collectionPath(collection, "synonyms"), &text)
	return text.String(), err
}
