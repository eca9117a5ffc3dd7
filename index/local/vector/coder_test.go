//go:build !windows

package vector

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

func TestCoder(t *testing.T) {
	r := newRand(t)
	const n, dims = 3000, 32
	all := clustered(r, n+30, dims, 30, 0.6)
	all[7] = make([]float32, dims)
	rows := rowsOf(dims, all[:n])
	g := build(t, rows, Params{})
	c, err := NewCoder(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if _, stats, _ := c.Search(t.Context(), Query{Vector: all[n], K: 10}); stats.Plan != PlanCoder {
		t.Errorf("plan %q", stats.Plan)
	}
	if got := meanRecall(t, c, &rows, all[n:], Query{K: 10}); got < 0.95 {
		t.Errorf("recall %.3f", got)
	}
	if got := meanRecall(t, c, &rows, all[n:], Query{K: 10, Accept: AcceptRows([]uint32{1, 2, 3})}); got != 1 {
		t.Errorf("filtered: recall %.3f", got)
	}
}

func TestCoderFile(t *testing.T) {
	r := newRand(t)
	g := build(t, rowsOf(8, clustered(r, 1200, 8, 5, 0.5)), Params{M: 8})
	var m memory
	size, err := g.SaveCoder(&m)
	if err != nil || int(size) != len(m.b) {
		t.Fatalf("%d of %d bytes, %v", size, len(m.b), err)
	}
	open := func(b []byte) error {
		_, err := OpenCoder(t.Context(), g, bytes.NewReader(b), int64(len(b)))
		return err
	}
	if err := open(m.b); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		b := slices.Clone(m.b)
		b[r.IntN(len(b))] ^= byte(1 << r.IntN(8))
		if err := open(b); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("a flipped bit: %v", err)
		}
	}
	for _, n := range []int{0, 7, 31, 32, 33, len(m.b) - 1} {
		if err := open(m.b[:n]); !errors.Is(err, ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
}

// The gate keeps out a graph that leads nowhere.
func TestCoderRecallGate(t *testing.T) {
	r := newRand(t)
	g := build(t, rowsOf(8, clustered(r, 2000, 8, 5, 0.5)), Params{M: 8})
	for i := range g.layers[0].links {
		g.layers[0].links[i] = none
	}
	if _, err := NewCoder(t.Context(), g); !errors.Is(err, ErrRecall) {
		t.Errorf("%v", err)
	}
}
