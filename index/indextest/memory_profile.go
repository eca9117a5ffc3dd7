package indextest

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"semdex/index"
)

func (h *memoryHandle) Profile(ctx context.Context, id string, n int) (p index.Profile, err error) {
	err = h.read(ctx, func() error {
		d := h.documents[id]
		if d == nil {
			return fmt.Errorf("%w: %q", index.ErrDocumentNotFound, id)
		}
		p.Passages = len(d.record.Passages)
		for _, passage := range d.record.Passages {
			if passage.Vector != nil {
				p.Vectors = append(p.Vectors, slices.Clone(passage.Vector))
			}
		}
		text := d.record.Title + " " + d.record.Text
		if h.settings.Split.Title == index.PrefixNone && d.record.Text != "" {
			text = d.record.Text
		}
		count := make(map[string]int)
		for _, w := range words(text) {
			count[w]++
		}
		distinct := queryTerms(text)
		distinct = slices.DeleteFunc(distinct, func(w string) bool { return count[w] == 0 })
		idf, _ := h.statistics(distinct)
		weight := func(w string) float64 { return idf[w] * float64(count[w]) / (float64(count[w]) + bm25K1) }
		slices.SortFunc(distinct, func(a, b string) int {
			return cmp.Or(cmp.Compare(weight(b), weight(a)), cmp.Compare(a, b))
		})
		p.Words = distinct[:min(n, len(distinct))]
		return nil
	})
	return p, err
}
