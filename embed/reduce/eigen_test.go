package reduce

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestEigenByHand(t *testing.T) {
	// (1, 1) with 3 and (1, -1) with 1.
	a := [][]float64{{2, 1}, {1, 2}}
	values, err := eigen(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	r := math.Sqrt(.5)
	if math.Abs(values[0]-3) > 1e-12 || math.Abs(values[1]-1) > 1e-12 || math.Abs(a[0][0]-r) > 1e-12 || math.Abs(a[0][1]-r) > 1e-12 {
		t.Errorf("values %v, vectors %v", values, a)
	}
	// Rank one: (3, 4) times itself.
	a = [][]float64{{9, 12}, {12, 16}}
	if values, err = eigen(t.Context(), a); err != nil || math.Abs(values[0]-25) > 1e-12 || values[1] > 1e-12 || math.Abs(a[0][1]-.8) > 1e-12 {
		t.Errorf("values %v, vectors %v, %v", values, a, err)
	}
	if values, err = eigen(t.Context(), [][]float64{{0, 0}, {0, 0}}); err != nil || values[0] != 0 {
		t.Errorf("zero: %v, %v", values, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := eigen(ctx, a); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The vectors are orthonormal, the values fall, and together they make up the
// matrix again.
func TestEigenMakesUpTheMatrix(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 3))
	for _, c := range []struct{ n, rank int }{{1, 1}, {2, 2}, {7, 7}, {24, 24}, {24, 5}, {40, 39}} {
		a := randomMoments(rng, c.n, c.rank)
		vectors := clone(a)
		values, err := eigen(t.Context(), vectors)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSortedFunc(values, func(x, y float64) int { return -int(math.Copysign(1, x-y)) }) {
			t.Fatalf("values do not fall: %v", values)
		}
		for i := range c.n {
			if over := values[i] > 1e-10*values[0]; over != (i < c.rank) {
				t.Fatalf("%d x %d of rank %d: value %d is %g beside %g", c.n, c.n, c.rank, i, values[i], values[0])
			}
			for j := range i + 1 {
				var sum float64
				for k, v := range values {
					sum += v * vectors[k][i] * vectors[k][j]
				}
				if math.Abs(sum-a[i][j]) > 1e-9*values[0] {
					t.Fatalf("element %d, %d is %g, the eigenvectors make %g", i, j, a[i][j], sum)
				}
				if want := map[bool]float64{true: 1}[i == j]; i < c.rank && math.Abs(dot(vectors[i], vectors[j])-want) > 1e-9 {
					t.Fatalf("vectors %d and %d have the product %g", i, j, dot(vectors[i], vectors[j]))
				}
			}
		}
	}
}

func randomMoments(rng *rand.Rand, n, rank int) [][]float64 {
	a := make([][]float64, n)
	for i := range a {
		a[i] = make([]float64, n)
	}
	for range rank {
		v := make([]float64, n)
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		for i := range v {
			for j := range v {
				a[i][j] += v[i] * v[j]
			}
		}
	}
	return a
}

func clone(a [][]float64) [][]float64 {
	out := make([][]float64, len(a))
	for i := range a {
		out[i] = slices.Clone(a[i])
	}
	return out
}
