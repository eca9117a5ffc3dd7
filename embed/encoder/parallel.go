package encoder

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// tickets hands out the numbers 0 to n-1, each once, to any number of workers.
type tickets struct {
	ctx  context.Context
	n    int64
	next atomic.Int64
}

// take is the next number; ok is false when none is left or the context ended.
func (t *tickets) take() (i int, ok bool) {
	if t.ctx.Err() != nil {
		return 0, false
	}
	i64 := t.next.Add(1) - 1
	return int(i64), i64 < t.n
}

// share runs work on up to workers goroutines, which take their tickets from
// one source, and waits for all of them. It returns the first error, or ctx's
// if that ended before every ticket was worked off.
func share(ctx context.Context, workers, n int, work func(t *tickets) error) error {
	if workers = min(workers, n); workers <= 1 {
		t := &tickets{ctx: ctx, n: int64(n)}
		if err := work(t); err != nil {
			return err
		}
		return ctx.Err()
	}
	group, inner := errgroup.WithContext(ctx)
	t := &tickets{ctx: inner, n: int64(n)}
	for range workers {
		group.Go(func() error { return work(t) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
