package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/internal/cli"
	"semdex/nli"
	"semdex/nli/cross"
)

// labelledFlags say how files of labelled or scored pairs are read.
type labelledFlags struct {
	columns  []string
	quotes   string
	noHeader bool
	labels   []string

	names nli.LabelMap // read from labels
}

func (f *labelledFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringSliceVar(&f.columns, "columns", nil, "`names` or numbers of three columns: first text, second text, label (default found out)")
	flags.StringVar(&f.quotes, "quotes", "", "what quotes mean in tab-separated files: csv or literal (default found out)")
	flags.BoolVar(&f.noHeader, "no-header", false, "the first row is data, even if it looks like a header")
	flags.StringSliceVar(&f.labels, "labels", nil, "`label=name` gives labels of the files other names, such as 0=entailment")
}

func (f *labelledFlags) parse(cmd *cobra.Command) error {
	if len(f.columns) != 0 && len(f.columns) != 3 {
		return usage(cmd, "--columns names %d columns, want three: first text, second text, label", len(f.columns))
	}
	if f.quotes != "" {
		if err := oneOf(cmd, "quotes", f.quotes, nli.QuotesCSV, nli.QuotesLiteral); err != nil {
			return err
		}
	}
	f.names = make(nli.LabelMap)
	for _, l := range f.labels {
		from, to, ok := strings.Cut(l, "=")
		if !ok || from == "" || to == "" {
			return usage(cmd, "--labels %q is not of the form label=name", l)
		}
		f.names[strings.ToLower(from)] = to
	}
	return nil
}

// read reads a file of pairs.
func (f *labelledFlags) read(path string, kind nli.Kind) (*nli.Dataset, error) {
	d, err := nli.Read(path, nli.Format{Kind: kind, Columns: f.columns, Quotes: nli.Quoting(f.quotes), NoHeader: f.noHeader})
	if errors.Is(err, nli.ErrLayout) {
		err = cli.WithHint(err, "--columns A,B,LABEL says which columns to take, by name or by number from 1")
	}
	return d, err
}

// readAll reads files, and the parts of folders in SNLI's three-file form.
func (f *labelledFlags) readAll(paths []string, kind nli.Kind) ([]*nli.Dataset, error) {
	paths, err := nli.Expand(paths...)
	if err != nil {
		return nil, err
	}
	var out []*nli.Dataset
	for _, path := range paths {
		d, err := f.read(path, kind)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// judged says what the pairs of a task are judged by.
type judged struct {
	objective cross.Objective
	labels    []string // of classes; nil for scores
	top       float64  // the highest score
}

// set turns a corpus into pairs with classes or scores.
func (j *judged) set(d *nli.Dataset, names nli.LabelMap) (*cross.Set, error) {
	if j.labels == nil {
		s, err := cross.NewScores(d, j.top)
		if errors.Is(err, nli.ErrScore) {
			err = cli.WithHint(err, "--top-score says which is the highest score of the files")
		}
		return s, err
	}
	s, err := cross.NewSet(d, j.labels, names)
	if errors.Is(err, nli.ErrLabel) {
		err = cli.WithHint(err, "--labels LABEL=NAME gives a label another name, such as 0=entailment")
	}
	return s, err
}

// topScore is the highest score of an objective where the user names none.
func topScore(o cross.Objective) float64 {
	if o == cross.Similarity {
		return 5
	}
	return 1
}

// labelledData is what a training on labelled pairs reads.
type labelledData struct {
	train   *cross.Set
	dev     []*cross.Set
	sources []card.Source
}

// readLabelled reads training and development files. Pairs that stand in a
// development file, or twice in a training file, are not trained on.
func (a *app) readLabelled(f *labelledFlags, j *judged, train, dev []string) (*labelledData, error) {
	for _, path := range train {
		if parts, err := nli.Expand(path); err != nil || len(parts) > 1 {
			return nil, errors.Join(err, cli.WithHint(fmt.Errorf("%s holds %d sets", path, len(parts)), "name one of them: %s", strings.Join(parts, ", ")))
		}
	}
	held, err := f.readAll(dev, j.objective.Kind())
	if err != nil {
		return nil, err
	}
	data := new(labelledData)
	for _, d := range held {
		s, err := j.set(d, f.names)
		if err != nil {
			return nil, err
		}
		data.dev = append(data.dev, s)
	}
	corpora, err := f.readAll(train, j.objective.Kind())
	if err != nil {
		return nil, err
	}
	var sets []*cross.Set
	for _, d := range corpora {
		rest, leaks, duplicates := d.Without(held...)
		if leaks > 0 {
			a.warn("%s: left out %s of the development files", d.Path, count(leaks, "pair"))
		}
		if duplicates > 0 {
			a.note("%s: left out %s that stood before", d.Path, count(duplicates, "pair"))
		}
		s, err := j.set(rest, f.names)
		if err != nil {
			return nil, err
		}
		sets = append(sets, s)
		data.sources = append(data.sources, card.Source{Name: d.Path, Count: len(rest.Rows), Unit: "pairs"})
	}
	data.train = cross.Join(strings.Join(train, ", "), sets...)
	return data, data.train.Varied()
}
