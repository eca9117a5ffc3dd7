package main

import (
	"context"
	"errors"
	"fmt"
	"math"

	"semdex/embed/workload"
)

// agreement says how close the vectors of both sides are, over the sentences
// of the mixes.
type agreement struct {
	// Difference is the largest difference of a number in float32, relative to
	// the largest number of its vector.
	Difference float64 `json:"difference"`
	// The cosines of int8 vectors to semdex's float32 ones, least and mean.
	Ours cosines `json:"ours_int8"`
	Peer cosines `json:"peer_int8"`
}

type cosines struct {
	Least float64 `json:"least"`
	Mean  float64 `json:"mean"`
}

const (
	// maxDifference is the rounding that two correct float32 programs may
	// differ by.
	maxDifference = 1e-4
	// minCosine is what an int8 program must reach to be computing the same
	// thing at all.
	minCosine = 0.99
)

// agree compares the sides on a subject. It is an error if they do not compute
// the same: then their speeds cannot be compared.
func agree(ctx context.Context, c commands, s *subject, threads int) (agreement, error) {
	var a agreement
	var mixes []workload.Workload
	for _, w := range workload.All() {
		if w.Mix && s.fits(w) {
			mixes = append(mixes, w)
		}
	}
	us, err := vectorsOf(ctx, mixes, s, func() (*side, error) { return s.ours(ctx, c, precisionF32, threads) })
	if err != nil {
		return a, err
	}
	peer, err := vectorsOf(ctx, mixes, s, func() (*side, error) { return s.peer(ctx, c, precisionF32, threads) })
	if err != nil {
		return a, err
	}
	if a.Difference, err = difference(us, peer); err != nil {
		return a, err
	}
	if !(a.Difference <= maxDifference) {
		return a, fmt.Errorf("%s: float32 vectors differ by %.2g of their largest number", s.name, a.Difference)
	}
	if s.static {
		return a, nil
	}
	int8 := func(name string, start func(context.Context, commands, string, int) (*side, error)) (cosines, error) {
		vectors, err := vectorsOf(ctx, mixes, s, func() (*side, error) { return start(ctx, c, precisionInt8, threads) })
		if err != nil {
			return cosines{}, err
		}
		got, err := compare(us, vectors)
		if err == nil && got.Least < minCosine {
			err = fmt.Errorf("%s: int8 vectors of %s have a cosine of %.4f to float32", s.name, name, got.Least)
		}
		return got, err
	}
	if a.Ours, err = int8("semdex", s.ours); err != nil {
		return a, err
	}
	a.Peer, err = int8("the peer", s.peer)
	return a, err
}

// vectorsOf starts a side and gives its vectors of the mixes, batched in the
// first of the peer's policies.
func vectorsOf(ctx context.Context, mixes []workload.Workload, s *subject, start func() (*side, error)) (_ [][]float32, err error) {
	p, err := start()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	var all [][]float32
	for _, w := range mixes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		batches, order := policiesOf(w)[0].batches(w, w.Sentences(s.config.VocabSize))
		if err := p.put(w.Name, batches); err != nil {
			return nil, err
		}
		got, err := p.encode(w.Name)
		if err != nil {
			return nil, err
		}
		if len(got) != len(order) {
			return nil, fmt.Errorf("%s: %d vectors of %d sentences", p.name, len(got), len(order))
		}
		vectors := make([][]float32, len(order))
		for at, i := range order {
			vectors[i] = got[at]
		}
		all = append(all, vectors...)
	}
	return all, nil
}

// difference is the largest difference of a number in b from that in a,
// relative to the largest magnitude in the vector.
func difference(a, b [][]float32) (float64, error) {
	worst := 0.0
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return 0, fmt.Errorf("sentence %d: vectors of %d and %d numbers", i, len(a[i]), len(b[i]))
		}
		top, d := 0.0, 0.0
		for j, x := range a[i] {
			top = max(top, math.Abs(float64(x)))
			d = max(d, math.Abs(float64(x)-float64(b[i][j])))
		}
		worst = max(worst, d/top)
	}
	return worst, nil
}

// compare gives the cosines of pairs of vectors.
func compare(a, b [][]float32) (cosines, error) {
	c := cosines{Least: 1}
	for i := range a {
		if len(a[i]) != len(b[i]) {
			return c, fmt.Errorf("sentence %d: vectors of %d and %d numbers", i, len(a[i]), len(b[i]))
		}
		var ab, aa, bb float64
		for j, x := range a[i] {
			y := b[i][j]
			ab += float64(x) * float64(y)
			aa += float64(x) * float64(x)
			bb += float64(y) * float64(y)
		}
		cos := ab / math.Sqrt(aa*bb)
		if math.IsNaN(cos) {
			return c, fmt.Errorf("sentence %d: no cosine", i)
		}
		c.Least = min(c.Least, cos)
		c.Mean += cos / float64(len(a))
	}
	return c, nil
}
