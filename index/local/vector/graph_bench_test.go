package vector

import (
	"fmt"
	"math/rand/v2"
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
