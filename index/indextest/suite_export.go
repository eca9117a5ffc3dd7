package indextest

import (
	"errors"
	"fmt"
	"reflect"

	"semdex/index"
)

// testExport changes a collection while it is exported: what comes out is what
// it held at the beginning.
func testExport(h *harness) {
	c := h.create("c")
	want := make(map[string]index.Record)
	for i := range 20 {
		r := h.record(fmt.Sprint(i), "title", fmt.Sprintf("text %d of some words", i), map[string]any{"n": float64(i)},
			index.Span{Start: 0, End: 4}, index.Span{Start: 5, End: 9})
		if i%5 == 0 {
			r.Passages[1].Vector = nil
			h.bare++
		}
		h.upsert(c, r)
		want[r.ID] = r
	}
	for _, vectors := range []bool{true, false} {
		got := make(map[string]index.Record)
		err := c.Export(h.ctx, vectors, func(info index.Info) error {
			if info.Documents != 20 || info.Passages != 40 || info.Settings.Fields["n"] != index.Number {
				h.Errorf("it begins with %+v", info)
			}
			return nil
		}, func(r index.Record) error {
			if len(got) == 0 { // now everything changes
				for i := range 20 {
					h.upsert(c, h.record(fmt.Sprint(i), "", "other", map[string]any{"n": 0.5}))
				}
				_, err := c.Delete(h.ctx, []string{"3", "4"})
				h.must(err)
			}
			got[r.ID] = r
			return nil
		})
		h.must(err)
		if len(got) != len(want) {
			h.Errorf("%d documents, want %d", len(got), len(want))
		}
		for id, w := range want {
			if !vectors {
				w.Passages = []index.Passage{{Start: 0, End: 4}, {Start: 5, End: 9}}
			}
			if !reflect.DeepEqual(got[id], w) {
				h.Errorf("document %s is %+v, want %+v", id, got[id], w)
			}
		}
		for _, r := range want {
			h.upsert(c, r)
		}
	}
	stop := errors.New("stop")
	err := c.Export(h.ctx, false, func(index.Info) error { return nil }, func(index.Record) error { return stop })
	h.wantError("export that is stopped", err, stop)
	err = c.Export(h.ctx, false, func(index.Info) error { return stop }, nil)
	h.wantError("export that does not begin", err, stop)
}
