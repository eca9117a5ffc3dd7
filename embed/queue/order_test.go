package queue_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"semdex/embed/queue"
)

// plug occupies every worker of q and returns what frees them.
func plug(t *testing.T, q *queue.Queue, enc *stepped, workers int) (release func()) {
	t.Helper()
	var calls []*call
	var replies []<-chan reply
	for range workers {
		replies = append(replies, ask(t.Context(), q, queue.Request{IDs: [][]int32{{0}}}))
		calls = append(calls, <-enc.calls)
	}
	return func() {
		for i, c := range calls {
			c.finish()
			if got := <-replies[i]; got.err != nil {
				t.Error(got.err)
			}
		}
	}
}

// TestComposition: which of the sequences in line share a batch. The name of a
// sequence is its place in line.
func TestComposition(t *testing.T) {
	for _, c := range []struct {
		name    string
		lengths []int
		options queue.Options
		want    string
	}{
		{"all fit", []int{3, 1, 2}, queue.Options{}, "[[0 1 2]]"},
		{"to the brim", []int{5, 5, 5, 5}, queue.Options{}, "[[0 1] [2 3]]"},
		{"longer than the budget", []int{4, 25, 4}, queue.Options{}, "[[0 2] [1]]"},
		{"the oldest first, then the nearest in length", []int{2, 8, 2, 7, 2, 3, 2}, queue.Options{}, "[[0 2 4 6] [1] [3 5]]"},
		{"the nearest in length, though it is longer", []int{4, 5, 2}, queue.Options{}, "[[0 1] [2]]"},
		{"the longest is not put off", []int{9, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, queue.Options{}, "[[0 1] [2 3 4 5 6 7 8 9 10 11]]"},
		{"equal ones in order", []int{4, 4, 4, 4, 4}, queue.Options{}, "[[0 1] [2 3] [4]]"},
		{"a longer one that does not fit is passed", []int{6, 7, 3}, queue.Options{}, "[[0 2] [1]]"},
		{"beyond the window", []int{3, 9, 9, 3, 3}, queue.Options{Window: 2}, "[[0] [1] [2] [3 4]]"},
		{"in order of arrival", []int{2, 8, 2, 7, 2, 3, 2}, queue.Options{Window: 1}, "[[0 1] [2 3] [4 5 6]]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				enc := newStepped()
				c.options.Workers, c.options.BatchTokens = 1, 10
				q := open(t, enc, c.options)
				release := plug(t, q, enc, 1)
				var r queue.Request
				for i, n := range c.lengths {
					r.IDs = append(r.IDs, seq(int32(i), n))
				}
				done := ask(t.Context(), q, r)
				synctest.Wait()
				release()
				var got [][]int32
				for n := 0; n < len(c.lengths); {
					batch := <-enc.calls
					got = append(got, batch.names())
					n += len(batch.sequences)
					batch.finish()
				}
				if fmt.Sprint(got) != c.want {
					t.Errorf("%v, want %s", got, c.want)
				}
				if got := <-done; got.err != nil {
					t.Error(got.err)
				}
			})
		})
	}
}

// TestNobodyStarves: under steady random arrivals a sequence with k older ones
// starts with the (k+1)-th batch from then on at the latest.
func TestNobodyStarves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := random(t)
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 20})
		release := plug(t, q, enc, 1)
		deadline := map[int32]int{} // by name: the last batch that may hold it
		var replies []<-chan reply
		name := int32(0)
		for batches := 0; batches < 300 || q.Stats().Busy > 0; batches++ {
			arrivals := r.IntN(5) // with which the worker hardly keeps up
			if batches >= 300 {
				arrivals = 0
			}
			for range arrivals {
				name++
				before := q.Stats()
				deadline[name] = batches + before.Classes[0].Waiting
				if batches > 0 {
					deadline[name] += before.Busy // this batch has been made up
				}
				replies = append(replies, ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(name, 1+r.IntN(24))}}))
				synctest.Wait()
			}
			if batches == 0 {
				release()
			}
			synctest.Wait()
			if q.Stats().Busy == 0 {
				continue
			}
			c := <-enc.calls
			for _, n := range c.names() {
				if batches > deadline[n] {
					t.Fatalf("sequence %d starts with batch %d, %d was the last for it", n, batches, deadline[n])
				}
			}
			if c.tokens() > 20 && len(c.sequences) > 1 {
				t.Fatalf("batch of %d tokens", c.tokens())
			}
			c.finish()
			synctest.Wait()
		}
		for _, c := range replies {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// TestBulkGetsItsTurn: with more of both classes than the worker can do, a bulk
// batch runs after every BulkWeight batches' worth of interactive tokens, and
// never earlier.
func TestBulkGetsItsTurn(t *testing.T) {
	for _, c := range []struct {
		weight, length int // of interactive sequences; bulk ones fill a batch
		want           string
	}{
		{1, 10, "ibibibibibib"},
		{3, 10, "iiibiiibiiib"},
		{2, 9, "iiibiiibiiib"}, // three batches of nine, to twenty tokens or more
		{2, 2, "iibiibiibiib"}, // interactive ones come five to a batch
	} {
		t.Run(fmt.Sprintf("weight %d, length %d", c.weight, c.length), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				enc := newStepped()
				q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 10, MinTokens: 1, BulkWeight: c.weight})
				release := plug(t, q, enc, 1)
				bulk := ask(t.Context(), q, queue.Request{IDs: slices.Repeat([][]int32{seq('b', 10)}, 40), Class: queue.Bulk})
				interactive := ask(t.Context(), q, queue.Request{IDs: slices.Repeat([][]int32{seq('i', c.length)}, 100)})
				synctest.Wait()
				release()
				var got []byte
				for q.Stats().Busy > 0 || len(got) == 0 {
					b := <-enc.calls
					got = append(got, byte(b.names()[0]))
					b.finish()
					synctest.Wait()
				}
				if string(got[:12]) != c.want {
					t.Errorf("%s, want %s", got, c.want)
				}
				for _, c := range []<-chan reply{bulk, interactive} {
					if got := <-c; got.err != nil {
						t.Error(got.err)
					}
				}
			})
		})
	}
}

