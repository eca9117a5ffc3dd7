package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"semdex/embed/encoder"
	"semdex/embed/queue"
)

func TestResultsKeepTheirOrder(t *testing.T) {
	r := random(t)
	q := open(t, &instant{}, queue.Options{Workers: 3, BatchTokens: 20, MinTokens: 1})
	for n := range 60 {
		req := queue.Request{IDs: make([][]int32, n), Class: queue.Class(n % 2)}
		if n%3 == 0 {
			req.Types = make([][]int32, n)
		}
		for i := range req.IDs {
			for range r.IntN(30) {
				req.IDs[i] = append(req.IDs[i], r.Int32N(1000))
			}
			if req.Types != nil && i%2 == 0 {
				req.Types[i] = slices.Repeat([]int32{1}, len(req.IDs[i]))
			}
		}
		got, err := q.Do(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(req, got); err != nil {
			t.Errorf("%d sequences: %v", n, err)
		}
	}
}

// TestLoneRequestRunsAtOnce: on a clock that moves only when every goroutine is
// blocked, a request through an idle queue takes no time.
func TestLoneRequestRunsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := open(t, &instant{}, queue.Options{Workers: 2})
		for range 5 {
			time.Sleep(time.Second) // everything is idle and asleep
			from := time.Now()
			got, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1, 2}}, Class: queue.Bulk})
			if err != nil {
				t.Fatal(err)
			}
			if d := time.Since(from); d != 0 || got.Wait != 0 {
				t.Errorf("took %v, waited %v", d, got.Wait)
			}
		}
	})
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 4, MaxWaiting: 3})
		one := func(name int32, c queue.Class) queue.Request {
			return queue.Request{IDs: [][]int32{seq(name, 4)}, Class: c}
		}
		refused := func(r queue.Request) {
			t.Helper()
			from := time.Now()
			if _, err := q.Do(t.Context(), r); !errors.Is(err, queue.ErrOverloaded) {
				t.Fatalf("%v, want ErrOverloaded", err)
			}
			if time.Since(from) != 0 {
				t.Error("refused late")
			}
		}
		var replies []<-chan reply
		add := func(ctx context.Context, r queue.Request) {
			replies = append(replies, ask(ctx, q, r))
			synctest.Wait()
		}
		add(t.Context(), one(1, queue.Interactive))
		first := <-enc.calls // running: it holds no permit
		ctx, cancel := context.WithCancel(t.Context())
		add(t.Context(), one(2, queue.Interactive))
		add(ctx, one(3, queue.Interactive))
		refused(queue.Request{IDs: [][]int32{seq(8, 1), seq(9, 1)}}) // one permit is free
		add(t.Context(), one(4, queue.Interactive))
		refused(one(9, queue.Interactive))
		add(t.Context(), one(5, queue.Bulk)) // has its own permits

		cancel() // gives a permit back
		synctest.Wait()
		add(t.Context(), one(6, queue.Interactive))
		refused(one(9, queue.Interactive))

		first.finish() // and so does a batch that starts
		second := <-enc.calls
		add(t.Context(), one(7, queue.Interactive))
		refused(one(9, queue.Interactive))
		second.finish()
		for range 4 {
			(<-enc.calls).finish()
		}
		for i, r := range replies {
			if got := <-r; i == 2 && !errors.Is(got.err, context.Canceled) || i != 2 && got.err != nil {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
		s := q.Stats().Classes[queue.Interactive]
		if s.Refused != 4 || s.Requests != 6 || s.Cancelled != 1 || s.Waiting != 0 || s.WaitingTokens != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestMoreThanThePermits: a request that could never be admitted otherwise goes
// into an empty line.
func TestMoreThanThePermits(t *testing.T) {
	q := open(t, &instant{}, queue.Options{Workers: 1, BatchTokens: 4, MaxWaiting: 3})
	r := queue.Request{IDs: slices.Repeat([][]int32{{1, 2, 3}}, 50)}
	for range 3 {
		got, err := q.Do(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(r, got); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWaitForPermits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 2, MaxWaiting: 2})
		var replies []<-chan reply
		ctx, cancel := context.WithCancel(t.Context())
		for name := range int32(8) {
			r := queue.Request{IDs: [][]int32{seq(name, 2)}, Class: queue.Bulk, Wait: true}
			c := t.Context()
			if name == 5 {
				c = ctx
			}
			replies = append(replies, ask(c, q, r))
			synctest.Wait()
		}
		// One runs, two hold the permits.
		if s := q.Stats().Classes[queue.Bulk]; s.Waiting != 2 || s.Held != 5 {
			t.Errorf("%+v", s)
		}
		cancel()
		for _, want := range []int32{0, 1, 2, 3, 4, 6, 7} {
			c := <-enc.calls
			if got := c.names(); !slices.Equal(got, []int32{want}) {
				t.Errorf("batch of %v, want %d", got, want)
			}
			c.finish()
		}
		for i, r := range replies {
			if got := <-r; (got.err != nil) != (i == 5) {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
	})
}

// TestHeldKeepTheirPlace: a permit that is free belongs to the request that waits
// for several, not to one that comes later; what is given up goes to it at once.
func TestHeldKeepTheirPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 10, MaxWaiting: 2})
		release := plug(t, q, enc, 1)
		ctx, cancel := context.WithCancel(t.Context())
		waits := ask(ctx, q, queue.Request{IDs: [][]int32{seq(1, 2)}})
		synctest.Wait()
		held := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(2, 2), seq(3, 2)}, Wait: true})
		synctest.Wait()
		if _, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1}}}); !errors.Is(err, queue.ErrOverloaded) {
			t.Errorf("later request: %v", err)
		}
		cancel()
		if got := <-waits; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		synctest.Wait()
		if s := q.Stats(); s.Classes[0].Held != 0 || s.Classes[0].Waiting != 2 || !s.Prefetched {
			t.Errorf("%+v", s)
		}
		release()
		(<-enc.calls).finish()
		if got := <-held; got.err != nil {
			t.Error(got.err)
		}
	})
}

