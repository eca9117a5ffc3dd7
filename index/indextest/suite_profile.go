package indextest

import (
	"errors"
	"slices"

	"semdex/index"
)

func testProfile(h *harness) {
	c := h.create("c")
	r := h.record("a", "copper", "zebra violin zebra harbor", nil, index.Span{Start: 0, End: 12}, index.Span{Start: 13, End: 25})
	r.Passages[1].Vector = nil
	h.bare++
	h.upsert(c, r,
		h.record("b", "", "violin harbor", nil),
		h.record("c", "", "harbor 하늘을", nil),
		h.record("d", "", "?!", nil))
	p, err := c.Profile(h.ctx, "a", 10)
	h.must(err)
	if p.Passages != 2 || len(p.Vectors) != 1 || !slices.Equal(p.Vectors[0], r.Passages[0].Vector) {
		h.Errorf("%d passages, vectors %v, want %v", p.Passages, p.Vectors, r.Passages[0].Vector)
	}
	// The words that no other document has come first, the commonest last.
	first := slices.Clone(p.Words[:2])
	slices.Sort(first)
	if len(p.Words) != 4 || !slices.Equal(first, []string{"copper", "zebra"}) || p.Words[3] != "harbor" {
		h.Errorf("words %q", p.Words)
	}
	few, err := c.Profile(h.ctx, "a", 1)
	h.must(err)
	if !slices.Equal(few.Words, p.Words[:1]) {
		h.Errorf("one word: %q of %q", few.Words, p.Words)
	}
	if p, err = c.Profile(h.ctx, "d", 10); err != nil || len(p.Words) != 0 {
		h.Errorf("no words: %q, %v", p.Words, err)
	}
	if _, err := c.Profile(h.ctx, "e", 10); !errors.Is(err, index.ErrDocumentNotFound) {
		h.Errorf("no document: %v", err)
	}
}
