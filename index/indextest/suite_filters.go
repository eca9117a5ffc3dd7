package indextest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"semdex/index"
)

// filterFields is the schema that random documents and filters share.
var filterFields = map[string]index.FieldKind{
	"lang": index.Keyword, "tags": index.Keyword, "year": index.Number, "draft": index.Bool, "day": index.Time,
}

// randomMetadata gives each field with some probability a value out of few, so
// that random filters accept some documents and refuse others.
func randomMetadata(rng *rand.Rand) map[string]any {
	m := make(map[string]any)
	if rng.IntN(4) > 0 {
		m["lang"] = randomValue(rng, "lang")
	}
	if rng.IntN(4) > 0 {
		var tags []string
		for range rng.IntN(4) {
			tags = append(tags, randomValue(rng, "tags").(string))
		}
		if tags != nil {
			m["tags"] = tags
		}
	}
	for _, field := range []string{"year", "draft", "day"} {
		if rng.IntN(4) > 0 {
			m[field] = randomValue(rng, field)
		}
	}
	return m
}

func randomValue(rng *rand.Rand, field string) any {
	switch field {
	case "lang":
		return []string{"ko", "en", "", "한국어 \"x\""}[rng.IntN(4)]
	case "tags":
		return []string{"a", "b", "c", "ab", "A"}[rng.IntN(5)]
	case "year":
		return []float64{-1, 0, 1.5, 2020, 2021, 1e12}[rng.IntN(6)]
	case "draft":
		return rng.IntN(2) == 0
	}
	return day([]string{"1969-07-20", "2020-01-01", "2020-01-01T00:00:00.000001Z", "2400-12-31"}[rng.IntN(4)])
}

var filterNames = []string{"lang", "tags", "year", "draft", "day"}

// randomFilter is a filter that passes Check against filterFields.
func randomFilter(rng *rand.Rand, depth int) index.Filter {
	field := filterNames[rng.IntN(len(filterNames))]
	kind := filterFields[field]
	switch n := rng.IntN(10); {
	case depth > 0 && n < 4:
		parts := make([]index.Filter, rng.IntN(4))
		for i := range parts {
			parts[i] = randomFilter(rng, depth-1)
		}
		if n < 2 {
			return index.And(parts)
		}
		return index.Or(parts)
	case depth > 0 && n == 4:
		return index.Not{Filter: randomFilter(rng, depth-1)}
	case n == 5:
		return index.Exists{Field: field}
	case n == 6:
		values := make([]any, rng.IntN(4))
		for i := range values {
			values[i] = randomValue(rng, field)
		}
		return index.In{Field: field, Values: values}
	case n > 6 && (kind == index.Number || kind == index.Time):
		ops := []index.Op{index.Lt, index.Lte, index.Gt, index.Gte}
		return index.Compare{Field: field, Op: ops[rng.IntN(4)], Value: randomValue(rng, field)}
	}
	return index.Compare{Field: field, Op: index.Eq, Value: randomValue(rng, field)}
}

// testFilters holds counts and both legs against Filter.Accepts.
func testFilters(h *harness) {
	s := settings
	s.Fields = filterFields
	c, err := h.engine.Create(h.ctx, "c", s)
	h.must(err)
	all := make(map[string]map[string]any)
	var records []index.Record
	for i := range 150 {
		r := h.record(fmt.Sprintf("d%03d", i), "", "common text", randomMetadata(h.rng), index.Span{Start: 0, End: 6}, index.Span{Start: 0, End: 11})
		records, all[r.ID] = append(records, r), r.Metadata
	}
	h.upsert(c, records[:100]...)
	h.upsert(c, records[100:]...)
	for i := range 20 { // move some documents to other values, and some away
		r := h.record(fmt.Sprintf("d%03d", 7*i), "", "common text", randomMetadata(h.rng), index.Span{Start: 0, End: 6}, index.Span{Start: 0, End: 11})
		h.upsert(c, r)
		all[r.ID] = r.Metadata
		gone := fmt.Sprintf("d%03d", 7*i+1)
		_, err := c.Delete(h.ctx, []string{gone})
		h.must(err)
		delete(all, gone)
	}
	for i := range 200 {
		if i == 100 {
			c = h.restart("c")
		}
		f := randomFilter(h.rng, 3)
		want := []string{}
		for id, m := range all {
			if f.Accepts(m) {
				want = append(want, id)
			}
		}
		slices.Sort(want)
		h.wantCount(c, f, len(want), 2*len(want))
		if got := documents(h.dense(c, h.vector(), 1000, f)); !slices.Equal(got, want) {
			h.Fatalf("dense with %s: %v, want %v", f, got, want)
		}
		if got := documents(h.keyword(c, "common", 1000, f)); !slices.Equal(got, want) {
			h.Fatalf("keyword with %s: %v, want %v", f, got, want)
		}
	}
	for range 5 {
		f, want := randomFilter(h.rng, 2), 0
		for id, m := range all {
			if f.Accepts(m) {
				want++
				delete(all, id)
			}
		}
		if n, err := c.DeleteWhere(h.ctx, f); err != nil || n != want {
			h.Fatalf("delete where %s: %d, %v, want %d", f, n, err, want)
		}
		h.wantCount(c, nil, len(all), 2*len(all))
	}
}

func testFilterErrors(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", map[string]any{"year": 2020.}))
	for _, bad := range []struct {
		f    index.Filter
		want error
	}{
		{index.Compare{Field: "nope", Op: index.Eq, Value: "x"}, index.ErrUnknownField},
		{index.Not{Filter: index.Exists{Field: "nope"}}, index.ErrUnknownField},
		{index.Compare{Field: "year", Op: index.Eq, Value: "2020"}, index.ErrFieldType},
	} {
		_, _, err := c.Count(h.ctx, bad.f)
		h.wantError("count", err, bad.want)
		_, err = c.Dense(h.ctx, h.vector(), 1, bad.f)
		h.wantError("dense", err, bad.want)
		_, err = c.Keyword(h.ctx, index.Words{Text: "text"}, 1, bad.f)
		h.wantError("keyword", err, bad.want)
		_, err = c.DeleteWhere(h.ctx, bad.f)
		h.wantError("delete where", err, bad.want)
	}
	h.wantCount(c, nil, 1, 1)
}