func TestBadRequests(t *testing.T) {
	enc := &instant{}
	q := open(t, enc, queue.Options{})
	for name, r := range map[string]queue.Request{
		"types of too few sequences": {IDs: [][]int32{{1}, {2}}, Types: [][]int32{{0}}},
		"too few types":              {IDs: [][]int32{{1, 2}}, Types: [][]int32{{0}}},
	} {
		if _, err := q.Do(t.Context(), r); !errors.Is(err, encoder.ErrBatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := q.Do(t.Context(), queue.Request{Class: 2}); err == nil {
		t.Error("class 2 was taken")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := q.Do(ctx, queue.Request{IDs: [][]int32{{1}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("done context: %v", err)
	}
	if enc.calls.Load() > 0 {
		t.Error("the encoder was asked")
	}
	if got, err := q.Do(t.Context(), queue.Request{}); err != nil || len(got.Vectors) > 0 {
		t.Errorf("empty request: %v, %v", got, err)
	}
}

// TestErrorsReachTheirRequestAlone puts requests that the encoder refuses, or
// panics at, into a batch with others.
func TestErrorsReachTheirRequestAlone(t *testing.T) {
	for bad := range 4 {
		t.Run(fmt.Sprintf("%d bad ones", bad), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := random(t)
				enc := newStepped()
				q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 1000})
				plug := ask(t.Context(), q, queue.Request{IDs: [][]int32{{0}}})
				first := <-enc.calls
				requests := make([]queue.Request, 9)
				replies := make([]<-chan reply, len(requests))
				faults := make([]int32, len(requests))
				for at, i := range r.Perm(len(requests)) {
					requests[i].IDs = [][]int32{seq(int32(i), 3), seq(int32(10+i), 5)}
					if at < bad {
						faults[i] = []int32{poison, bomb}[at%2]
						requests[i].IDs[1][4] = faults[i]
					}
					replies[i] = ask(t.Context(), q, requests[i])
				}
				synctest.Wait()
				first.finish()
				if got := <-plug; got.err != nil {
					t.Error(got.err)
				}
				go func() { // let everything pass
					for c := range enc.calls {
						c.finish()
					}
				}()
				for i, c := range replies {
					got := <-c
					var p *queue.PanicError
					switch faults[i] {
					case poison:
						if !errors.Is(got.err, errPoison) {
							t.Errorf("request %d: %v, want errPoison", i, got.err)
						}
					case bomb:
						if !errors.As(got.err, &p) || p.Value != "bomb" || len(p.Stack) == 0 {
							t.Errorf("request %d: %v, want a PanicError", i, got.err)
						}
					default:
						if got.err != nil {
							t.Errorf("request %d: %v", i, got.err)
						} else if err := check(requests[i], got.result); err != nil {
							t.Errorf("request %d: %v", i, err)
						}
					}
				}
				if s := q.Stats().Classes[queue.Interactive]; s.Failed != uint64(bad) || s.Batches != 2 {
					t.Errorf("%+v", s)
				}
				synctest.Wait()
				close(enc.calls)
			})
		})
	}
}

