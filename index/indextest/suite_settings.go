package indextest

import (
	"fmt"
	"slices"

	"semdex/index"
)

// testVectors changes how vectors are searched while documents come: the answers
// stay those of Memory.
func testVectors(h *harness) {
	bad := settings
	bad.Vectors = "fastest"
	_, err := h.engine.Create(h.ctx, "bad", bad)
	h.wantError("create with unknown vectors", err, index.ErrInvalidSetting)

	c := h.create("c")
	want := index.VectorsAuto
	var all []index.Candidate
	query := h.vector()
	check := func() {
		h.Helper()
		info, err := c.Info(h.ctx)
		h.must(err)
		if info.Settings.Vectors != want {
			h.Errorf("vectors are %q, want %q", info.Settings.Vectors, want)
		}
		best := bestOf(slices.Clone(all), 10, "", 0)
		for i, got := range h.dense(c, query, 10, nil).Candidates {
			if got.Ref != best.Candidates[i].Ref {
				h.Fatalf("%s: rank %d is %v, want %v", want, i+1, got.Ref, best.Candidates[i].Ref)
			}
		}
	}
	check()
	ways := []index.Vectors{index.VectorsGraph, index.VectorsExact, "", index.VectorsCoder, index.VectorsAuto, index.VectorsExact}
	for i, v := range ways {
		for j := range 15 {
			r := h.record(fmt.Sprint(i, "-", j), "", "text", nil)
			h.upsert(c, r)
			all = append(all, index.Candidate{Ref: index.Ref{Document: r.ID}, Score: dot(query, r.Passages[0].Vector)})
		}
		h.must(c.SetVectors(h.ctx, v))
		want = v.OrAuto()
		check()
		if i%2 == 0 {
			c = h.restart("c")
			check()
		}
	}
	h.wantError("unknown vectors", c.SetVectors(h.ctx, "fastest"), index.ErrInvalidSetting)
	check()
}
