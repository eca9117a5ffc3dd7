package indextest

import (
	"fmt"
	"math"
	"slices"

	"semdex/index"
)

// tolerance is what float32 arithmetic in another order may add to a dot
// product of unit vectors.
const tolerance = 1e-5

// wantDense holds a dense leg against brute force in float64: every score is
// the passage's own, and no passage left out is better than one returned.
func (h *harness) wantDense(c index.Collection, query []float32, k int, f index.Filter, all map[index.Ref][]float32) {
	h.Helper()
	leg := h.dense(c, query, k, f)
	if len(leg.Candidates) != min(k, len(all)) || leg.More != (len(all) > k) {
		h.Fatalf("dense: %d of %d candidates for k = %d, more: %v", len(leg.Candidates), len(all), k, leg.More)
	}
	var oracle []index.Candidate
	for ref, v := range all {
		oracle = append(oracle, index.Candidate{Ref: ref, Score: dot(query, v)})
	}
	SortCandidates(oracle)
	for i, got := range leg.Candidates {
		own, ok := all[got.Ref]
		if !ok {
			h.Fatalf("dense returned %v, which is not there", got.Ref)
		}
		if score := dot(query, own); math.Abs(got.Score-score) > tolerance {
			h.Fatalf("dense score of %v is %v, want %v", got.Ref, got.Score, score)
		}
		if math.Abs(got.Score-oracle[i].Score) > tolerance {
			h.Fatalf("dense rank %d has score %v, the oracle %v (%v)", i+1, got.Score, oracle[i].Score, oracle[i].Ref)
		}
	}
}

func testDense(h *harness) {
	c := h.create("c")
	h.wantDense(c, h.vector(), 5, nil, nil)
	all := make(map[index.Ref][]float32)
	var records []index.Record
	for i := range 120 {
		spans := make([]index.Span, 1+h.rng.IntN(4))
		for j := range spans {
			spans[j] = index.Span{Start: j, End: j + 1}
		}
		r := h.record(fmt.Sprintf("d%d", i), "", "abcd", map[string]any{"even": i%2 == 0}, spans...)
		for j, p := range r.Passages {
			all[index.Ref{Document: r.ID, Ordinal: j}] = p.Vector
		}
		records = append(records, r)
	}
	h.upsert(c, records[:40]...)
	h.upsert(c, records[40:]...)
	even := make(map[index.Ref][]float32)
	for i, r := range records {
		for j, p := range r.Passages {
			if i%2 == 0 {
				even[index.Ref{Document: r.ID, Ordinal: j}] = p.Vector
			}
		}
	}
	for _, k := range []int{1, 2, 10, 100, len(all) - 1, len(all), len(all) + 1, 10000} {
		h.wantDense(c, h.vector(), k, nil, all)
		h.wantDense(c, h.vector(), k, index.Compare{Field: "even", Op: index.Eq, Value: true}, even)
	}
	c = h.restart("c")
	h.wantDense(c, h.vector(), 50, nil, all)
}

// testDenseTies stores the same vectors many times: equal scores are ordered by
// reference, also where k cuts them.
func testDenseTies(h *harness) {
	c := h.create("c")
	vectors := [][]float32{h.vector(), h.vector(), h.vector()}
	var refs []index.Ref
	for _, i := range h.rng.Perm(60) {
		r := h.record(fmt.Sprintf("d%d", i), "", "abcd", nil, index.Span{Start: 0, End: 1}, index.Span{Start: 1, End: 2})
		for j := range r.Passages {
			r.Passages[j].Vector = vectors[i%3]
			if i%3 == 0 {
				refs = append(refs, index.Ref{Document: r.ID, Ordinal: j})
			}
		}
		h.upsert(c, r)
	}
	slices.SortFunc(refs, func(a, b index.Ref) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	for _, k := range []int{1, 7, 39, 40, 120} {
		leg := h.dense(c, vectors[0], k, nil)
		for i, cand := range leg.Candidates[:min(k, 40)] {
			if cand.Ref != refs[i] {
				h.Fatalf("k = %d: rank %d is %v, want %v", k, i+1, cand.Ref, refs[i])
			}
		}
	}
}

// testDenseWithoutVectors stores passages without a vector among others: words
// find them, the dense leg never does, although its scores go down to zero and
// below.
func testDenseWithoutVectors(h *harness) {
	c := h.create("c")
	axis := func(i int, x float32) []float32 {
		v := make([]float32, dims)
		v[i] = x
		return v
	}
	all := make(map[index.Ref][]float32)
	for i, v := range [][]float32{axis(0, 1), axis(0, -1), axis(1, 1), nil, axis(2, 1), nil} {
		r := h.record(fmt.Sprintf("d%d", i), "", "odd words", nil, index.Span{Start: 0, End: 3}, index.Span{Start: 4, End: 9})
		r.Passages[1].Vector = v
		for j, p := range r.Passages {
			if p.Vector != nil {
				all[index.Ref{Document: r.ID, Ordinal: j}] = p.Vector
			}
		}
		h.upsert(c, r)
	}
	h.bare = 2
	look := func() {
		for k := 1; k < 15; k++ {
			h.wantDense(c, axis(0, 1), k, nil, all)
		}
		if leg := h.keyword(c, "words", 20, nil); len(leg.Candidates) != 6 {
			h.Errorf("words find %v", leg.Candidates)
		}
		h.wantCount(c, nil, 6, 12)
		h.checkSound(c)
	}
	look()
	c = h.restart("c")
	look()

	r := h.record("d3", "", "odd words", nil)
	h.upsert(c, r)
	all[index.Ref{Document: "d3", Ordinal: 0}] = r.Passages[0].Vector
	h.bare = 1
	h.wantDense(c, axis(0, 1), 20, nil, all)
	only := h.create("only")
	r = h.record("a", "", "words", nil)
	r.Passages[0].Vector = nil
	h.upsert(only, r)
	h.wantDense(only, axis(0, 1), 3, nil, nil)
}

func testDenseBadVectors(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", nil))
	nan := h.vector()
	nan[2] = float32(math.NaN())
	for name, v := range map[string][]float32{"NaN": nan, "short": h.vector()[1:], "long": append(h.vector(), 1), "zero": make([]float32, dims), "nil": nil} {
		_, err := c.Dense(h.ctx, v, 3, nil)
		h.wantError("query vector "+name, err, index.ErrInvalidVector)
	}
}
