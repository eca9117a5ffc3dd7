package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"semdex/internal/cli"
	"semdex/internal/progress"
	"semdex/nli"
)

const dataCheckLong = `Read corpora of labelled or scored pairs and report what spoils a training or an
evaluation: pairs that stand twice, pairs with two different labels, and pairs
that also stand in the sets that --against names, which are to be held out. Case,
white space, punctuation and the form of accents make no difference.

Files are those of SNLI, MultiNLI, KorNLI, XNLI, KLUE, STS-B, KorSTS, SICK, and
CSV, TSV or JSON lines of your own; SNLI in three files is named by its folder.`

const dataCheckExample = `  semdex data check klue-nli-train.csv --against klue-nli-dev.json --fail
  semdex data check --columns question,answer,verdict --labels 1=entailment,0=contradiction faq.csv`

// dataCheckFlags are the flags of the verb data check.
type dataCheckFlags struct {
	labelledFlags
	against []string
	show    int
	fail    bool
	asJSON  bool
}

func (a *app) dataCommand() *cobra.Command {
	return group("data", "Look at training data, and make some", a.dataCheckCommand(), a.dataClozeCommand())
}

func (a *app) dataCheckCommand() *cobra.Command {
	var f dataCheckFlags
	c := &cobra.Command{
		Use: "check [flags] FILE...", Short: "Find duplicates, conflicting labels and leaks",
		Long: dataCheckLong, Example: dataCheckExample,
		RunE: func(cmd *cobra.Command, files []string) error {
			if err := f.parse(cmd); err != nil {
				return err
			}
			return a.dataCheck(files, &f)
		},
	}
	f.add(c)
	flags := c.Flags()
	flags.StringSliceVar(&f.against, "against", nil, "`files` that are held out")
	flags.IntVar(&f.show, "show", 5, "`rows` to show of every kind of problem; JSON has all")
	flags.BoolVar(&f.fail, "fail", false, "exit with 1 if anything is found")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, atLeast(1, "a file"))
}

func (a *app) dataCheck(files []string, f *dataCheckFlags) error {
	held, err := f.readAll(f.against, nli.Any)
	if err != nil {
		return err
	}
	corpora, err := f.readAll(files, nli.Any)
	if err != nil {
		return err
	}
	var audits []*nli.Audit
	found := false
	for _, d := range corpora {
		audit := d.Check(f.names, held...)
		audits = append(audits, audit)
		found = found || audit.Problems()
	}
	if f.asJSON {
		err = a.printJSON(audits)
	} else {
		err = a.printAudits(audits, f.show)
	}
	if err == nil && found && f.fail {
		return cli.ErrShown
	}
	return err
}

func (a *app) printAudits(audits []*nli.Audit, show int) error {
	table := cli.Table{
		Header: []string{"file", "pairs", "unlabelled", "duplicates", "conflicts", "leaks", "labels"},
		Right:  []bool{false, true, true, true, true, true},
	}
	number := func(n int) string { return progress.Count(int64(n)) }
	for _, r := range audits {
		table.Rows = append(table.Rows, []string{
			r.Path, number(r.Rows), number(r.Unlabelled), number(len(r.Duplicates)), number(len(r.Conflicts)), number(len(r.Leaks)), labelSummary(r),
		})
	}
	err := table.Write(a.stdout, a.out)
	for _, r := range audits {
		for _, p := range []struct {
			rows []nli.Repeat
			text string
		}{{r.Duplicates, "stands before at %s"}, {r.Conflicts, "has another label than at %s"}, {r.Leaks, "stands in the held-out %s"}} {
			err = errors.Join(err, a.printRepeats(p.rows, p.text, show))
		}
	}
	return err
}

func labelSummary(r *nli.Audit) string {
	if s := r.Scores; s != nil {
		return fmt.Sprintf("scores %g to %g, mean %.2f", s.Low, s.High, s.Mean)
	}
	var parts []string
	for _, l := range r.Labels {
		parts = append(parts, fmt.Sprintf("%s %s", l.Label, progress.Count(int64(l.Rows))))
	}
	return strings.Join(parts, ", ")
}

func (a *app) printRepeats(rows []nli.Repeat, text string, show int) error {
	for i, r := range rows {
		if i == show {
			_, err := fmt.Fprintf(a.stdout, "  and %s\n", count(len(rows)-show, "more row"))
			return err
		}
		before := fmt.Sprintf("%s (%s)", placeOf(r.Before), r.Before.Gold)
		_, err := fmt.Fprintf(a.stdout, "%s (%s) %s\n  %s\n", placeOf(r.Place), r.Gold, fmt.Sprintf(text, before),
			a.out.Paint(cli.Faint, cli.Fit(cli.Clean(r.A+" | "+r.B), a.out.Width()-2)))
		if err != nil {
			return err
		}
	}
	return nil
}

func placeOf(p nli.Place) string {
	s := fmt.Sprintf("%s:%d", p.Path, p.Line)
	if p.ID != "" {
		s += " " + p.ID
	}
	return s
}
