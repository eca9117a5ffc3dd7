package reduce

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// Recall is how many of the k nearest neighbours of a text are still among its k
// nearest with other vectors: the mean share over all texts. Neighbours are by
// cosine among the other texts; of equal ones the first. full and reduced are
// vectors of the same texts. Errors wrap ErrVectors or ErrTexts, or are ctx's.
func Recall(ctx context.Context, full, reduced [][]float32, k int) (float64, error) {
	if len(full) != len(reduced) {
		return 0, fmt.Errorf("%w: %d and %d", ErrVectors, len(full), len(reduced))
	}
	if k < 1 || len(full) <= k {
		return 0, fmt.Errorf("%w: %d have no %d neighbours each", ErrTexts, len(full), k)
	}
	a, b := units(full), units(reduced)
	found := 0
	for i := range a {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		wanted, got := nearest(a, i, k), nearest(b, i, k)
		for _, j := range got {
			if slices.Contains(wanted, j) {
				found++
			}
		}
	}
	return float64(found) / float64(k*len(a)), nil
}

// units brings vectors to length 1.
func units(vectors [][]float32) [][]float64 {
	out := make([][]float64, len(vectors))
	for i, v := range vectors {
		u := make([]float64, len(v))
		for j, x := range v {
			u[j] = float64(x)
		}
		if length := math.Sqrt(dot(u, u)); length > 0 {
			for j := range u {
				u[j] /= length
			}
		}
		out[i] = u
	}
	return out
}

// nearest are the numbers of the k vectors nearest to number i.
func nearest(vectors [][]float64, i, k int) []int {
	type neighbour struct {
		at     int
		cosine float64
	}
	var best []neighbour // the nearest first
	for j, v := range vectors {
		if j == i {
			continue
		}
		c := dot(vectors[i], v)
		if len(best) == k && c <= best[k-1].cosine {
			continue
		}
		at := len(best)
		for at > 0 && best[at-1].cosine < c {
			at--
		}
		best = slices.Insert(best, at, neighbour{j, c})
		best = best[:min(len(best), k)]
	}
	out := make([]int, len(best))
	for n, b := range best {
		out[n] = b.at
	}
	return out
}
