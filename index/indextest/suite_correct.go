package indextest

import (
	"maps"

	"semdex/index"
)

func testCorrect(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "Copper", "mountain violin garden 한국어를", nil), h.record("b", "", "mountain", nil))
	for _, test := range []struct {
		text, want string
		changes    map[string]string
	}{
		{"mountan", "mountain", map[string]string{"mountan": "mountain"}},
		{"a Moutnain, vioXlin!", "a mountain, violin!", map[string]string{"Moutnain": "mountain", "vioXlin": "violin"}},
		{"garden coppe", "garden copper", map[string]string{"coppe": "copper"}},
		{"nountain", "nountain", nil},
		{"mounntainn", "mounntainn", nil},
		{"한국언 바다 zebra x 12345", "한국언 바다 zebra x 12345", nil},
		{"", "", nil},
	} {
		got, changes, err := c.Correct(h.ctx, test.text)
		h.must(err)
		if got != test.want || !maps.Equal(changes, test.changes) {
			h.Errorf("%q: %q, %v; want %q, %v", test.text, got, changes, test.want, test.changes)
		}
	}
	r, err := index.Search(h.ctx, c, index.Query{Text: "mountan", Correct: true, Mode: index.KeywordOnly})
	h.must(err)
	if len(r.Hits) != 2 || r.Stats.Corrected["mountan"] != "mountain" {
		h.Errorf("%d hits, %+v", len(r.Hits), r.Stats)
	}
}
