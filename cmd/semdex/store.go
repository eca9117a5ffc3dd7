package main

import (
	"context"
	"io"
	"iter"

	"github.com/spf13/cobra"

	"semdex/index"
)

// store is where documents live: a data folder on this machine, or a server.
type store interface {
	PutStream(ctx context.Context, collection string, documents iter.Seq2[index.Document, error], progress func(index.Progress)) (index.PutResult, error)
	Search(ctx context.Context, collection string, q index.Query) (index.Result, error)
	Get(ctx context.Context, collection, id string) (index.Document, error)
	Delete(ctx context.Context, collection string, ids ...string) (int, error)
	DeleteWhere(ctx context.Context, collection string, f index.Filter) (int, error)
	Info(ctx context.Context, collection string) (index.Info, error)
	List(ctx context.Context) ([]index.Info, error)
	Drop(ctx context.Context, collection string) error
	SetSynonyms(ctx context.Context, collection, text string) (rules int, err error)
	Synonyms(ctx context.Context, collection string) (string, error)
	SetVectors(ctx context.Context, collection string, v index.Vectors) error
	SetAlias(ctx context.Context, alias, collection string) error
	DeleteAlias(ctx context.Context, alias string) error
	Aliases(ctx context.Context) ([]index.Alias, error)
	Export(ctx context.Context, collection string, w io.Writer, o index.ExportOptions) (index.ExportHeader, error)
	Import(ctx context.Context, collection string, in *index.ExportReader, o index.ImportOptions, progress func(index.Progress)) (index.PutResult, error)
	Settle(ctx context.Context, collection string, progress func(done, total int)) error
	Close() error
}

var (
	_ store = (*index.Service)(nil)
	_ store = (*remote)(nil)
)

// defaultData is the data folder where none is named.
const defaultData = "semdex-data"

// defaultCollection is the collection where none is named.
const defaultCollection = "default"

// target says which store a verb works on.
type target struct {
	data       string
	server     string
	apiKey     string
	collection string
}

// flags adds the flags that choose the store.
func (t *target) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&t.data, "data", "d", defaultData, "`folder` of the index")
	f.StringVar(&t.server, "server", "", "ask the server at this `URL` instead of opening a folder")
	f.StringVar(&t.apiKey, "api-key", "", "`key` that the server wants")
}

// collectionFlag adds the flag that chooses a collection of the store.
func (t *target) collectionFlag(c *cobra.Command) {
	c.Flags().StringVarP(&t.collection, "collection", "c", defaultCollection, "`name` of the collection")
}
