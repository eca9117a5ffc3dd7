package indextest

import (
	"errors"
	"fmt"
	"slices"

	"semdex/index"
)

// testReplace puts a collection of another model in the place of one that is
// open and has an alias.
func testReplace(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("old", "", "the old text", nil))
	other := settings
	other.Model = "model-2"
	d, err := h.engine.Create(h.ctx, "d", other)
	h.must(err)
	h.must(d.Upsert(h.ctx, []index.Record{h.record("new", "", "the new text", map[string]any{"n": 1.})}))
	h.must(d.SetSynonyms(h.ctx, "a, b"))
	h.must(h.engine.SetAlias(h.ctx, "now", "c"))

	refused := func(want error, name, with string) {
		h.Helper()
		if err := h.engine.Replace(h.ctx, name, with); !errors.Is(err, want) {
			h.Errorf("replace %q by %q: %v, want %v", name, with, err, want)
		}
	}
	refused(index.ErrCollectionNotFound, "c", "none")
	refused(index.ErrCollectionNotFound, "none", "d")
	refused(index.ErrCollectionNotFound, "now", "d")
	refused(index.ErrCollectionExists, "c", "c")
	refused(index.ErrAliased, "d", "c")

	h.must(h.engine.Replace(h.ctx, "c", "d"))
	_, _, err = c.Count(h.ctx, nil)
	h.wantError("a call of the one before", err, index.ErrReplaced)
	h.wantError("a write to the one before", c.Upsert(h.ctx, []index.Record{h.record("x", "", "x", nil)}), index.ErrReplaced)
	for _, when := range []string{"at once", "after reopening"} {
		for _, name := range []string{"c", "now"} {
			c, err := h.engine.Open(h.ctx, name)
			h.must(err)
			info, err := c.Info(h.ctx)
			h.must(err)
			if info.Name != "c" || info.Settings.Model != "model-2" || info.Documents != 1 || info.Synonyms != 1 {
				h.Errorf("%s: %q is %+v", when, name, info)
			}
			if got := documents(h.keyword(c, "text", 10, nil)); !slices.Equal(got, []string{"new"}) {
				h.Errorf("%s: found %v", when, got)
			}
		}
		if _, err := h.engine.Open(h.ctx, "d"); !errors.Is(err, index.ErrCollectionNotFound) {
			h.Errorf("%s: the name of before: %v", when, err)
		}
		h.engine = h.reopen()
	}
	c, err = h.engine.Open(h.ctx, "c")
	h.must(err)
	h.upsert(c, h.record("more", "", "more text", nil))
	h.create("d") // the name is free
}

// testChanged asks for what came since the last time, while documents come, are
// replaced and deleted.
func testChanged(h *harness) {
	c := h.create("c")
	have := make(map[string]bool)
	var after uint64
	for round := range 20 {
		fresh := make(map[string]bool)
		for range h.rng.IntN(5) {
			id := fmt.Sprint(h.rng.IntN(20))
			if h.rng.IntN(3) == 0 {
				_, err := c.Delete(h.ctx, []string{id})
				h.must(err)
				delete(fresh, id)
				delete(have, id)
				continue
			}
			h.upsert(c, h.record(id, "", "text", nil))
			fresh[id], have[id] = true, true
		}
		if round%6 == 5 {
			c = h.restart("c")
		}
		ids, sequence, err := c.Changed(h.ctx, after)
		h.must(err)
		wantIDs(h, ids, fresh)
		all, _, err := c.Changed(h.ctx, 0)
		h.must(err)
		wantIDs(h, all, have)
		after = sequence
	}
}

func wantIDs(h *harness, got []string, want map[string]bool) {
	h.Helper()
	same := len(got) == len(want)
	for _, id := range got {
		same = same && want[id]
	}
	if !same {
		h.Fatalf("changed: %v, want %v", got, want)
	}
}
