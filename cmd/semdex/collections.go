package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

func (a *app) collectionsCommand() *cobra.Command {
	list := a.collectionsListCommand()
	c := group("collections", "List, describe, change and drop collections",
		list, a.collectionsInfoCommand(), a.collectionsSetCommand(), a.collectionsSynonymsCommand(), a.collectionsDropCommand())
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return showHelp(cmd, args)
		}
		return list.RunE(cmd, nil)
	}
	return c
}

func (a *app) collectionsListCommand() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the collections",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(&t, func(st store) error {
				infos, err := st.List(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(append([]index.Info{}, infos...))
				}
				table := cli.Table{Header: []string{"collection", "documents", "passages", "size", "model"}, Right: []bool{false, true, true, true}}
				for _, i := range infos {
					table.Rows = append(table.Rows, []string{
						i.Name, progress.Count(int64(i.Documents)), progress.Count(int64(i.Passages)),
						progress.Bytes(i.Bytes), cli.Fit(i.Settings.Model, 24),
					})
				}
				if len(infos) == 0 {
					a.note("there are no collections")
					return nil
				}
				return table.Write(a.stdout, a.out)
			})
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, noArgs)
}

func (a *app) collectionsInfoCommand() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "info [flags] COLLECTION",
		Short: "Describe a collection and its fields",
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.with(&t, func(st store) error {
				info, err := st.Info(cmd.Context(), names[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(info)
				}
				return a.printInfo(info)
			})
		},
	}
	t.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "the name of a collection"))
}

func (a *app) printInfo(i index.Info) error {
	s := i.Settings
	table := cli.Table{Rows: [][]string{
		{"collection", i.Name},
		{"documents", progress.Count(int64(i.Documents))},
		{"passages", progress.Count(int64(i.Passages))},
		{"size", progress.Bytes(i.Bytes)},
		{"created", i.Created.Local().Format(time.DateTime)},
		{"model", s.Model},
		{"dimensions", fmt.Sprint(s.Dims)},
		{"analyzer", s.Analyzer},
		{"passages of", s.Split.String()},
		{"vectors", string(s.Vectors.OrAuto())},
	}}
	if i.Synonyms > 0 {
		table.Rows = append(table.Rows, []string{"synonyms", count(i.Synonyms, "rule")})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Fields)) {
		table.Rows = append(table.Rows, []string{"field", name + " (" + string(s.Fields[name]) + ")"})
	}
	return table.Write(a.stdout, a.out)
}

func (a *app) collectionsDropCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "drop [flags] COLLECTION",
		Short: "Delete a collection and everything in it",
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.with(&t, func(st store) error {
				if err := st.Drop(cmd.Context(), names[0]); err != nil {
					return err
				}
				a.note("dropped %s", names[0])
				return nil
			})
		},
	}
	t.flags(c)
	return verb(c, exactly(1, "the name of a collection"))
}
