package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
)

const aliasLong = `An alias is another name of a collection: searches, documents and everything else
that names a collection can name the alias. Setting it again moves it in one step,
so that a new collection takes the place of an old one between two searches.`

func (a *app) aliasCommand() *cobra.Command {
	list := a.aliasListCommand()
	c := group("alias", "Give collections other names, and move them", list, a.aliasSetCommand(), a.aliasDeleteCommand())
	c.Long = aliasLong
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return showHelp(cmd, args)
		}
		return list.RunE(cmd, nil)
	}
	return c
}

func (a *app) aliasListCommand() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the aliases",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(&t, func(st store) error {
				list, err := st.Aliases(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(append([]index.Alias{}, list...))
				}
				table := cli.Table{Header: []string{"alias", "collection"}}
				for _, alias := range list {
					table.Rows = append(table.Rows, []string{alias.Name, alias.Collection})
				}
				if len(list) == 0 {
					a.note("there are no aliases")
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

func (a *app) aliasSetCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "set [flags] ALIAS COLLECTION",
		Short: "Make an alias, or move it to another collection",
		Long:  aliasLong,
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.with(&t, func(st store) error {
				if err := st.SetAlias(cmd.Context(), names[0], names[1]); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.stdout, "%s leads to %s\n", names[0], names[1])
				return err
			})
		},
	}
	t.flags(c)
	return verb(c, exactly(2, "the alias or the name of the collection"))
}

func (a *app) aliasDeleteCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use:   "delete [flags] ALIAS",
		Short: "Forget an alias; its collection stays",
		RunE: func(cmd *cobra.Command, names []string) error {
			return a.with(&t, func(st store) error {
				if err := st.DeleteAlias(cmd.Context(), names[0]); err != nil {
					return err
				}
				a.note("forgot %s", names[0])
				return nil
			})
		},
	}
	t.flags(c)
	return verb(c, exactly(1, "the alias"))
}
