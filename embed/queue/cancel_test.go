package queue_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"semdex/embed/queue"
)

// TestGoneBeforeComputing: requests whose context ends while they wait, in line
// or in the batch assembled ahead, never reach the encoder.
func TestGoneBeforeComputing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 6})
		plug := ask(t.Context(), q, queue.Request{IDs: [][]int32{{0}}})
		first := <-enc.calls
		var replies []<-chan reply
		var cancels []context.CancelFunc
		for name := range int32(6) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			replies = append(replies, ask(ctx, q, queue.Request{IDs: [][]int32{seq(10+name, 2)}}))
			cancels = append(cancels, cancel)
			synctest.Wait()
		}
		if s := q.Stats(); !s.Prefetched || s.Classes[0].Waiting != 6 {
			t.Errorf("%+v", s)
		}
		for _, i := range []int{1, 2, 4} { // 0, 1 and 2 are in the batch
			cancels[i]()
			if got := <-replies[i]; !errors.Is(got.err, context.Canceled) {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
		first.finish()
		second := <-enc.calls
		if got := second.names(); !slices.Equal(got, []int32{10, 13, 15}) {
			t.Errorf("batch of %v", got)
		}
		second.finish()
		for _, i := range []int{0, 3, 5} {
			if got := <-replies[i]; got.err != nil {
				t.Errorf("request %d: %v", i, got.err)
			}
		}
		if got := <-plug; got.err != nil {
			t.Error(got.err)
		}
		if s := q.Stats().Classes[0]; s.Cancelled != 3 || s.Sequences != 4 {
			t.Errorf("%+v", s)
		}
	})
}

// late is a context that is done before anybody is told: Done stays open, as it
// may for a goroutine that has not run yet.
type late struct {
	context.Context
	done bool
}

func (l *late) Done() <-chan struct{} { return nil }

func (l *late) Err() error {
	if l.done {
		return context.Canceled
	}
	return nil
}

// TestGoneUnnoticed: the worker looks at the contexts itself.
func TestGoneUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1})
		plug := ask(t.Context(), q, queue.Request{IDs: [][]int32{{0}}})
		first := <-enc.calls
		ctx := &late{Context: t.Context()}
		gone := ask(ctx, q, queue.Request{IDs: [][]int32{seq(1, 2)}})
		stays := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(2, 2)}})
		synctest.Wait()
		ctx.done = true
		first.finish()
		second := <-enc.calls
		if got := second.names(); !slices.Equal(got, []int32{2}) {
			t.Errorf("batch of %v", got)
		}
		second.finish()
		if got := <-gone; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		for _, c := range []<-chan reply{plug, stays} {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// TestGoneWhileComputing: a batch goes on for those that still wait, and is
// stopped when nobody does. The callers are free at once.
func TestGoneWhileComputing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1})
		plug := ask(t.Context(), q, queue.Request{IDs: [][]int32{{0}}})
		first := <-enc.calls
		a, cancelA := context.WithCancel(t.Context())
		b, cancelB := context.WithCancel(t.Context())
		defer cancelB()
		ra := ask(a, q, queue.Request{IDs: [][]int32{seq(1, 2)}})
		rb := ask(b, q, queue.Request{IDs: [][]int32{seq(2, 2)}})
		synctest.Wait()
		first.finish()
		second := <-enc.calls
		cancelA()
		if got := <-ra; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		synctest.Wait()
		if second.ctx.Err() != nil {
			t.Fatal("the batch was stopped though one request still waits")
		}
		cancelB()
		if got := <-rb; !errors.Is(got.err, context.Canceled) {
			t.Error(got.err)
		}
		synctest.Wait()
		if second.ctx.Err() == nil {
			t.Fatal("the batch was not stopped")
		}
		// The worker is free for the next request.
		next := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(3, 2)}})
		(<-enc.calls).finish()
		for _, c := range []<-chan reply{plug, next} {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
		if s := q.Stats(); s.Busy != 0 || s.Classes[0].Cancelled != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestCallerKeepsItsMemory: the token slices belong to the caller again as soon
// as Do returns, even if a worker still computes with them (run under -race).
func TestCallerKeepsItsMemory(t *testing.T) {
	r := random(t)
	q := open(t, &instant{}, queue.Options{Workers: 2, BatchTokens: 40})
	ids := [][]int32{make([]int32, 30), make([]int32, 30), make([]int32, 30)}
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		if r.IntN(2) == 0 {
			go cancel()
		}
		want := ids[0][0]
		got, err := q.Do(ctx, queue.Request{IDs: ids})
		cancel()
		if err == nil && got.At(0)[1] != float32(30*want) {
			t.Fatalf("%v for ids %d", got.At(0), want)
		}
		for _, s := range ids {
			for i := range s {
				s[i] = want + 1
			}
		}
	}
}