// TestFaultOfOneThatHasGone: a batch that fails because of a request whose caller
// has given up meanwhile is computed again for the others.
func TestFaultOfOneThatHasGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1})
		release := plug(t, q, enc, 1)
		ctx, cancel := context.WithCancel(t.Context())
		gone := ask(ctx, q, queue.Request{IDs: [][]int32{{1, poison}}})
		r := queue.Request{IDs: [][]int32{seq(2, 2)}}
		stays := ask(t.Context(), q, r)
		synctest.Wait()
		release()
		both := <-enc.calls
		cancel()
		if got := <-gone; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		both.finish()
		again := <-enc.calls
		if got := again.names(); !slices.Equal(got, []int32{2}) {
			t.Errorf("batch of %v", got)
		}
		again.finish()
		if got := <-stays; got.err != nil {
			t.Error(got.err)
		} else if err := check(r, got.result); err != nil {
			t.Error(err)
		}
	})
}

// TestErrorEndsTheRequest: what is left of a request in line is not computed
// after one of its batches has failed.
func TestErrorEndsTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 2, Window: 1})
		r := ask(t.Context(), q, queue.Request{IDs: [][]int32{{1, poison}, {2, 2}, {3, 3}}})
		(<-enc.calls).finish()
		if got := <-r; !errors.Is(got.err, errPoison) {
			t.Error(got.err)
		}
		synctest.Wait()
		select {
		case c := <-enc.calls:
			t.Errorf("batch %v was started", c.names())
		default:
		}
	})
}

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 10})
		a := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(1, 4)}})
		synctest.Wait()
		b := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(2, 3), seq(3, 7), seq(4, 1)}})
		synctest.Wait()
		s := q.Stats()
		if c := s.Classes[queue.Interactive]; s.Workers != 1 || s.Busy != 1 || !s.Prefetched ||
			c.Waiting != 3 || c.WaitingTokens != 11 || c.Requests != 2 || c.Batches != 1 || c.Tokens != 4 {
			t.Errorf("%+v", s)
		}
		for range 3 {
			time.Sleep(time.Second)
			(<-enc.calls).finish()
			synctest.Wait()
		}
		if got := <-a; got.err != nil || got.result.Wait != 0 {
			t.Errorf("first: %+v", got)
		}
		if got := <-b; got.err != nil || got.result.Wait != time.Second {
			t.Errorf("second: %+v", got)
		}
		s = q.Stats()
		c := s.Classes[queue.Interactive]
		if s.Busy != 0 || s.Prefetched || c.Waiting != 0 || c.WaitingTokens != 0 ||
			c.Batches != 3 || c.Sequences != 4 || c.Tokens != 15 || c.Run != 3*time.Second ||
			c.MaxWait != 2*time.Second || c.Wait < 3*time.Second {
			t.Errorf("%+v", s)
		}
		if s.Classes[queue.Bulk] != (queue.ClassStats{}) {
			t.Errorf("bulk: %+v", s.Classes[queue.Bulk])
		}
	})
}
