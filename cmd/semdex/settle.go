package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"semdex/index"
	"semdex/internal/cli"
	"semdex/internal/progress"
)

// settle waits, after a verb has filled a collection, for its graph of vectors,
// which closing the folder would give up, as it would a compaction. Where there is
// no graph to be built it says nothing.
func (a *app) settle(ctx context.Context, st store, collection string) error {
	begin := time.Now()
	var bar *progress.Bar
	var done, total atomic.Int64
	err := st.Settle(ctx, collection, func(n, of int) {
		done.Store(int64(n))
		total.Store(int64(of))
		if bar == nil {
			bar = a.progress("building the graph of vectors", func() progress.State {
				return progress.State{Done: done.Load(), Total: total.Load()}
			})
		}
	})
	if bar != nil {
		bar.Stop()
	}
	switch {
	case errors.Is(err, index.ErrCollectionNotFound): // there were no documents
		return nil
	case errors.Is(err, context.Canceled):
		return cli.WithHint(err, "all documents are stored; the graph of vectors is built when the folder is open again")
	case err == nil && bar != nil && done.Load() == total.Load():
		a.note("built the graph of %s in %s", count(total.Load(), "vector"), progress.Duration(time.Since(begin)))
	}
	return err
}

// Settle has nothing to wait for: a server goes on by itself.
func (r *remote) Settle(context.Context, string, func(done, total int)) error { return nil }
