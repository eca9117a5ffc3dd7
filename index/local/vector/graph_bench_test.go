package vector

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// BenchmarkGraph searches 100,000 clustered vectors.
func BenchmarkGraph(b *testing.B) {
	const dims, n = 384, 100_000
	r := rand.New(rand.NewPCG(7, 7))
	all := clustered(r, n+200, dims, 1000, 0.8)
	rows := rowsOf(dims, all[:n])
	queries := all[n:]
	start := time.Now()
	g, err := Build(b.Context(), rows, Params{Workers: 2}, bestLevel(b))
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("built in %v, %d bytes a row", time.Since(start), g.Bytes()/n)
	truth := make([][]Hit, len(queries))
	exact := NewExact(rows, 0, n, bestLevel(b))
	for i, q := range queries {
		truth[i], _, _ = exact.Search(b.Context(), Query{Vector: q, K: 10})
	}
	for _, ef := range []int{20, 50, 100, 200} {
		b.Run(fmt.Sprintf("ef=%d", ef), func(b *testing.B) {
			var sum, dists, visited, rescored float64
			for i := 0; b.Loop(); i++ {
				hits, s, err := g.Search(b.Context(), Query{Vector: queries[i%len(queries)], K: 10, EF: ef})
				if err != nil {
					b.Fatal(err)
				}
				sum += recallOf(hits, truth[i%len(queries)])
				dists += float64(s.Distances)
				visited += float64(s.Visited)
				rescored += float64(s.Rescored)
			}
			b.ReportMetric(sum/float64(b.N), "recall")
			b.ReportMetric(dists/float64(b.N), "dots")
			b.ReportMetric(visited/float64(b.N), "visited")
			b.ReportMetric(rescored/float64(b.N), "rescored")
		})
	}
	b.Run("exact", func(b *testing.B) {
		var rescored float64
		for i := 0; b.Loop(); i++ {
			_, s, _ := exact.Search(b.Context(), Query{Vector: queries[i%len(queries)], K: 10})
			rescored += float64(s.Rescored)
		}
		b.ReportMetric(rescored/float64(b.N), "rescored")
	})
}

// BenchmarkFilter searches 100,000 clustered vectors with filters that accept a
// part of them: at random, or those that are farthest from the query.
func BenchmarkFilter(b *testing.B) {
	const dims, n, queries = 384, 100_000, 40
	r := rand.New(rand.NewPCG(7, 7))
	all := clustered(r, n+queries, dims, 1000, 0.8)
	rows := rowsOf(dims, all[:n])
	g, err := Build(b.Context(), rows, Params{}, bestLevel(b))
	if err != nil {
		b.Fatal(err)
	}
	order := make([][]Hit, queries) // all rows, the best first
	for i, q := range all[n:] {
		for row := range n {
			order[i] = append(order[i], Hit{uint32(row), g.level.Dot(q, rows.At(row))})
		}
		slices.SortFunc(order[i], func(a, b Hit) int { return int(b.Score*1e9) - int(a.Score*1e9) })
	}
	for _, kind := range []string{"random", "far"} {
		for _, share := range []float64{0.5, 0.1, 0.01, 0.001} {
			accept := make([]*Accept, queries)
			truth := make([][]Hit, queries)
			for i := range accept {
				var some []uint32
				for rank, h := range order[i] {
					if kind == "far" && float64(rank) >= (1-share)*n || kind == "random" && r.Float64() < share {
						some = append(some, h.Row)
						if len(truth[i]) < 10 {
							truth[i] = append(truth[i], h)
						}
					}
				}
				accept[i] = AcceptRows(some)
			}
			b.Run(fmt.Sprintf("%s/%v%%", kind, 100*share), func(b *testing.B) {
				var recall, dots, rescored float64
				var plan string
				for i := 0; b.Loop(); i++ {
					i := i % queries
					hits, s, err := g.Search(b.Context(), Query{Vector: all[n+i], K: 10, Accept: accept[i]})
					if err != nil {
						b.Fatal(err)
					}
					recall += recallOf(hits, truth[i])
					dots += float64(s.Distances)
					rescored += float64(s.Rescored)
					plan = s.Plan
				}
				b.ReportMetric(recall/float64(b.N), "recall")
				b.ReportMetric(dots/float64(b.N), "dots")
				b.ReportMetric(rescored/float64(b.N), "rescored")
				b.Log(plan)
			})
		}
	}
}