// TestInteractiveFirst: a batch of bulk work that was assembled ahead makes way.
func TestInteractiveFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 10})
		release := plug(t, q, enc, 1)
		bulk := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(1, 10), seq(2, 10)}, Class: queue.Bulk})
		synctest.Wait()
		if s := q.Stats(); !s.Prefetched {
			t.Errorf("%+v", s)
		}
		query := ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(3, 1)}})
		synctest.Wait()
		release()
		for _, want := range []int32{3, 1, 2} {
			c := <-enc.calls
			if got := c.names(); !slices.Equal(got, []int32{want}) {
				t.Errorf("batch of %v, want %d", got, want)
			}
			c.finish()
		}
		for _, c := range []<-chan reply{bulk, query} {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// TestPrefetchesOne: while the worker is busy one batch is ready, it grows with
// what fits into it, and what does not fit stays in line.
func TestPrefetchesOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		enc := newStepped()
		q := open(t, enc, queue.Options{Workers: 1, BatchTokens: 10, MinTokens: 1})
		if q.Stats().Prefetched {
			t.Error("prefetched out of nothing")
		}
		release := plug(t, q, enc, 1)
		var replies []<-chan reply
		for name := int32(1); name <= 7; name++ {
			replies = append(replies, ask(t.Context(), q, queue.Request{IDs: [][]int32{seq(name, 3)}}))
			synctest.Wait()
			if s := q.Stats(); !s.Prefetched || s.Classes[0].Batches != 1 || s.Classes[0].Waiting != int(name) {
				t.Errorf("%+v", s)
			}
		}
		release()
		for _, want := range []string{"[1 2 3]", "[4 5 6]", "[7]"} {
			c := <-enc.calls
			if got := fmt.Sprint(c.names()); got != want {
				t.Errorf("batch of %s, want %s", got, want)
			}
			synctest.Wait()
			if q.Stats().Prefetched != (want != "[7]") {
				t.Errorf("after %s: %+v", want, q.Stats())
			}
			c.finish()
		}
		for _, c := range replies {
			if got := <-c; got.err != nil {
				t.Error(got.err)
			}
		}
	})
}

// TestLargeRequestIsShared: one request is cut into a batch for each idle
// worker, but not into ones too small to be worth it.
func TestLargeRequestIsShared(t *testing.T) {
	for _, c := range []struct {
		sequences int // of 10 tokens
		busy      int // of 4 workers
		want      string
	}{
		{40, 0, "[100 100 100 100]"},
		{40, 2, "[200 200]"},
		{8, 0, "[30 30 20]"}, // MinTokens
		{2, 0, "[20]"},
		{100, 0, "[200 200 200 200]"}, // and the rest later
	} {
		t.Run(fmt.Sprintf("%d sequences, %d busy", c.sequences, c.busy), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				enc := newStepped()
				q := open(t, enc, queue.Options{Workers: 4, BatchTokens: 200, MinTokens: 30})
				release := plug(t, q, enc, c.busy)
				done := ask(t.Context(), q, queue.Request{IDs: slices.Repeat([][]int32{seq(1, 10)}, c.sequences)})
				synctest.Wait()
				var tokens []int
				var calls []*call
				for range q.Stats().Busy - c.busy {
					b := <-enc.calls
					calls = append(calls, b)
					tokens = append(tokens, b.tokens())
				}
				slices.Sort(tokens)
				slices.Reverse(tokens)
				if fmt.Sprint(tokens) != c.want {
					t.Errorf("batches of %v tokens, want %s", tokens, c.want)
				}
				for _, b := range calls {
					b.finish()
				}
				synctest.Wait()
				for range q.Stats().Busy - c.busy {
					(<-enc.calls).finish()
				}
				if got := <-done; got.err != nil {
					t.Error(got.err)
				}
				release()
			})
		})
	}
}
