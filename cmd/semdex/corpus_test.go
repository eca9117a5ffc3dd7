package main

import (
	"math"
	"testing"
)

// TestRoles: shares of documents are met, and more training text leaves what is
// held out as it was.
func TestRoles(t *testing.T) {
	const n = 200_000
	for _, f := range []corpusFlags{{devShare: 0.01, share: 1}, {devShare: 0.01, share: 0.25}, {share: 0.5}, {devShare: 0.2, share: 0.01}} {
		var counts [3]float64
		less := f
		less.share /= 2
		for i := range n {
			r := f.role(i)
			counts[r]++
			if l := less.role(i); (l == heldOut) != (r == heldOut) || l == training && r != training {
				t.Fatalf("%+v: document %d is used for %d, with half of the text for %d", f, i, r, l)
			}
		}
		for r, want := range map[role]float64{heldOut: f.devShare, training: (1 - f.devShare) * f.share} {
			if got := counts[r] / n; math.Abs(got-want) > 0.005 {
				t.Errorf("%+v: a share of %.4f is used for %d, want %.4f", f, got, r, want)
			}
		}
	}
}
