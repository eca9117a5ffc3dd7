package api

import (
	"context"
	"io"
	"iter"

	"semdex/index"
)

// Index is what the server needs of an index; *index.Service is one. Its errors
// are those of package index; it is safe for concurrent use.
type Index interface {
	// Create makes a collection; zero settings have defaults.
	Create(ctx context.Context, collection string, s index.Settings) error
	// Info describes a collection.
	Info(ctx context.Context, collection string) (index.Info, error)
	// List describes all collections, ordered by name.
	List(ctx context.Context) ([]index.Info, error)
	// Drop deletes a collection.
	Drop(ctx context.Context, collection string) error
	Tunable
	Thesaurus
	Aliases
	// Export writes a collection as it is at one moment. It writes nothing when
	// there is no such collection.
	Export(ctx context.Context, collection string, w io.Writer, o index.ExportOptions) (index.ExportHeader, error)

	// Reembeddings are the collections on their way to another model, by name.
	Reembeddings() map[string]index.Reembedding

	// PutStream stores documents in batches as they come, in a collection that
	// it makes if there is none. It tells after each batch what is durable.
	PutStream(ctx context.Context, collection string, documents iter.Seq2[index.Document, error], progress func(index.Progress)) (index.PutResult, error)
	// Get returns a document.
	Get(ctx context.Context, collection, id string) (index.Document, error)
	// Delete removes documents and reports how many there were.
	Delete(ctx context.Context, collection string, ids ...string) (int, error)
	// DeleteWhere removes the documents that the filter accepts.
	DeleteWhere(ctx context.Context, collection string, f index.Filter) (int, error)

	// Search answers a query.
	Search(ctx context.Context, collection string, q index.Query) (index.Result, error)
	// QueryVector is the vector that Search has for a text, of length 1; nil if
	// the model finds nothing in it.
	QueryVector(ctx context.Context, collection, text string) ([]float32, error)
}

var _ Index = (*index.Service)(nil)
