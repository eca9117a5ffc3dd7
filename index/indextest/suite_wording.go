package indextest

import (
	"slices"
	"strings"

	"semdex/index"
)

// testWording compares phrases and exclusions with Memory over texts of few
// words, in which most sequences occur.
func testWording(h *harness) {
	c := h.create("c")
	model, err := NewMemory().Create(h.ctx, "c", settings)
	h.must(err)
	words := vocabulary[:4]
	text := func(n int) string {
		var out []string
		for range n {
			out = append(out, words[h.rng.IntN(len(words))])
		}
		return strings.Join(out, []string{" ", ", ", "-"}[h.rng.IntN(3)])
	}
	var refs []index.Ref
	for i := range 60 {
		first, second := text(1+h.rng.IntN(5)), text(1+h.rng.IntN(5))
		n := len([]rune(first))
		r := h.record(string(rune('A'+i)), text(h.rng.IntN(3)), first+" "+second, map[string]any{"odd": i%2 == 1},
			index.Span{Start: 0, End: n}, index.Span{Start: n + 1, End: n + 1 + len([]rune(second))})
		if i%7 == 0 {
			r.Passages[1].Vector = nil
			h.bare++
		}
		h.upsert(c, r)
		h.upsert(model, r)
		refs = append(refs, index.Ref{Document: r.ID}, index.Ref{Document: r.ID, Ordinal: 1})
	}
	refs = append(refs, index.Ref{Document: "none"}, index.Ref{Document: "A", Ordinal: 2}, index.Ref{Document: "A", Ordinal: -1})
	for range 60 {
		var w index.Wording
		for range 1 + h.rng.IntN(2) {
			w.Phrases = append(w.Phrases, text(1+h.rng.IntN(3)))
		}
		for range h.rng.IntN(2) {
			w.Excluded = append(w.Excluded, text(1+h.rng.IntN(2)))
		}
		f := []index.Filter{nil, index.Compare{Field: "odd", Op: index.Eq, Value: true}}[h.rng.IntN(2)]
		got, err := c.KeywordWording(h.ctx, index.Words{Text: words[0]}, w, 1000, f)
		h.must(err)
		h.checkLeg(got, 1000)
		want, err := model.KeywordWording(h.ctx, index.Words{Text: words[0]}, w, 1000, f)
		h.must(err)
		h.sameLeg(got, want, false)
		if len(want.Candidates) > 1 {
			few, err := c.KeywordWording(h.ctx, index.Words{Text: words[0]}, w, 1, f)
			h.must(err)
			if !few.More || !slices.Equal(few.Candidates, got.Candidates[:1]) {
				h.Errorf("%+v: the first is %v, more: %v, of %v", w, few.Candidates, few.More, got.Candidates)
			}
		}
		gotAllows, err := c.Allows(h.ctx, refs, w)
		h.must(err)
		wantAllows, err := model.Allows(h.ctx, refs, w)
		h.must(err)
		if !slices.Equal(gotAllows, wantAllows) {
			h.Errorf("%+v allows %v, want %v", w, gotAllows, wantAllows)
		}
	}
	gotVectors, err := c.Vectors(h.ctx, refs)
	h.must(err)
	wantVectors, err := model.Vectors(h.ctx, refs)
	h.must(err)
	if !slices.EqualFunc(gotVectors, wantVectors, slices.Equal[[]float32]) {
		h.Error("vectors differ from those stored")
	}
}
