package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/index/local"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

const checkLong = `Read everything in a data folder and compare its parts: documents, passages,
vectors and the text index.

With --repair what is derived from the log is made anew where it is wrong: the text
index and the graph of vectors. A write that a crash cut short needs no repair:
opening a collection removes it. The log itself has no second copy; where it is
damaged nothing is changed, and a backup has to be restored, or the collection
dropped and its documents indexed again. Aliases that cannot be read are put aside.

Exit status 0 if all is sound (or sound again), 1 if anything is wrong.`

func (a *app) checkCommand() *cobra.Command {
	var data string
	var asJSON, repair bool
	c := &cobra.Command{
		Use:   "check [flags] [COLLECTION...]",
		Short: "Verify what a data folder holds, and repair what can be",
		Long:  checkLong,
		RunE: func(cmd *cobra.Command, names []string) error {
			reports, err := a.check(cmd.Context(), data, names, repair)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(reports)
			} else {
				err = a.printReports(reports)
			}
			if err == nil && slices.ContainsFunc(reports, func(r local.Repaired) bool { return len(r.Problems) > 0 }) {
				a.adviseRepair(repair)
				return cli.ErrShown
			}
			return err
		},
	}
	c.Flags().StringVarP(&data, "data", "d", defaultData, "`folder` of the index")
	c.Flags().BoolVar(&repair, "repair", false, "make anew what is derived and wrong")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atLeast(0, ""))
}

func (a *app) adviseRepair(tried bool) {
	const lost = "restore a backup (semdex restore), or drop the collection (semdex collections drop) and index its documents again"
	if !tried {
		a.note("semdex check --repair makes anew what is derived from the log; where the log itself is damaged, " + lost)
		return
	}
	a.note("what is left cannot be repaired: " + lost)
}

func (a *app) check(ctx context.Context, data string, names []string, repair bool) (reports []local.Repaired, err error) {
	engine, err := a.openEngine(data, mustExist)
	if err != nil {
		return nil, err
	}
	defer a.close(engine)
	reports = []local.Repaired{}
	if len(names) == 0 {
		names = engine.Names()
		r, err := engine.RepairAliases(repair)
		if err != nil {
			return nil, err
		}
		if len(r.Problems)+len(r.Done) > 0 {
			reports = append(reports, r)
		}
	}
	for _, name := range names {
		r, err := a.checkOne(ctx, engine, name, repair)
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", name, err)
		}
		reports = append(reports, r)
	}
	return reports, nil
}

func (a *app) checkOne(ctx context.Context, engine *local.Engine, name string, repair bool) (local.Repaired, error) {
	if repair {
		return engine.Repair(ctx, name)
	}
	c, err := engine.Open(ctx, name)
	if errors.Is(err, index.ErrCorrupt) { // too damaged to be opened
		return local.Repaired{Report: index.Report{Collection: name, Problems: []string{err.Error()}}}, nil
	}
	if err != nil {
		return local.Repaired{}, err
	}
	r, err := c.Check(ctx)
	return local.Repaired{Report: r}, err
}

func (a *app) printReports(reports []local.Repaired) error {
	table := cli.Table{Header: []string{"collection", "documents", "passages", "vectors", "text", "sequence", ""}, Right: []bool{false, true, true, true, true, true}}
	for _, r := range reports {
		if r.Collection == local.AliasesReport {
			continue
		}
		verdict := "sound"
		switch n := len(r.Problems); {
		case n > 0:
			verdict = count(n, "problem")
		case len(r.Done) > 0:
			verdict = "repaired"
		}
		number := func(n int) string { return progress.Count(int64(n)) }
		table.Rows = append(table.Rows, []string{
			r.Collection, number(r.Documents), number(r.Passages), number(r.Vectors), number(r.TextDocs), fmt.Sprint(r.Sequence), verdict,
		})
	}
	if len(reports) == 0 {
		a.note("there are no collections")
		return nil
	}
	if len(table.Rows) > 0 {
		if err := table.Write(a.stdout, a.out); err != nil {
			return err
		}
	}
	for _, r := range reports {
		for _, p := range append(slices.Clone(r.Done), r.Problems...) {
			if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", r.Collection, p); err != nil {
				return err
			}
		}
	}
	return nil
}
