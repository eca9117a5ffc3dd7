package vector

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
)

// awkward returns vectors of the kinds that embeddings rarely are.
func awkward(r *rand.Rand, n, dims int) [][]float32 {
	out := make([][]float32, n)
	same := normal(r, dims)
	for i := range out {
		x := normal(r, dims)
		switch r.IntN(8) {
		case 0:
			x = slices.Clone(same)
		case 1:
			x = nil
		case 2: // one value stands out: codes of the others are coarse
			x[r.IntN(dims)] = 50
		case 3:
			for j := range x {
				x[j] *= 1e-3
			}
		}
		out[i] = x
	}
	return out
}

func equalHits(a, b []Hit) bool { return slices.Equal(a, b) }

func TestExactIsExact(t *testing.T) {
	r := newRand(t)
	for _, n := range []int{0, 1, 2, 3, 255, 256, 257, 700, 3000} {
		for _, dims := range []int{1, 2, 17, 64, 100, 384} {
			rows := rowsOf(dims, awkward(r, n, dims))
			for _, k := range []int{-1, 0, 1, 10, n - 1, n, n + 5} {
				q := Query{Vector: normal(r, dims), K: k}
				if r.IntN(2) == 0 {
					q.Before = func(a, b uint32) bool { return a > b }
				}
				if r.IntN(2) == 0 {
					var some []uint32
					for i := range n {
						if r.IntN(3) == 0 {
							some = append(some, uint32(i))
						}
					}
					q.Accept = AcceptRows(some)
				}
				e := NewExact(rows, 0, n, bestLevel(t))
				e.workers = 1 + r.IntN(3)
				got, stats, err := e.Search(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if want := bruteForce(t, &rows, q); !equalHits(got, want) {
					t.Fatalf("%d rows of %d values, k = %d: %v, want %v", n, dims, k, got, want)
				}
				if stats.Plan != PlanExact {
					t.Fatalf("plan %q", stats.Plan)
				}
			}
		}
	}
}

// Equal vectors all score the same: the order is that of Before.
func TestExactAllEqual(t *testing.T) {
	r := newRand(t)
	x := normal(r, 32)
	all := make([][]float32, 20_000)
	for i := range all {
		all[i] = x
	}
	rows := rowsOf(32, all)
	q := Query{Vector: normal(r, 32), K: 20, Before: func(a, b uint32) bool { return a > b }}
	got, _, err := NewExact(rows, 0, rows.Len(), bestLevel(t)).Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range got {
		if want := uint32(rows.Len() - 1 - i); h.Row != want {
			t.Fatalf("rank %d is row %d, want %d", i, h.Row, want)
		}
	}
}

// Rows of an index that begins after the first ones, as the unsealed rows of a
// collection do, and owners with several rows each.
func TestExactRangeAndOwners(t *testing.T) {
	r := newRand(t)
	const n, dims, from = 1000, 24, 300
	rows := rowsOf(dims, clustered(r, n, dims, 10, 0.5))
	a := &Accept{Size: func(uint32) int { return 3 }}
	for owner := range uint32(n/3 + 1) {
		a.First = append(a.First, 3*owner)
	}
	for i := range uint32(n) {
		a.Owner = append(a.Owner, i/3)
	}
	a.Bits = make([]uint64, n/3/64+1)
	for i := range a.Bits {
		a.Bits[i] = r.Uint64()
	}
	a.Count = n
	q := Query{Vector: normal(r, dims), K: 50, Accept: a}
	var want []Hit
	for _, h := range bruteForce(t, &rows, Query{Vector: q.Vector, K: n, Accept: a}) {
		if h.Row >= from {
			want = append(want, h)
		}
	}
	got, _, err := NewExact(rows, from, n, bestLevel(t)).Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if !equalHits(got, want[:50]) {
		t.Fatalf("%v, want %v", got, want[:50])
	}
}

// A snapshot of rows does not see what is appended later.
func TestRowsSnapshot(t *testing.T) {
	r := newRand(t)
	rows := NewRows(8)
	var all [][]float32
	for i := range 600 {
		if i%100 == 50 {
			before := rows
			rows.Append(normal(r, 8))
			all = append(all, rows.At(i))
			if before.Len() != i {
				t.Fatal("the snapshot has grown")
			}
			continue
		}
		all = append(all, normal(r, 8))
		rows.Append(all[i])
	}
	for i, x := range all {
		if !slices.Equal(rows.At(i), x) {
			t.Fatalf("row %d has changed", i)
		}
	}
}

func TestSearchCanceled(t *testing.T) {
	r := newRand(t)
	rows := rowsOf(16, clustered(r, 3000, 16, 10, 0.5))
	g, err := Build(t.Context(), rows, Params{}, bestLevel(t))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, x := range []Index{NewExact(rows, 0, rows.Len(), bestLevel(t)), g} {
		if _, _, err := x.Search(ctx, Query{Vector: rows.At(0), K: 3}); err == nil {
			t.Errorf("%T searched although the context was done", x)
		}
	}
	if _, err := Build(ctx, rows, Params{}, bestLevel(t)); err == nil {
		t.Error("built although the context was done")
	}
}

func TestTop(t *testing.T) {
	r := newRand(t)
	for range 200 {
		n, k := r.IntN(50), r.IntN(20)
		var all []Hit
		for i := range n {
			all = append(all, Hit{uint32(i), float32(r.IntN(5))})
		}
		r.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
		got := Merge(k, nil, all[:n/2], all[n/2:])
		want := newTop(n, nil)
		want.hits = all
		if w := want.sorted()[:min(k, n)]; !equalHits(got, w) {
			t.Fatalf("best %d: %v, want %v", k, got, w)
		}
	}
}
