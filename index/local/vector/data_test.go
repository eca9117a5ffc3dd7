package vector

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"semdex/internal/kernel"
)

// bestLevel is the level that the environment allows.
func bestLevel(t testing.TB) kernel.Level {
	t.Helper()
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		t.Fatal(err)
	}
	return level
}

// newRand returns a source with a seed that the test prints.
func newRand(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func unit(x []float32) []float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	for i := range x {
		x[i] = float32(float64(x[i]) / math.Sqrt(sum))
	}
	return x
}

// normal returns a unit vector in a random direction.
func normal(r *rand.Rand, dims int) []float32 {
	x := make([]float32, dims)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return unit(x)
}

// clustered returns unit vectors around random centres: about as hard to
// search as embeddings are.
func clustered(r *rand.Rand, n, dims, clusters int, spread float64) [][]float32 {
	centres := make([][]float32, clusters)
	for i := range centres {
		centres[i] = normal(r, dims)
	}
	out := make([][]float32, n)
	for i := range out {
		c := centres[r.IntN(clusters)]
		x := make([]float32, dims)
		for j := range x {
			x[j] = c[j] + float32(spread*r.NormFloat64()/math.Sqrt(float64(dims)))
		}
		out[i] = unit(x)
	}
	return out
}

func rowsOf(dims int, vectors [][]float32) Rows {
	r := NewRows(dims)
	for _, x := range vectors {
		r.Append(x)
	}
	return r
}

// bruteForce returns the k best accepted rows by float32 dot products.
func bruteForce(t testing.TB, rows *Rows, q Query) []Hit {
	t.Helper()
	level := bestLevel(t)
	best := newTop(rows.Len(), q.Before)
	for i := range rows.Len() {
		if x := rows.At(i); q.Accept.Has(uint32(i)) && slices.ContainsFunc(x, func(v float32) bool { return v != 0 }) {
			best.offer(Hit{uint32(i), level.Dot(q.Vector, x)})
		}
	}
	all := best.sorted()
	return all[:min(max(q.K, 0), len(all))]
}

// recallOf is the share of the wanted rows that were found; rows that score as
// well as the last one wanted count, too.
func recallOf(got, want []Hit) float64 {
	if len(want) == 0 {
		return 1
	}
	n := 0
	for _, h := range got {
		if h.Score >= want[len(want)-1].Score {
			n++
		}
	}
	return float64(min(n, len(want))) / float64(len(want))
}
