package indextest

import (
	"context"
	"fmt"
	"slices"

	"semdex/index"
)

// testLoads writes and searches while bulk loads are open: everything that is
// acknowledged is found, during, between and after them.
func testLoads(h *harness) {
	c := h.create("c")
	begin := func() func() {
		h.Helper()
		end, err := c.BeginLoad(h.ctx)
		h.must(err)
		return end
	}
	query := h.vector()
	all := make(map[string]index.Candidate)
	round := 0
	fill := func() {
		h.Helper()
		for range 12 {
			var records []index.Record
			for i := range 5 {
				r := h.record(fmt.Sprint("d", (round*5+i)%90), "", fmt.Sprintf("common round%d", round), nil)
				records = append(records, r)
				all[r.ID] = index.Candidate{Ref: index.Ref{Document: r.ID}, Score: dot(query, r.Passages[0].Vector)}
			}
			h.upsert(c, records...)
			h.wantCount(c, nil, len(all), len(all))
			if got := documents(h.keyword(c, fmt.Sprint("round", round), 10, nil)); len(got) != 5 {
				h.Errorf("round %d: found %v by its word", round, got)
			}
			var candidates []index.Candidate
			for _, cand := range all {
				candidates = append(candidates, cand)
			}
			best := bestOf(candidates, 10, "", 0)
			for i, got := range h.dense(c, query, 10, nil).Candidates {
				if got.Ref != best.Candidates[i].Ref {
					h.Fatalf("round %d: rank %d is %v, want %v", round, i+1, got.Ref, best.Candidates[i].Ref)
				}
			}
			round++
		}
	}
	first, second := begin(), begin()
	fill()
	first()
	first()
	fill()
	h.must(c.Settle(h.ctx, nil))
	second()
	first()
	h.must(c.Settle(h.ctx, func(done, total int) {
		if done < 0 || done > total {
			h.Errorf("%d of %d passages", done, total)
		}
	}))
	fill()
	third := begin()
	_, err := c.DeleteWhere(h.ctx, nil)
	h.must(err)
	clear(all)
	fill()
	third()
	fill()
	h.must(c.Settle(h.ctx, nil))
	c = h.restart("c")
	fill()
}

// testLoadsOutlived ends loads after their collection has gone, in every way.
func testLoadsOutlived(h *harness) {
	load := func(name string) func() {
		h.Helper()
		c := h.create(name)
		end, err := c.BeginLoad(h.ctx)
		h.must(err)
		for i := range 30 {
			h.upsert(c, h.record(fmt.Sprint(i), "", "text of "+name, nil))
		}
		return end
	}
	dropped, old, fresh := load("dropped"), load("c"), load("d")
	h.must(h.engine.Drop(h.ctx, "dropped"))
	dropped()
	h.must(h.engine.Replace(h.ctx, "c", "d"))
	old()
	fresh()
	c, err := h.engine.Open(h.ctx, "c")
	h.must(err)
	h.must(c.Settle(h.ctx, nil))
	if got := documents(h.keyword(c, "d", 100, nil)); len(got) != 30 {
		h.Errorf("after Replace: found %v", got)
	}
	again, err := c.BeginLoad(h.ctx)
	h.must(err)
	cancelled, cancel := context.WithCancel(h.ctx)
	cancel()
	_, err = c.BeginLoad(cancelled)
	h.wantError("a load with a cancelled context", err, context.Canceled)
	h.must(h.engine.Close())
	again()
	again()
	old()
	c = h.restart("c")
	h.upsert(c, h.record("last", "", "the last text", nil))
	h.must(c.Settle(h.ctx, nil))
	if got := documents(h.keyword(c, "last", 10, nil)); !slices.Equal(got, []string{"last"}) {
		h.Errorf("after Close: found %v", got)
	}
	h.wantCount(c, nil, 31, 31)
}
