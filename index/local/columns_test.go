package local

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
)

// The best k of random scores with many ties, in any order of arrival, are the
// first k of all sorted.
func TestTopKAgainstSorting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		v := &view{}
		var all []scored
		for i := range rng.IntN(60) {
			v.docs = append(v.docs, &document{id: fmt.Sprint(rng.IntN(1000), "-", i)})
			for j := range 1 + rng.IntN(3) {
				all = append(all, scored{float64(rng.IntN(5)), uint32(i), uint32(j)})
			}
		}
		k := rng.IntN(70)
		best := newTopK(v, k+1)
		for _, s := range all {
			if best.wants(s.score) {
				best.offer(s)
			}
		}
		got, more := best.candidates(k)
		want := make([]index.Candidate, len(all))
		for i, s := range all {
			want[i] = index.Candidate{Ref: v.ref(s.doc, s.ordinal), Score: s.score}
		}
		slices.SortFunc(want, func(a, b index.Candidate) int {
			return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Ref.Document, b.Ref.Document), cmp.Compare(a.Ref.Ordinal, b.Ref.Ordinal))
		})
		if n := min(k, len(all)); !slices.Equal(got, want[:n]) || more != (n < len(all)) {
			t.Fatalf("best %d of %v: %v, more: %v", k, all, got, more)
		}
	}
}

// Renumbering columns gives what adding the remaining documents would.
func TestRenumberColumns(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	when, _ := index.ParseTime("2024-05-06")
	random := func() map[string]any {
		m := map[string]any{"k": fmt.Sprint(rng.IntN(3)), "l": []string{"a", fmt.Sprint(rng.IntN(3))}, "n": float64(rng.IntN(4)), "b": rng.IntN(2) == 0, "t": when.AddDate(0, 0, rng.IntN(3))}
		for _, f := range []string{"k", "l", "n", "b", "t"} {
			if rng.IntN(3) == 0 {
				delete(m, f)
			}
		}
		return m
	}
	filters := []index.Filter{
		index.Compare{Field: "k", Op: index.Eq, Value: "1"},
		index.Compare{Field: "l", Op: index.Eq, Value: "2"},
		index.Compare{Field: "n", Op: index.Gte, Value: 2.},
		index.Compare{Field: "b", Op: index.Eq, Value: false},
		index.Compare{Field: "t", Op: index.Gt, Value: when},
		index.In{Field: "t", Values: []any{when}},
		index.In{Field: "n", Values: []any{0., 3.}},
		index.Not{Filter: index.Exists{Field: "n"}},
	}
	for range 50 {
		old, direct, live := make(columns), make(columns), roaring.New()
		number := make(map[uint32]uint32)
		var metadata []map[string]any
		for doc := range uint32(40) {
			m := random()
			old.add(doc, m)
			if rng.IntN(2) == 0 {
				n := uint32(len(metadata))
				number[doc] = n
				metadata = append(metadata, m)
				direct.add(n, m)
				live.Add(n)
			}
		}
		moved := old.renumber(number)
		for _, f := range filters {
			var want []uint32
			for n, m := range metadata {
				if f.Accepts(m) {
					want = append(want, uint32(n))
				}
			}
			a, b := moved.filter(f, live).ToArray(), direct.filter(f, live).ToArray()
			if !slices.Equal(a, want) || !slices.Equal(b, want) {
				t.Fatalf("%s: renumbered %v, direct %v, want %v", f, a, b, want)
			}
		}
	}
}
