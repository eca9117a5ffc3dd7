package evalsuite

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Bootstrap says how confidence intervals are found: by drawing as many items as
// there are, with replacement, again and again (Efron and Tibshirani 1993, An
// Introduction to the Bootstrap, chapter 6), and taking percentiles of the
// statistic (section 13.3).
type Bootstrap struct {
	Resamples int     `json:"resamples"`
	Seed      uint64  `json:"seed"`
	Level     float64 `json:"level"` // of confidence, such as 0.95
}

// DefaultBootstrap is right for most comparisons.
func DefaultBootstrap() Bootstrap { return Bootstrap{Resamples: 2000, Seed: 1, Level: .95} }

// Check refuses settings that give no interval. Errors wrap ErrResults.
func (b Bootstrap) Check() error {
	if b.Resamples < 1000 || b.Resamples > 10000 {
		return fmt.Errorf("%w: %d resamples; 1,000 to 10,000 make sense", ErrResults, b.Resamples)
	}
	if !(b.Level >= .5 && b.Level <= .99) {
		return fmt.Errorf("%w: level %g of confidence; .5 to .99 make sense", ErrResults, b.Level)
	}
	return nil
}

// Estimate is a figure with its confidence interval.
type Estimate struct {
	Value float64 `json:"value"`
	// Interval is from low to high. It is absent where the statistic is undefined
	// in more than a tenth of the resamples: there are too few items.
	Interval *[2]float64 `json:"interval,omitempty"`
}

// Paired is two systems on the same items.
type Paired struct {
	A     Estimate `json:"a"`
	B     Estimate `json:"b"`
	Delta Estimate `json:"delta"` // of B less A
	// Differs says that the interval of Delta does not hold 0.
	Differs bool `json:"differs"`
}

// cancelEvery is how many resamples are drawn between looks at the context.
const cancelEvery = 64

// Compare draws the same items for both systems, so that the difficulty of the
// items cancels out of their difference. a, b and gold are in the order of the
// items; gold may be nil for Mean. Resamples in which a statistic is undefined are
// left out. Errors wrap ErrResults, or are ctx's.
func (o Bootstrap) Compare(ctx context.Context, s Statistic, a, b, gold []float64) (Paired, error) {
	n := len(a)
	if n != len(b) {
		return Paired{}, fmt.Errorf("%w: %d items beside %d", ErrResults, n, len(b))
	}
	left, err := s.sample(a, gold)
	if err != nil {
		return Paired{}, err
	}
	right, err := s.sample(b, gold)
	if err != nil {
		return Paired{}, err
	}
	counts := make([]int, n)
	for i := range counts {
		counts[i] = 1
	}
	var p Paired
	p.A.Value, p.B.Value = left(counts), right(counts)
	if p.Delta.Value = p.B.Value - p.A.Value; math.IsNaN(p.Delta.Value) {
		return Paired{}, fmt.Errorf("%w: %s is undefined: one side is constant", ErrResults, s)
	}
	var as, bs, deltas []float64
	rng := rand.New(rand.NewPCG(o.Seed, 0x5eedb007))
	for i := range o.Resamples {
		if i%cancelEvery == 0 && ctx.Err() != nil {
			return Paired{}, ctx.Err()
		}
		draw(rng, counts)
		x, y := left(counts), right(counts)
		if math.IsNaN(x) || math.IsNaN(y) {
			continue
		}
		as, bs, deltas = append(as, x), append(bs, y), append(deltas, y-x)
	}
	if len(deltas) < o.Resamples-o.Resamples/10 {
		return p, nil
	}
	p.A.Interval, p.B.Interval, p.Delta.Interval = o.interval(as), o.interval(bs), o.interval(deltas)
	p.Differs = p.Delta.Interval[0] > 0 || p.Delta.Interval[1] < 0
	return p, nil
}

// draw fills counts with a resample: how often each item was drawn.
func draw(rng *rand.Rand, counts []int) {
	clear(counts)
	for range counts {
		counts[rng.IntN(len(counts))]++
	}
}

// interval is the percentile interval of the values of the resamples, which it
// sorts: of B values the k-th and the (B+1-k)-th, k the whole part of (B+1)
// (1-level)/2 (Efron and Tibshirani 1993, section 12.5).
func (o Bootstrap) interval(values []float64) *[2]float64 {
	slices.Sort(values)
	n := len(values)
	k := max(1, int(float64(n+1)*(1-o.Level)/2+1e-9))
	return &[2]float64{values[k-1], values[n-k]}
}
