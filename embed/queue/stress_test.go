package queue_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"semdex/embed/queue"
)

// TestStress lets many callers do everything at once: both classes, sizes from
// nothing to more than a batch, cancellation at any time, bad requests, and a
// queue that closes under them. Every answer must be right or the error that
// was earned; afterwards the books must balance.
func TestStress(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	enc := &instant{}
	o := queue.Options{Workers: 3, BatchTokens: 50, MinTokens: 5, MaxWaiting: 40, BulkWeight: 2}
	q := queue.New(enc, o)
	const callers, each = 64, 100
	var wg sync.WaitGroup
	var answered, refused, closed, total atomic.Int64
	for caller := range callers {
		r := rand.New(rand.NewPCG(seed, uint64(caller)))
		wg.Go(func() {
			for range each {
				// One caller closes the queue when nine in ten requests have
				// begun; its own request after that finds it closed.
				if total.Add(1) == callers*each*9/10 {
					if err := q.Close(context.Background()); err != nil {
						t.Error(err)
					}
				}
				switch err := stress(t, q, r); {
				case err == nil:
					answered.Add(1)
				case errors.Is(err, queue.ErrOverloaded):
					refused.Add(1)
				case errors.Is(err, queue.ErrClosed):
					closed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("%d answered, %d refused, %d closed of %d", answered.Load(), refused.Load(), closed.Load(), total.Load())
	if answered.Load() == 0 || closed.Load() == 0 {
		t.Error("the test does not test much")
	}
	if n := enc.mostAtOnce.Load(); n > int64(o.Workers) {
		t.Errorf("%d batches at once", n)
	}
	s := q.Stats()
	if s.Busy != 0 || s.Prefetched {
		t.Errorf("%+v", s)
	}
	for _, c := range s.Classes {
		if c.Waiting != 0 || c.WaitingTokens != 0 || c.Held != 0 {
			t.Errorf("%+v", c)
		}
	}
}

// stress makes one random request and checks the answer.
func stress(t *testing.T, q *queue.Queue, r *rand.Rand) error {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := queue.Request{Class: queue.Class(r.IntN(2)), Wait: r.IntN(3) == 0}
	for range r.IntN(6) {
		ids := make([]int32, r.IntN(25))
		for i := range ids {
			ids[i] = r.Int32N(1000)
		}
		req.IDs = append(req.IDs, ids)
	}
	var fault int32
	if n := len(req.IDs); n > 0 && r.IntN(20) == 0 {
		fault = []int32{poison, bomb}[r.IntN(2)]
		req.IDs[r.IntN(n)] = []int32{1, fault}
	}
	goes := r.IntN(4) == 0
	if goes {
		go cancel()
	}
	got, err := q.Do(ctx, req)
	var p *queue.PanicError
	switch {
	case err == nil:
		if err := check(req, got); err != nil || fault != 0 {
			t.Errorf("%v; fault %d", err, fault)
		}
	case errors.Is(err, context.Canceled) && goes,
		errors.Is(err, errPoison) && fault == poison,
		errors.As(err, &p) && fault == bomb,
		errors.Is(err, queue.ErrOverloaded) && !req.Wait,
		errors.Is(err, queue.ErrClosed):
	default:
		t.Errorf("undeserved error %v", err)
	}
	return err
}
