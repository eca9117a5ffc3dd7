package encoder_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/internal/kernel"
)

var soakCalls = flag.Int("calls", 1000, "calls of TestMemoryIsFlat")

var precisions = []encoder.Precision{encoder.Float32, encoder.Int8}

// TestSizesAtTheLimits: widths that no vector divides, one token, as many as
// the model has positions.
func TestSizesAtTheLimits(t *testing.T) {
	for _, o := range []modeltest.Options{
		{Hidden: 15, Heads: 3, Intermediate: 21, Positions: 512},
		{Hidden: 64, Heads: 2, Intermediate: 128, Positions: 512},
	} {
		m := modeltest.New(model.BERT, o)
		b := &encoder.Batch{}
		for _, n := range []int{1, 0, 512, 2} {
			b.Append(randomIDs(rng(t), m, n))
		}
		want := encode(t, newEncoder(t, m, 1), b, encoder.Output{Normalize: true})
		eachLevel(t, func(t *testing.T, l kernel.Level) {
			for _, p := range precisions {
				for i, got := range encode(t, packedEncoder(t, m, l, p, 2), b, encoder.Output{Normalize: true}) {
					if cos := dot64(got, want[i]); i != 1 && !(cos >= 0.999) { // sentence 1 has no tokens
						t.Errorf("hidden %d, precision %v, sentence %d: cosine %v", o.Hidden, p, i, cos)
					}
				}
			}
		})
	}
}

// TestTenThousandInOneCall: as many sentences as anyone sends get the vectors
// they get alone, and leave no goroutine behind.
func TestTenThousandInOneCall(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{})
	const sentences = 10_000
	r := rng(t)
	b := &encoder.Batch{}
	for range sentences {
		b.Append(randomIDs(r, m, 1+r.IntN(12)))
	}
	for _, p := range precisions {
		before := runtime.NumGoroutine()
		enc := packedEncoder(t, m, bestLevel(t), p, 3)
		all := encode(t, enc, b, encoder.Output{Normalize: true})
		for range 50 {
			i := r.IntN(sentences)
			var single encoder.Batch
			single.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
			identical(t, fmt.Sprintf("sentence %d", i), all[i], encode(t, enc, &single, encoder.Output{Normalize: true})[0])
		}
		goroutinesEnd(t, before)
	}
}

// endingContext ends when it has been asked so many times whether it has.
type endingContext struct {
	context.Context
	left atomic.Int64
}

func (c *endingContext) Err() error {
	if c.left.Add(-1) < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelInTheMiddle ends calls between two layers or groups, wherever the
// engine looks. The call says so, and the next one is not disturbed.
func TestCancelInTheMiddle(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Layers: 4, Positions: 300})
	r := rng(t)
	for _, sentences := range []int{1, 40} { // shared by all; some for each
		for _, workers := range []int{1, 3} {
			for _, p := range precisions {
				before := runtime.NumGoroutine()
				enc := packedEncoder(t, m, bestLevel(t), p, workers)
				b := &encoder.Batch{}
				for range sentences {
					b.Append(randomIDs(r, m, 20+r.IntN(200)))
				}
				dst := make([]float32, sentences*enc.Dims())
				want := encode(t, enc, b, encoder.Output{})
				for after := range 12 {
					ctx := &endingContext{Context: t.Context()}
					ctx.left.Store(int64(after))
					err := enc.Encode(ctx, b, encoder.Output{}, dst)
					if asked := ctx.left.Load() < 0; asked != (err != nil) || err != nil && !errors.Is(err, context.Canceled) {
						t.Fatalf("%d sentences, %d workers, ended after %d: %v", sentences, workers, after, err)
					}
				}
				for i, got := range encode(t, enc, b, encoder.Output{}) {
					identical(t, fmt.Sprintf("sentence %d after cancelled calls", i), got, want[i])
				}
				goroutinesEnd(t, before)
			}
		}
	}
}

// TestMemoryIsFlat encodes batches of many sizes. After those of the first
// calls nothing is allocated any more; with -args -calls 100000 the resident
// memory is worth a look too.
func TestMemoryIsFlat(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Hidden: 64, Heads: 2, Positions: 300})
	for _, p := range precisions {
		r := rng(t)
		enc := packedEncoder(t, m, bestLevel(t), p, 2)
		dst := make([]float32, 64*enc.Dims())
		b := &encoder.Batch{}
		call := func(sentences, longest int) {
			b.Reset()
			for range sentences {
				b.Append(randomIDs(r, m, 1+r.IntN(longest)))
			}
			if err := enc.Encode(t.Context(), b, encoder.Output{Normalize: true}, dst); err != nil {
				t.Fatal(err)
			}
		}
		ids := make([]int32, 300)
		for range 64 {
			b.Append(ids)
		}
		for range 3 { // no batch is larger
			if err := enc.Encode(t.Context(), b, encoder.Output{}, dst); err != nil {
				t.Fatal(err)
			}
		}
		before, rss := heapInUse(), residentBytes(t)
		for range *soakCalls {
			call(1+r.IntN(3), []int{8, 40, 300}[r.IntN(3)])
		}
		if after := heapInUse(); after > before+1<<20 {
			t.Errorf("precision %v: the heap grew from %d to %d bytes over %d calls", p, before, after, *soakCalls)
		}
		t.Logf("precision %v: %d calls, resident %.1f MB before, %.1f MB after", p, *soakCalls, float64(rss)/1e6, float64(residentBytes(t))/1e6)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

// residentBytes is the process's resident memory, 0 where the system does not
// tell.
func residentBytes(t *testing.T) int {
	t.Helper()
	fields, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(string(bytes.Fields(fields)[1]))
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// goroutinesEnd returns when there are no more goroutines than before. Helpers
// have said goodbye when a call returns, and are about to end.
func goroutinesEnd(t *testing.T, before int) {
	t.Helper()
	for range 1 << 20 {
		if runtime.NumGoroutine() <= before {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func randomIDs(r *rand.Rand, m *model.Model, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.IntN(m.Config.VocabSize))
	}
	return ids
}

// dot64 is the inner product of two vectors of length 1: their cosine.
func dot64(a, b []float32) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
