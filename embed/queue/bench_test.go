package queue_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/queue"
)

// BenchmarkLone is the way of one short sequence through an idle queue: what it
// adds to the encoder's time.
func BenchmarkLone(b *testing.B) {
	m := modeltest.New(model.Static, modeltest.Options{Hidden: 256, Vocab: 1000})
	enc, err := encoder.New(m, 1)
	if err != nil {
		b.Fatal(err)
	}
	ids := [][]int32{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	b.Run("encoder", func(b *testing.B) {
		var batch encoder.Batch
		batch.Append(ids[0])
		dst := make([]float32, 256)
		b.ReportAllocs()
		for b.Loop() {
			if err := enc.Encode(b.Context(), &batch, encoder.Output{}, dst); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("queue", func(b *testing.B) {
		q := open(b, enc, queue.Options{BatchTokens: 16384})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := q.Do(b.Context(), queue.Request{IDs: ids}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("queue/callers=64", func(b *testing.B) {
		q := open(b, enc, queue.Options{BatchTokens: 16384})
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := q.Do(b.Context(), queue.Request{IDs: ids}); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkBulk is the throughput over ragged sequences by the size of batches.
// An interactive request waits for about one batch.
func BenchmarkBulk(b *testing.B) {
	ids, tokens := ragged(16384)
	for _, precision := range []encoder.Precision{encoder.Float32, encoder.Int8} {
		enc := small(b, precision)
		for _, size := range []int{16, 64, 192, 384, 1024, 4096} {
			b.Run(fmt.Sprintf("%v/batch=%d", enc, size), func(b *testing.B) {
				q := open(b, enc, queue.Options{BatchTokens: size})
				for b.Loop() {
					if _, err := q.Do(b.Context(), queue.Request{IDs: ids, Class: queue.Bulk}); err != nil {
						b.Fatal(err)
					}
				}
				s := q.Stats().Classes[queue.Bulk]
				b.ReportMetric(float64(tokens*b.N)/b.Elapsed().Seconds(), "tokens/s")
				b.ReportMetric(s.Run.Seconds()*1e3/float64(s.Batches), "ms/batch")
			})
		}
	}
}

// BenchmarkInteractiveBesideBulk is the time of one query of 12 tokens while a
// bulk job keeps every worker busy.
func BenchmarkInteractiveBesideBulk(b *testing.B) {
	enc := small(b, encoder.Int8)
	ids, _ := ragged(8192)
	query := [][]int32{{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}}
	for _, size := range []int{64, 192, 1024, 4096} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			q := open(b, enc, queue.Options{BatchTokens: size})
			ctx, cancel := context.WithCancel(b.Context())
			var bulk sync.WaitGroup
			for range 2 { // one waits while the other runs
				bulk.Go(func() {
					for ctx.Err() == nil {
						_, err := q.Do(ctx, queue.Request{IDs: ids, Class: queue.Bulk, Wait: true})
						if err != nil && ctx.Err() == nil {
							b.Error(err)
						}
					}
				})
			}
			var times []time.Duration
			for b.Loop() {
				from := time.Now()
				if _, err := q.Do(b.Context(), queue.Request{IDs: query}); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(from))
			}
			cancel()
			bulk.Wait()
			slices.Sort(times)
			b.ReportMetric(times[len(times)/2].Seconds()*1e3, "p50-ms")
			b.ReportMetric(times[len(times)*99/100].Seconds()*1e3, "p99-ms")
		})
	}
}

// small is a random transformer of 6 layers and hidden 384 on one thread.
func small(b *testing.B, p encoder.Precision) encoder.Encoder {
	m := modeltest.New(model.DistilBERT, modeltest.Options{
		Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Positions: 512, Spread: 0.05,
	})
	engine, err := encoder.NewPacked(m.Transformer, m.Config, encoder.PackedOptions{Workers: 1, Precision: p})
	if err != nil {
		b.Fatal(err)
	}
	enc, err := encoder.NewTransformer(engine, m)
	if err != nil {
		b.Fatal(err)
	}
	return enc
}

// ragged is sequences of 4 to 63 tokens, at least atLeast together.
func ragged(atLeast int) (ids [][]int32, tokens int) {
	r := rand.New(rand.NewPCG(1, 1))
	for tokens < atLeast {
		s := make([]int32, 4+r.IntN(60))
		for i := range s {
			s[i] = r.Int32N(1000)
		}
		ids = append(ids, s)
		tokens += len(s)
	}
	return ids, tokens
}
