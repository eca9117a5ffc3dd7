package evalsuite

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

func TestInterval(t *testing.T) {
	// Of 1..999 the 25th and the 975th bound 95 %: (999+1) * .025 = 25.
	values := make([]float64, 999)
	for i := range values {
		values[len(values)-1-i] = float64(i + 1)
	}
	if got := *(Bootstrap{Level: .95}).interval(values); got != [2]float64{25, 975} {
		t.Errorf("95 %% of 1..999: %v", got)
	}
	if got := *(Bootstrap{Level: .9}).interval(values); got != [2]float64{50, 950} {
		t.Errorf("90 %% of 1..999: %v", got)
	}
	// Of 1..1000, k is the whole part of 25.025.
	if got := *(Bootstrap{Level: .95}).interval(append(values, 1000)); got != [2]float64{25, 976} {
		t.Errorf("95 %% of 1..1000: %v", got)
	}
}

// enumerate gives a statistic of every one of the n^n resamples of n items.
func enumerate(n int, at func(counts []int) float64) []float64 {
	var out []float64
	counts := make([]int, n)
	var pick func(left int)
	pick = func(left int) {
		if left == 0 {
			out = append(out, at(counts))
			return
		}
		for i := range counts {
			counts[i]++
			pick(left - 1)
			counts[i]--
		}
	}
	pick(n)
	slices.Sort(out)
	return out
}

// Many drawn resamples have the percentiles of all possible ones.
func TestCompareAgainstAllResamples(t *testing.T) {
	a, b := []float64{0, 1, 0, 1, 0}, []float64{.25, 1, .5, 1, 1}
	o := Bootstrap{Resamples: 10000, Seed: 7, Level: .9}
	got, err := o.Compare(t.Context(), Mean, a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	all := enumerate(5, func(counts []int) float64 { return weightedMean(b, counts) - weightedMean(a, counts) })
	if len(all) != 3125 {
		t.Fatalf("%d resamples", len(all))
	}
	// Means of five items in quarters are .05 apart: the percentile may miss by one
	// step where it lies on the edge of one.
	for i, q := range []int{156, 2968} {
		if want := all[q]; math.Abs(got.Delta.Interval[i]-want) > .05+1e-9 {
			t.Errorf("end %d is %v, all resamples say %v", i, got.Delta.Interval[i], want)
		}
	}
	if got.A.Value != .4 || got.B.Value != .75 || math.Abs(got.Delta.Value-.35) > 1e-12 {
		t.Errorf("%+v", got)
	}
	again, err := o.Compare(t.Context(), Mean, a, b, nil)
	if err != nil || *again.Delta.Interval != *got.Delta.Interval {
		t.Errorf("the same seed gives %v and %v (%v)", again.Delta.Interval, got.Delta.Interval, err)
	}
}

// Pairing: where every item gains the same, the difference is certain, however
// much the items vary.
func TestComparePairs(t *testing.T) {
	var a, b, rough []float64
	for i := range 40 {
		x := float64(i%10) / 10
		a, b = append(a, x), append(b, x+.01)
		rough = append(rough, float64((i+5)%10)/10) // the same scores on other items
	}
	o := DefaultBootstrap()
	got, err := o.Compare(t.Context(), Mean, a, b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !got.Differs || got.Verdict() != "B better" || got.Delta.Interval[1]-got.Delta.Interval[0] > 1e-9 || got.A.Interval[1]-got.A.Interval[0] < .1 {
		t.Errorf("a constant gain: %+v %v %v", got, got.A.Interval, got.Delta.Interval)
	}
	if got, err = o.Compare(t.Context(), Mean, b, a, nil); err != nil || got.Verdict() != "A better" {
		t.Errorf("the other way round: %q, %v", got.Verdict(), err)
	}
	if got, err = o.Compare(t.Context(), Mean, a, rough, nil); err != nil || got.Differs || got.Verdict() != "" {
		t.Errorf("no gain at all: %+v, %v", got, err)
	}
	if got, err = o.Compare(t.Context(), Mean, a, a, nil); err != nil || got.Differs {
		t.Errorf("the same system: %+v, %v", got, err)
	}
}

func TestCompareUndefined(t *testing.T) {
	o := DefaultBootstrap()
	// 3 of the 27 resamples of three items hold one item alone.
	got, err := o.Compare(t.Context(), Spearman, []float64{1, 2, 3}, []float64{3, 2, 1}, []float64{1, 2, 3})
	if err != nil || got.Delta.Interval != nil || got.Differs || math.Abs(got.Delta.Value+2) > 1e-12 {
		t.Errorf("three pairs: %+v, %v", got, err)
	}
	if _, err := o.Compare(t.Context(), Spearman, []float64{1, 1}, []float64{3, 2}, []float64{1, 2}); !errors.Is(err, ErrResults) {
		t.Errorf("a constant side: %v", err)
	}
	if _, err := o.Compare(t.Context(), Mean, []float64{1, 1}, []float64{3}, nil); !errors.Is(err, ErrResults) {
		t.Errorf("other items: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := o.Compare(ctx, Mean, []float64{1}, []float64{2}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	for _, o := range []Bootstrap{{Resamples: 10, Level: .95}, {Resamples: 2000, Level: 1}, {Resamples: 20000, Level: .95}, {Resamples: 2000, Level: math.NaN()}} {
		if !errors.Is(o.Check(), ErrResults) {
			t.Errorf("%+v passes", o)
		}
	}
}
