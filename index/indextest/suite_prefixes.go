package indextest

import (
	"fmt"
	"slices"

	"semdex/index"
)

// testPrefixes holds what stands before passages against Memory, and by hand:
// title and headings are found where the settings say so, and nowhere else.
func testPrefixes(h *harness) {
	text := "Granite\nquarry\n\nMarble\nsculpture\n\nLimestone"
	headings := []index.Heading{{Start: 0, End: 7, Level: 1}, {Start: 16, End: 22, Level: 2}}
	record := h.record("a", "Stones", text, nil,
		index.Span{Start: 0, End: 14}, index.Span{Start: 16, End: 32}, index.Span{Start: 34, End: 43})
	record.Headings = headings
	lone := h.record("b", "Stones", "", nil)
	for _, test := range []struct {
		prefix index.Prefix
		found  map[string][]int // passages of "a" by word
	}{
		{"", map[string][]int{"stones": {0, 1, 2}, "granite": {0}, "marble": {1}}},
		{index.PrefixNone, map[string][]int{"stones": nil, "granite": {0}, "marble": {1}}},
		{index.PrefixPath, map[string][]int{"stones": {0, 1, 2}, "granite": {0, 1, 2}, "marble": {1, 2}}},
	} {
		s := settings
		s.Split.Title = test.prefix
		name := "c-" + string(test.prefix) + "-"
		c, err := h.engine.Create(h.ctx, name, s)
		h.must(err)
		model, err := NewMemory().Create(h.ctx, name, s)
		h.must(err)
		h.upsert(c, record, lone)
		h.upsert(model, record, lone)
		for _, when := range []string{"at once", "after a restart"} {
			for word, want := range test.found {
				h.wantPassages(fmt.Sprintf("%s %q %s", test.prefix, word, when), c, word, want)
				got, err := c.KeywordWording(h.ctx, index.Words{Text: word}, index.Wording{Phrases: []string{word}}, 10, nil)
				h.must(err)
				same, err := model.KeywordWording(h.ctx, index.Words{Text: word}, index.Wording{Phrases: []string{word}}, 10, nil)
				h.must(err)
				h.sameLeg(got, same, false)
			}
			d, err := c.Get(h.ctx, "a")
			h.must(err)
			if !slices.Equal(d.Headings, headings) {
				h.Errorf("%s: headings %v, want %v", when, d.Headings, headings)
			}
			c = h.restart(name)
		}
	}
}

// wantPassages looks for a word in the passages of document "a"; "b", whose
// title is all it has, is found by that whatever the settings.
func (h *harness) wantPassages(what string, c index.Collection, word string, want []int) {
	h.Helper()
	var got []int
	lone := false
	for _, cand := range h.keyword(c, word, 10, nil).Candidates {
		if cand.Ref.Document == "a" {
			got = append(got, cand.Ref.Ordinal)
		}
		lone = lone || cand.Ref.Document == "b"
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || lone != (word == "stones") {
		h.Errorf("%s: passages %v, want %v; the document of a title alone: %t", what, got, want, lone)
	}
}
