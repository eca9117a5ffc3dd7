package evalsuite

import (
	"fmt"
	"math"
	"slices"
)

// Statistic is how a figure comes from the items of a set.
type Statistic string

// The statistics. All but Mean compare the items with the set's gold.
const (
	Mean     Statistic = "mean"
	Spearman Statistic = "spearman"
	Pearson  Statistic = "pearson"
	MacroF1  Statistic = "macro-f1" // items and gold are numbers of classes
)

// weighted is a statistic of a sample in which item i stands counts[i] times; NaN
// where it is undefined. It is not safe for concurrent use.
type weighted func(counts []int) float64

// sample prepares a statistic of items, so that a resample costs no more than a
// pass over them. Errors wrap ErrResults.
func (s Statistic) sample(items, gold []float64) (weighted, error) {
	if len(items) == 0 {
		return nil, fmt.Errorf("%w: no scores of items", ErrResults)
	}
	if s != Mean && len(gold) != len(items) {
		return nil, fmt.Errorf("%w: %d items, %d gold scores", ErrResults, len(items), len(gold))
	}
	switch s {
	case Mean:
		return func(counts []int) float64 { return weightedMean(items, counts) }, nil
	case Pearson:
		return func(counts []int) float64 { return weightedPearson(items, gold, counts) }, nil
	case Spearman:
		x, y := newRanker(items), newRanker(gold)
		return func(counts []int) float64 { return weightedPearson(x.ranks(counts), y.ranks(counts), counts) }, nil
	case MacroF1:
		return newMacroF1(items, gold)
	}
	return nil, fmt.Errorf("%w: statistic %q", ErrResults, s)
}

func weightedMean(x []float64, counts []int) float64 {
	var sum float64
	n := 0
	for i, c := range counts {
		sum += float64(c) * x[i]
		n += c
	}
	return sum / float64(n)
}

// weightedPearson is the correlation of x and y in which pair i stands counts[i]
// times.
func weightedPearson(x, y []float64, counts []int) float64 {
	mx, my := weightedMean(x, counts), weightedMean(y, counts)
	var xy, xx, yy float64
	for i, c := range counts {
		if c == 0 {
			continue
		}
		w, dx, dy := float64(c), x[i]-mx, y[i]-my
		xy += w * dx * dy
		xx += w * dx * dx
		yy += w * dy * dy
	}
	if xx == 0 || yy == 0 {
		return math.NaN()
	}
	return max(-1, min(1, xy/(math.Sqrt(xx)*math.Sqrt(yy))))
}

// ranker ranks resamples of a list that it has sorted once.
type ranker struct {
	order []int // by value
	ends  []int // of the runs of equal values in order
	out   []float64
}

func newRanker(x []float64) *ranker {
	r := &ranker{order: make([]int, len(x)), out: make([]float64, len(x))}
	for i := range r.order {
		r.order[i] = i
	}
	slices.SortStableFunc(r.order, func(a, b int) int {
		switch {
		case x[a] < x[b]:
			return -1
		case x[a] > x[b]:
			return 1
		}
		return 0
	})
	for i := range r.order {
		if i+1 == len(x) || x[r.order[i]] != x[r.order[i+1]] {
			r.ends = append(r.ends, i+1)
		}
	}
	return r
}

// ranks gives every item the rank that its copies share in the resample: the mean
// of the places that all equal values occupy. The result is overwritten by the
// next call.
func (r *ranker) ranks(counts []int) []float64 {
	before, lo := 0, 0
	for _, hi := range r.ends {
		n := 0
		for _, i := range r.order[lo:hi] {
			n += counts[i]
		}
		shared := float64(before) + float64(n+1)/2
		for _, i := range r.order[lo:hi] {
			r.out[i] = shared
		}
		before, lo = before+n, hi
	}
	return r.out
}

// newMacroF1 is the mean of F1 over the classes that occur or were predicted.
func newMacroF1(items, gold []float64) (weighted, error) {
	classes := 0
	for i := range items {
		for _, v := range []float64{items[i], gold[i]} {
			if v != math.Trunc(v) || v < 0 || v > 1<<16 {
				return nil, fmt.Errorf("%w: item %d is of class %g", ErrResults, i, v)
			}
			classes = max(classes, int(v)+1)
		}
	}
	both, hits := make([]int, classes), make([]int, classes)
	return func(counts []int) float64 {
		clear(both)
		clear(hits)
		for i, c := range counts {
			predicted, right := int(items[i]), int(gold[i])
			both[predicted] += c
			both[right] += c
			if predicted == right {
				hits[right] += c
			}
		}
		var sum float64
		n := 0
		for c := range classes {
			if both[c] > 0 {
				sum += 2 * float64(hits[c]) / float64(both[c])
				n++
			}
		}
		return sum / float64(n)
	}, nil
}
