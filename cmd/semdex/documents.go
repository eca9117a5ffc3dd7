package main

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/internal/cli"
)

func (a *app) getCommand() *cobra.Command {
	var t target
	var asJSON bool
	c := &cobra.Command{
		Use:   "get [flags] ID",
		Short: "Show a document",
		RunE: func(cmd *cobra.Command, ids []string) error {
			return a.with(&t, func(st store) error {
				d, err := st.Get(cmd.Context(), t.collection, ids[0])
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(d)
				}
				return a.printDocument(d)
			})
		},
	}
	t.flags(c)
	t.collectionFlag(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, exactly(1, "the id of a document"))
}

// printDocument writes title, metadata and text. The text goes out as it is
// stored unless a terminal would act on it.
func (a *app) printDocument(d index.Document) error {
	if d.Title != "" {
		_, _ = fmt.Fprintf(a.stdout, "%s\n", a.out.Paint(cli.Bold, a.clean(d.Title)))
	}
	for _, name := range slices.Sorted(maps.Keys(d.Metadata)) {
		_, _ = fmt.Fprintf(a.stdout, "%s\n", a.out.Paint(cli.Faint, a.clean(name+": "+metaText(d.Metadata[name]))))
	}
	if d.Title != "" || len(d.Metadata) > 0 {
		_, _ = fmt.Fprintln(a.stdout)
	}
	_, err := fmt.Fprintln(a.stdout, a.clean(d.Text))
	return err
}

func (a *app) clean(text string) string {
	if a.out.IsTerminal {
		return cli.CleanLines(text)
	}
	return text
}

func (a *app) deleteCommand() *cobra.Command {
	var t target
	var filter string
	var asJSON bool
	c := &cobra.Command{
		Use:   "delete [flags] ID...",
		Short: "Delete documents, by id or by a condition",
		Example: `  semdex delete -c notes todo.md
  semdex delete --filter 'year < 2000'`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if (len(ids) == 0) == (filter == "") {
				return usage(cmd, "delete: give either ids or --filter")
			}
			var condition index.Filter
			if filter != "" {
				var err error
				if condition, err = index.ParseFilter(filter); err != nil {
					return usage(cmd, "%v", err)
				}
			}
			return a.with(&t, func(st store) error {
				n, err := deleteFrom(cmd.Context(), st, t.collection, ids, condition)
				if err != nil {
					return err
				}
				if asJSON {
					return a.printJSON(map[string]int{"deleted": n})
				}
				_, err = fmt.Fprintf(a.stdout, "%s: %s deleted\n", t.collection, count(n, "document"))
				return err
			})
		},
	}
	t.flags(c)
	t.collectionFlag(c)
	c.Flags().StringVar(&filter, "filter", "", "`condition` on metadata, such as 'lang = \"ko\"'")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return verb(c, atLeast(0, ""))
}

func deleteFrom(ctx context.Context, st store, collection string, ids []string, f index.Filter) (int, error) {
	if f != nil {
		return st.DeleteWhere(ctx, collection, f)
	}
	return st.Delete(ctx, collection, ids...)
}
