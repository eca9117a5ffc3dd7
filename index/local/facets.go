package local

import (
	"context"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
)

// TallyMatches implements index.Collection. It takes as long as scoring all
// matches does, and a set intersection for every keyword of the fields, during
// which no write is applied.
func (c *Collection) TallyMatches(ctx context.Context, words index.Words, f index.Filter, fields []string) (index.Tally, error) {
	if err := c.enter(ctx); err != nil {
		return index.Tally{}, err
	}
	defer c.leave()
	query := c.keywordQuery(words)
	for attempt := 0; ; attempt++ { // as Keyword
		v, accepted, err := c.snapshot(f)
		if err != nil {
			return index.Tally{}, err
		}
		s := &textSearch{view: v, accepted: accepted, analyzer: c.text.analyzer, matching: roaring.New()}
		if err := c.searchText(ctx, s, query); err != nil {
			return index.Tally{}, err
		}
		if s.stale && attempt < 3 {
			continue
		}
		if tally, ok := c.tally(s.matching, v, fields); ok {
			return tally, nil
		}
		// Compaction gave the documents other numbers in between.
	}
}

// TallyDocuments implements index.Collection.
func (c *Collection) TallyDocuments(ctx context.Context, ids []string, fields []string) (index.Tally, error) {
	if err := c.enter(ctx); err != nil {
		return index.Tally{}, err
	}
	defer c.leave()
	c.mu.RLock()
	defer c.mu.RUnlock()
	documents := roaring.New()
	for _, id := range ids {
		if n, ok := c.state.byID[id]; ok {
			documents.Add(n)
		}
	}
	return c.state.columns.tally(documents, fields), nil
}

// tally counts documents of a view; false if the columns have other numbers by
// now.
func (c *Collection) tally(documents *roaring.Bitmap, v *view, fields []string) (index.Tally, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	// Numbers grow with time and close up when documents are dropped, so they
	// are the same if the last one is.
	if last := len(v.docs) - 1; last >= 0 && (last >= len(c.state.docs) || c.state.docs[last] != v.docs[last]) {
		return index.Tally{}, false
	}
	return c.state.columns.tally(documents, fields), true
}

func (c columns) tally(documents *roaring.Bitmap, fields []string) index.Tally {
	t := index.Tally{Documents: int(documents.GetCardinality()), Keywords: make(map[string]map[string]int, len(fields))}
	for _, field := range fields {
		counts := make(map[string]int)
		if col := c[field]; col != nil {
			for keyword, holders := range col.keywords {
				if n := holders.AndCardinality(documents); n > 0 {
					counts[keyword] = int(n)
				}
			}
		}
		t.Keywords[field] = counts
	}
	return t
}
