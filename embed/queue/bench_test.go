package queue_test

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

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

// BenchmarkBulk is the throughput of a transformer of 6 layers and hidden 384
// over ragged sequences, by the size of batches. An interactive request waits
// for about one batch.
func BenchmarkBulk(b *testing.B) {
	m := modeltest.New(model.DistilBERT, modeltest.Options{
		Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Positions: 512, Spread: 0.05,
	})
	r := rand.New(rand.NewPCG(1, 1))
	var ids [][]int32
	tokens := 0
	for tokens < 16384 {
		s := make([]int32, 4+r.IntN(60))
		for i := range s {
			s[i] = r.Int32N(1000)
		}
		ids = append(ids, s)
		tokens += len(s)
	}
	for _, precision := range []encoder.Precision{encoder.Float32, encoder.Int8} {
		engine, err := encoder.NewPacked(m.Transformer, m.Config, encoder.PackedOptions{Workers: 1, Precision: precision})
		if err != nil {
			b.Fatal(err)
		}
		enc, err := encoder.NewTransformer(engine, m)
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range []int{16, 32, 64, 192, 384, 512, 1024, 4096} {
			b.Run(fmt.Sprintf("%v/batch=%d", engine, size), func(b *testing.B) {
				q := open(b, enc, queue.Options{BatchTokens: size})
				var done atomic.Int64
				for b.Loop() {
					if _, err := q.Do(b.Context(), queue.Request{IDs: ids, Class: queue.Bulk}); err != nil {
						b.Fatal(err)
					}
					done.Add(int64(tokens))
				}
				s := q.Stats().Classes[queue.Bulk]
				b.ReportMetric(float64(done.Load())/b.Elapsed().Seconds(), "tokens/s")
				b.ReportMetric(s.Run.Seconds()*1e3/float64(s.Batches), "ms/batch")
			})
		}
	}
}
