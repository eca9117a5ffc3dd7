package indextest

import (
	"context"
	"slices"

	"semdex/index"
)

func (h *memoryHandle) TallyMatches(ctx context.Context, w index.Words, f index.Filter, fields []string) (t index.Tally, err error) {
	err = h.read(ctx, func() error {
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		score, _ := h.score(w)
		t = tally(accepted, fields, func(d *memoryDocument) bool {
			for i := range d.terms {
				if score(d, i) > 0 {
					return true
				}
			}
			return false
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
