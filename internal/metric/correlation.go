// Package metric holds the measures of evaluation: the correlation of scores
// with human judgements, and the quality of a ranking. Each is a pure function;
// averages over queries are the caller's.
package metric

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// ErrUndefined says that a correlation does not exist for the input: fewer
// than two pairs, a constant side, or a value that is not finite.
var ErrUndefined = errors.New("correlation is undefined")

// Pearson is the product-moment correlation of x and y, in [-1, 1].
func Pearson(x, y []float64) (float64, error) {
	if err := checkPairs(x, y); err != nil {
		return 0, err
	}
	mx, my := mean(x), mean(y)
	var xy, xx, yy float64
	for i := range x {
		dx, dy := x[i]-mx, y[i]-my
		xy += dx * dy
		xx += dx * dx
		yy += dy * dy
	}
	if xx == 0 || yy == 0 {
		return 0, fmt.Errorf("%w: one side is constant", ErrUndefined)
	}
	r := xy / (math.Sqrt(xx) * math.Sqrt(yy))
	return max(-1, min(1, r)), nil
}

// Spearman is the rank correlation of x and y, in [-1, 1]: Pearson's
// correlation of the ranks, where equal values share the average of their
// ranks. The shortcut 1 - 6 sum(d^2)/(n^3-n) is wrong with ties and not used.
func Spearman(x, y []float64) (float64, error) {
	if err := checkPairs(x, y); err != nil {
		return 0, err
	}
	return Pearson(Ranks(x), Ranks(y))
}

// Ranks gives each value its rank, 1 for the smallest; equal values share the
// average of the ranks that they occupy.
func Ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	ranks := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		shared := float64(lo+1+hi) / 2 // mean of lo+1 .. hi
		for _, i := range order[lo:hi] {
			ranks[i] = shared
		}
		lo = hi
	}
	return ranks
}

func mean(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

func checkPairs(x, y []float64) error {
	if len(x) != len(y) {
		return fmt.Errorf("correlation of %d values with %d", len(x), len(y))
	}
	if len(x) < 2 {
		return fmt.Errorf("%w: %d pairs", ErrUndefined, len(x))
	}
	for i := range x {
		if bad(x[i]) || bad(y[i]) {
			return fmt.Errorf("%w: pair %d is (%g, %g)", ErrUndefined, i, x[i], y[i])
		}
	}
	return nil
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }
