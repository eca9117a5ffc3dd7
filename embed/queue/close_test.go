package queue_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"semdex/embed/queue"
)

// Every test here runs in a bubble, which fails if a goroutine is left.

func TestCloseDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := queue.New(enc, queue.Options{Workers: 2, BatchTokens: 2, MaxWaiting: 4})
		var replies []<-chan reply
		for name := range int32(9) { // two run, four wait, three are held
			replies = append(replies, ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(name, 2)}, Class: queue.Bulk, Wait: true}))
		}
		synctest.Wait()
		closed := make(chan error)
		for range 2 {
			go func() { closed <- q.Close(t.Context()) }()
		}
		synctest.Wait()
		if _, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1}}}); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("request after Close: %v", err)
		}
		for range replies {
			(<-enc.calls).finish()
		}
		for i, r := range replies {
			if got := <-r; got.err != nil {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
		for range 2 {
			if err := <-closed; err != nil {
				t.Error(err)
			}
		}
		if err := q.Close(t.Context()); err != nil {
			t.Errorf("closed again: %v", err)
		}
		if _, err := q.Do(t.Context(), queue.Request{}); !errors.Is(err, queue.ErrClosed) {
			t.Errorf("empty request after Close: %v", err)
		}
	})
}

func TestCloseIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		q := queue.New(&instant{}, queue.Options{Workers: 3})
		if err := q.Close(gone); err != nil {
			t.Errorf("nothing was left, yet: %v", err)
		}
	})
}

// TestCloseGivesUp: when its context ends, what runs is stopped and what waits
// fails.
func TestCloseGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := queue.New(enc, queue.Options{Workers: 2, BatchTokens: 2, MaxWaiting: 4})
		var replies []<-chan reply
		for name := range int32(9) {
			replies = append(replies, ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(name, 2)}, Wait: true}))
		}
		synctest.Wait()
		running := <-enc.calls
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		from := time.Now()
		if err := q.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		if d := time.Since(from); d != time.Minute {
			t.Errorf("gave up after %v", d)
		}
		if running.ctx.Err() == nil {
			t.Error("the running batch was not stopped")
		}
		for i, r := range replies {
			if got := <-r; !errors.Is(got.err, queue.ErrClosed) {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
	})
}

// TestLastRequestGoes: the queue ends when what it drains is given up by its
// caller.
func TestLastRequestGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := queue.New(enc, queue.Options{Workers: 1, BatchTokens: 2})
		first := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(1, 2)}})
		running := <-enc.calls
		ctx, cancel := context.WithCancel(t.Context())
		second := ask(ctx, q, queue.Request{IDs: [][]int32{seq(2, 2)}})
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- q.Close(t.Context()) }()
		synctest.Wait()
		cancel()
		if got := <-second; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		running.finish()
		if got := <-first; got.err != nil {
			t.Error(got.err)
		}
		if err := <-closed; err != nil {
			t.Error(err)
		}
	})
}
