package indextest

import (
	"context"
	"slices"

	"semdex/index"
)

func (h *memoryHandle) TallyMatches(ctx context.Context, text string, f index.Filter, fields []string) (t index.Tally, err error) {
	err = h.read(ctx, func() error {
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		query := queryTerms(text)
		t = tally(accepted, fields, func(d *memoryDocument) bool {
			return slices.ContainsFunc(d.terms, func(terms termCounts) bool {
				return slices.ContainsFunc(query, func(q string) bool { return terms.count[q] > 0 })
			})
		})
		return nil
	})
	return t, err
}

func (h *memoryHandle) TallyDocuments(ctx context.Context, ids []string, fields []string) (t index.Tally, err error) {
	err = h.read(ctx, func() error {
		all, err := h.accepted(nil)
		t = tally(all, fields, func(d *memoryDocument) bool { return slices.Contains(ids, d.record.ID) })
		return err
	})
	return t, err
}

func tally(documents []*memoryDocument, fields []string, counts func(*memoryDocument) bool) index.Tally {
	t := index.Tally{Keywords: make(map[string]map[string]int)}
	for _, field := range fields {
		t.Keywords[field] = make(map[string]int)
	}
	for _, d := range documents {
		if !counts(d) {
			continue
		}
		t.Documents++
		for _, field := range fields {
			var keywords []string
			switch v := d.record.Metadata[field].(type) {
			case string:
				keywords = []string{v}
			case []string:
				keywords = slices.Compact(slices.Sorted(slices.Values(v)))
			}
			for _, k := range keywords {
				t.Keywords[field][k]++
			}
		}
	}
	return t
}
