// Package api serves an index and an encoder over HTTP: search, documents and
// collections in this project's own shapes, embeddings in the shapes that
// existing clients speak. New makes a Server from Options; Run serves until
// its context ends and drains before it returns. The routes stand in one
// table, routes.go; the errors in another, errors.go.
//
// The package knows the encoder and the index only as the interfaces Embedder
// and Index.
package api
