package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

func (a *app) checkCommand() *cobra.Command {
	var data string
	var asJSON bool
	c := &cobra.Command{
		Use:   "check [flags] [COLLECTION...]",
		Short: "Verify what a data folder holds",
		Long: `Read everything in a data folder and compare its parts: documents, passages,
vectors and the text index. Exit status 1 if anything is wrong.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			reports, err := a.check(cmd.Context(), data, names)
			if err != nil {
				return err
			}
			if asJSON {
				err = a.printJSON(reports)
			} else {
				err = a.printReports(reports)
			}
			if err == nil && slices.ContainsFunc(reports, func(r index.Report) bool { return len(r.Problems) > 0 }) {
				a.note("a damaged collection can be dropped (semdex collections drop) and its documents indexed again")
				return cli.ErrShown
			}
			return err
		},
	}
	c.Flags().StringVarP(&data, "data", "d", defaultData, "`folder` of the index")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atLeast(0, ""))
}

func (a *app) check(ctx context.Context, data string, names []string) ([]index.Report, error) {
	engine, err := a.openEngine(data, mustExist)
	if err != nil {
		return nil, err
	}
	service := index.NewService(engine, nil, index.ServiceOptions{})
	defer a.close(service)
	if len(names) == 0 {
		names = engine.Names()
	}
	reports := []index.Report{}
	for _, name := range names {
		r, err := service.Check(ctx, name)
		if errors.Is(err, index.ErrCorrupt) { // too damaged to be opened
			r, err = index.Report{Collection: name, Problems: []string{err.Error()}}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("check %s: %w", name, err)
		}
		reports = append(reports, r)
	}
	return reports, nil
}

func (a *app) printReports(reports []index.Report) error {
	table := cli.Table{Header: []string{"collection", "documents", "passages", "vectors", "text", "sequence", ""}, Right: []bool{false, true, true, true, true, true}}
	for _, r := range reports {
		verdict := "sound"
		if n := len(r.Problems); n > 0 {
			verdict = count(n, "problem")
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
	if err := table.Write(a.stdout, a.out); err != nil {
		return err
	}
	for _, r := range reports {
		for _, p := range r.Problems {
			if _, err := fmt.Fprintf(a.stdout, "%s: %s\n", r.Collection, p); err != nil {
				return err
			}
		}
	}
	return nil
}
