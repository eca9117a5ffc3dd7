// Package vector finds the rows of a set of float32 vectors that have the
// largest dot products with a query. Rows are numbered from 0.
//
// Three backends implement Index over the same Rows:
//
//   - Exact scans int8 codes and rescores in float32; its answers are those of
//     brute force.
//   - Graph walks a hierarchical navigable small world graph (Malkov and
//     Yashunin, arXiv:1603.09320) over the int8 codes, rescores in float32, and
//     scans instead wherever a scan is the cheaper way.
//   - Coder searches the same graph with github.com/coder/hnsw.
//
// An Index does not change; it may be searched by any number of goroutines.
package vector

import (
	"context"
	"errors"
)

// Errors of this package, wrapped with their context.
var (
	// ErrCorrupt is a file that is not what was written.
	ErrCorrupt = errors.New("the vector file is damaged")
	// ErrNewerFormat is a file of a later version of this package.
	ErrNewerFormat = errors.New("the vector file has a newer format")
	// ErrRecall is a backend that does not find what it should.
	ErrRecall = errors.New("the vector index misses too many neighbours")
	// ErrUnsupported is a backend that this platform does not have.
	ErrUnsupported = errors.New("this vector backend is not available on this platform")
)

// Index searches a fixed set of rows.
type Index interface {
	// Search returns the Query.K accepted rows with the largest dot products
	// with Query.Vector, best first, fewer only if there are no more. Rows of
	// zeros are never returned. The only errors are the context's.
	Search(ctx context.Context, q Query) ([]Hit, Stats, error)
	// Len is the number of rows.
	Len() int
	// Bytes is the memory that the index needs beside the float32 values.
	Bytes() int64
}

// Query is what to search for.
type Query struct {
	// Vector has as many finite values as each row.
	Vector []float32
	K      int
	// EF is how many candidates a walk keeps, at least K; DefaultEF(K) if 0. More
	// find more of the true neighbours and take longer.
	EF int
	// Accept says which rows may be returned; nil accepts all.
	Accept *Accept
	// Budget bounds the dot products of a walk through rows that Accept
	// rejects; a walk that reaches it gives way to a scan. The default, 0, is
	// as many as the scan needs.
	Budget int
	// Before orders rows of equal scores; by number if nil.
	Before func(a, b uint32) bool
}

// Hit is a row with its dot product.
type Hit struct {
	Row   uint32
	Score float32
}

// Plans name how a search was carried out.
const (
	PlanExact    = "exact"          // scan of all rows or of the accepted ones
	PlanGraph    = "graph"          // walk
	PlanFallback = "graph+exact"    // walk given up, then a scan
	PlanCoder    = "coder"          // walk by coder/hnsw
	PlanMixed    = "graph+unsealed" // walk, and a scan of rows that came later
)

// Stats tell what a search did.
type Stats struct {
	Plan      string
	Visited   int // nodes whose neighbours were looked at
	Distances int // dot products of int8 codes
	Rescored  int // dot products of float32 values
}

// Add adds the work of another search.
func (s *Stats) Add(o Stats) {
	s.Visited += o.Visited
	s.Distances += o.Distances
	s.Rescored += o.Rescored
}

// DefaultEF is the number of candidates for k results that finds about 98 % of
// them among 100,000 vectors.
func DefaultEF(k int) int { return max(64, k+k/2+16) }
