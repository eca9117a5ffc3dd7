package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"

	"semdex/index"
)

const collectionsSetLong = `Change how a collection's vectors are searched: auto scans small collections and
builds a graph for large ones, exact always scans, graph builds one as soon as that
can be faster (5,000 passages), coder searches the graph with coder/hnsw.

A graph is built while a server, or another long run, has the folder open; until
then searches go on as before. The other settings of a collection are fixed.`

const collectionsSetExample = `  semdex collections set -d data notes --vectors exact
  semdex collections set --server http://127.0.0.1:8080 notes --vectors auto`

func (a *app) collectionsSetCommand() *cobra.Command {
	var t target
	var vectors string
	c := &cobra.Command{
		Use:     "set [flags] COLLECTION",
		Short:   "Change how a collection's vectors are searched",
		Long:    collectionsSetLong,
		Example: collectionsSetExample,
		RunE: func(cmd *cobra.Command, names []string) error {
			if vectors == "" {
				return usage(cmd, "there is nothing to change: give --vectors")
			}
			if err := index.Vectors(vectors).Check(); err != nil {
				return usage(cmd, "%v", err)
			}
			return a.with(&t, func(st store) error {
				if err := st.SetVectors(cmd.Context(), names[0], index.Vectors(vectors)); err != nil {
					return err
				}
				_, err := fmt.Fprintf(a.stdout, "%s: vectors %s\n", names[0], vectors)
				return err
			})
		},
	}
	t.flags(c)
	c.Flags().StringVar(&vectors, "vectors", "", "`way` to search vectors: auto, exact, graph or coder")
	return verb(c, exactly(1, "the name of a collection"))
}

// SetVectors changes how a collection's vectors are searched.
func (r *remote) SetVectors(ctx context.Context, collection string, v index.Vectors) error {
	var answer index.Info
	return r.call(ctx, http.MethodPatch, collectionPath(collection), map[string]any{"vectors": v.OrAuto()}, &answer)
}

// create makes a collection; settings that are not given are the server's.
func (r *remote) create(ctx context.Context, collection string, s index.Settings) error {
	request := make(map[string]any)
	if s.Split != (index.SplitOptions{}) {
		request["split"] = s.Split
	}
	if s.Vectors.OrAuto() != index.VectorsAuto { // servers of before do not know it
		request["vectors"] = s.Vectors
	}
	if len(s.Fields) > 0 {
		request["fields"] = s.Fields
	}
	var created index.Info
	return r.call(ctx, http.MethodPut, collectionPath(collection), request, &created)
}
