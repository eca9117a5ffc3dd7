package indextest

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"semdex/index"
)

func testCollections(h *harness) {
	infos, err := h.engine.List(h.ctx)
	if err != nil || len(infos) != 0 {
		h.Fatalf("a new engine lists %v, %v", infos, err)
	}
	for _, name := range []string{"b", "a", "c-1_x"} {
		h.create(name)
	}
	_, err = h.engine.Create(h.ctx, "a", settings)
	h.wantError("creating twice", err, index.ErrCollectionExists)
	_, err = h.engine.Open(h.ctx, "nope")
	h.wantError("opening what is not there", err, index.ErrCollectionNotFound)
	h.wantError("dropping what is not there", h.engine.Drop(h.ctx, "nope"), index.ErrCollectionNotFound)
	for _, bad := range []string{"", "A", "../x", "a b", "-a", strings.Repeat("a", 65)} {
		_, err = h.engine.Create(h.ctx, bad, settings)
		h.wantError(fmt.Sprintf("creating %q", bad), err, index.ErrInvalidName)
	}
	c, err := h.engine.Open(h.ctx, "a")
	h.must(err)
	h.upsert(c, h.record("x", "", "text", map[string]any{"n": 1.}))
	h.must(h.engine.Drop(h.ctx, "a"))
	c = h.create("a")
	h.wantCount(c, nil, 0, 0)
	if info, err := c.Info(h.ctx); err != nil || len(info.Settings.Fields) != 0 {
		h.Errorf("a collection made anew remembers %v, %v", info.Settings.Fields, err)
	}
	infos, err = h.engine.List(h.ctx)
	h.must(err)
	var names []string
	for _, info := range infos {
		names = append(names, info.Name)
	}
	if !slices.Equal(names, []string{"a", "b", "c-1_x"}) {
		h.Errorf("listed %v", names)
	}
}

func testSettings(h *harness) {
	want := settings
	want.Fields = map[string]index.FieldKind{"day": index.Time, "n": index.Number}
	want.Vectors = index.VectorsExact
	before := time.Now().Add(-time.Minute)
	_, err := h.engine.Create(h.ctx, "c", want)
	h.must(err)
	c := h.restart("c")
	info, err := c.Info(h.ctx)
	h.must(err)
	got := info.Settings
	got.Analyzer = want.Analyzer // the engine may name its own
	if !reflect.DeepEqual(got, want) || info.Name != "c" {
		h.Errorf("info %+v, want settings %+v", info, want)
	}
	if info.Created.Before(before) || info.Created.After(time.Now().Add(time.Minute)) {
		h.Errorf("created %v", info.Created)
	}
}

func testDocuments(h *harness) {
	c := h.create("c")
	odd := "id with spaces/한글#%?\u00e9" // any id without control characters is good
	records := []index.Record{
		h.record("a", "Title", "First. Second.", nil, index.Span{Start: 0, End: 6}, index.Span{Start: 7, End: 14}),
		h.record(odd, "", "본문 \"인용\"\n\n둘째 문단 🙂", nil),
		h.record("title-only", "제목뿐", "", nil),
		h.record(strings.Repeat("i", index.MaxIDBytes), "", "long id", nil),
	}
	h.upsert(c, records...)
	h.wantCount(c, nil, 4, 5)
	for _, r := range records {
		d, err := c.Get(h.ctx, r.ID)
		if err != nil || !reflect.DeepEqual(d, r.Document) {
			h.Errorf("got %+v, %v, want %+v", d, err, r.Document)
		}
	}
	_, err := c.Get(h.ctx, "b")
	h.wantError("get", err, index.ErrDocumentNotFound)
	contents, err := c.Contents(h.ctx, []string{"a", "b", odd})
	h.must(err)
	if want := map[string][16]byte{"a": records[0].Content, odd: records[1].Content}; !maps.Equal(contents, want) {
		h.Errorf("contents %v, want %v", contents, want)
	}
	h.upsert(c) // nothing is fine
	h.wantCount(c, nil, 4, 5)
}

func testUpsertReplaces(h *harness) {
	c := h.create("c")
	old := h.record("a", "old", "one two three", map[string]any{"n": 1., "gone": true},
		index.Span{Start: 0, End: 3}, index.Span{Start: 4, End: 7}, index.Span{Start: 8, End: 13})
	h.upsert(c, old, h.record("b", "", "four", nil))
	h.upsert(c, h.record("a", "", "five", map[string]any{"n": 2.}))
	h.wantCount(c, nil, 2, 2)
	d, err := c.Get(h.ctx, "a")
	if want := (index.Document{ID: "a", Text: "five", Metadata: map[string]any{"n": 2.}}); err != nil || !reflect.DeepEqual(d, want) {
		h.Errorf("got %+v, %v", d, err)
	}
	leg := h.dense(c, old.Passages[2].Vector, 10, nil)
	if len(leg.Candidates) != 2 {
		h.Errorf("the dense leg has %v", leg.Candidates)
	}
	h.wantCount(c, index.Compare{Field: "n", Op: index.Eq, Value: 1.}, 0, 0)
	h.wantCount(c, index.Exists{Field: "gone"}, 0, 0)

	first, last := h.record("d", "", "first", nil), h.record("d", "", "last", nil)
	h.upsert(c, first, h.record("e", "", "between", nil), last)
	h.wantCount(c, nil, 4, 4)
	if d, err := c.Get(h.ctx, "d"); err != nil || d.Text != "last" {
		h.Errorf("of two with one id: %+v, %v", d, err)
	}
	if got, err := c.Contents(h.ctx, []string{"d"}); err != nil || got["d"] != last.Content {
		h.Errorf("contents of the last: %v, %v", got, err)
	}
}

func testDelete(h *harness) {
	c := h.create("c")
	for i := range 10 {
		h.upsert(c, h.record(fmt.Sprint(i), "", "text", map[string]any{"n": float64(i)}, index.Span{Start: 0, End: 2}, index.Span{Start: 2, End: 4}))
	}
	for _, step := range []struct {
		what string
		run  func() (int, error)
		n    int
		left int
	}{
		{"ids", func() (int, error) { return c.Delete(h.ctx, []string{"1", "nope", "2", "1"}) }, 2, 8},
		{"again", func() (int, error) { return c.Delete(h.ctx, []string{"1"}) }, 0, 8},
		{"none", func() (int, error) { return c.Delete(h.ctx, nil) }, 0, 8},
		{"where", func() (int, error) {
			return c.DeleteWhere(h.ctx, index.Compare{Field: "n", Op: index.Gte, Value: 7.})
		}, 3, 5},
		{"where, again", func() (int, error) {
			return c.DeleteWhere(h.ctx, index.Compare{Field: "n", Op: index.Gte, Value: 7.})
		}, 0, 5},
	} {
		n, err := step.run()
		if err != nil || n != step.n {
			h.Errorf("delete %s: %d, %v, want %d", step.what, n, err, step.n)
		}
		h.wantCount(c, nil, step.left, 2*step.left)
	}
	_, err := c.Get(h.ctx, "2")
	h.wantError("get a deleted document", err, index.ErrDocumentNotFound)
	if got := documents(h.dense(c, h.vector(), 100, nil)); !slices.Equal(got, []string{"0", "3", "4", "5", "6"}) {
		h.Errorf("the dense leg has %v", got)
	}
	h.upsert(c, h.record("2", "", "back", nil))
	h.wantCount(c, nil, 6, 11)
}

// testSequence: what changes a collection changes its sequence, and nothing else
// does.
func testSequence(h *harness) {
	c := h.create("c")
	sequence := func() uint64 {
		info, err := c.Info(h.ctx)
		h.must(err)
		return info.Sequence
	}
	last := sequence()
	configured := func() uint64 {
		info, err := c.Info(h.ctx)
		h.must(err)
		return info.Configured
	}
	before := configured()
	h.must(c.SetSynonyms(h.ctx, "a, b"))
	h.must(c.SetVectors(h.ctx, index.VectorsExact))
	if now := configured(); now != before+2 || sequence() != last {
		h.Errorf("after two settings: configured %d times, before %d; sequence %d, before %d", now, before, sequence(), last)
	}
	for _, step := range []struct {
		what    string
		changes bool
		run     func() error
	}{
		{"a document", true, func() error { return c.Upsert(h.ctx, []index.Record{h.record("a", "", "text", nil)}) }},
		{"the same document", true, func() error { return c.Upsert(h.ctx, []index.Record{h.record("a", "", "text", nil)}) }},
		{"a bad document", false, func() error {
			if c.Upsert(h.ctx, []index.Record{{}}) == nil {
				return errors.New("stored")
			}
			return nil
		}},
		{"no document", false, func() error { return c.Upsert(h.ctx, nil) }},
		{"a count", false, func() error { _, _, err := c.Count(h.ctx, nil); return err }},
		{"a deletion", true, func() error { _, err := c.Delete(h.ctx, []string{"a"}); return err }},
		{"a deletion of nothing", false, func() error { _, err := c.Delete(h.ctx, []string{"a"}); return err }},
		{"another document", true, func() error {
			return c.Upsert(h.ctx, []index.Record{h.record("b", "", "text", map[string]any{"n": 1.})})
		}},
		{"a filter that accepts nothing", false, func() error {
			_, err := c.DeleteWhere(h.ctx, index.Compare{Field: "n", Op: index.Eq, Value: 2.})
			return err
		}},
		{"a filter", true, func() error {
			_, err := c.DeleteWhere(h.ctx, index.Compare{Field: "n", Op: index.Eq, Value: 1.})
			return err
		}},
	} {
		if err := step.run(); err != nil {
			h.Errorf("%s: %v", step.what, err)
		}
		now := sequence()
		if now < last || step.changes != (now > last) {
			h.Errorf("%s: sequence %d after %d", step.what, now, last)
		}
		last = now
	}
}

func testMetadata(h *harness) {
	fields := settings
	fields.Fields = map[string]index.FieldKind{"day": index.Time}
	c, err := h.engine.Create(h.ctx, "c", fields)
	h.must(err)
	h.upsert(c, h.record("a", "", "text", map[string]any{
		"keyword": "값 \"x\"", "empty": "", "list": []any{"a", "b"}, "one": []string{"c"}, "int": 7, "float": -1.5e300, "zero": 0.,
		"yes": true, "no": false, "day": "2020-02-03T04:05:06.789012+09:00", "time": time.Date(1500, 1, 2, 3, 4, 5, 6789, time.UTC),
		"null": nil, "nothing": []any{},
	}), h.record("b", "", "text", nil))
	want := map[string]any{
		"keyword": "값 \"x\"", "empty": "", "list": []string{"a", "b"}, "one": []string{"c"}, "int": 7., "float": -1.5e300, "zero": 0.,
		"yes": true, "no": false, "day": day("2020-02-02T19:05:06.789012Z"), "time": time.Date(1500, 1, 2, 3, 4, 5, 6000, time.UTC),
	}
	for _, when := range []string{"before", "after"} {
		d, err := c.Get(h.ctx, "a")
		if err != nil || !reflect.DeepEqual(d.Metadata, want) {
			h.Errorf("%s reopening: got %#v, %v, want %#v", when, d.Metadata, err, want)
		}
		h.wantCount(c, index.Compare{Field: "time", Op: index.Lt, Value: day("1600-01-01")}, 1, 1)
		h.wantCount(c, index.Compare{Field: "empty", Op: index.Eq, Value: ""}, 1, 1)
		h.wantCount(c, index.Not{Filter: index.Compare{Field: "no", Op: index.Eq, Value: true}}, 2, 2)
		c = h.restart("c")
	}
}

func testFields(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", map[string]any{"n": 1, "k": "x", "l": []any{"y"}, "b": true, "absent": nil}))
	want := map[string]index.FieldKind{"n": index.Number, "k": index.Keyword, "l": index.Keyword, "b": index.Bool}
	bad := []index.Record{h.record("good", "", "text", map[string]any{"fresh": 1.}), h.record("bad", "", "text", map[string]any{"n": "one"})}
	h.wantError("a string for a number", c.Upsert(h.ctx, bad), index.ErrFieldType)
	contradicting := []index.Record{h.record("p", "", "text", map[string]any{"q": 1.}), h.record("q", "", "text", map[string]any{"q": "one"})}
	h.wantError("two kinds in one call", c.Upsert(h.ctx, contradicting), index.ErrFieldType)
	h.wantCount(c, nil, 1, 1)
	for _, when := range []string{"before", "after"} {
		info, err := c.Info(h.ctx)
		if err != nil || !maps.Equal(info.Settings.Fields, want) {
			h.Errorf("%s reopening: fields %v, %v, want %v", when, info.Settings.Fields, err, want)
		}
		c = h.restart("c")
	}
	h.wantError("a bool for a keyword, after reopening", c.Upsert(h.ctx, []index.Record{h.record("c", "", "text", map[string]any{"k": true})}), index.ErrFieldType)
	if _, err := c.Delete(h.ctx, []string{"a"}); err != nil {
		h.Error(err)
	}
	h.wantCount(c, index.Exists{Field: "n"}, 0, 0) // a field outlives its documents
}

func testBadRecords(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("kept", "", "kept", nil))
	with := func(change func(*index.Record)) index.Record {
		r := h.record("bad", "", "bad text", nil)
		change(&r)
		return r
	}
	vector := func(i int, x float64) func(*index.Record) {
		return func(r *index.Record) { r.Passages[0].Vector[i] = float32(x) }
	}
	for name, bad := range map[string]struct {
		record index.Record
		want   error
	}{
		"NaN":               {with(vector(3, math.NaN())), index.ErrInvalidVector},
		"infinity":          {with(vector(0, math.Inf(-1))), index.ErrInvalidVector},
		"zero vector":       {with(func(r *index.Record) { clear(r.Passages[0].Vector) }), index.ErrInvalidVector},
		"short vector":      {with(func(r *index.Record) { r.Passages[0].Vector = r.Passages[0].Vector[1:] }), index.ErrInvalidVector},
		"empty vector":      {with(func(r *index.Record) { r.Passages[0].Vector = []float32{} }), index.ErrInvalidVector},
		"no passages":       {with(func(r *index.Record) { r.Passages = nil }), index.ErrInvalidDocument},
		"behind the text":   {with(func(r *index.Record) { r.Passages[0].End = 9 }), index.ErrInvalidDocument},
		"backwards":         {with(func(r *index.Record) { r.Passages[0].Start, r.Passages[0].End = 5, 4 }), index.ErrInvalidDocument},
		"no id":             {with(func(r *index.Record) { r.ID = "" }), index.ErrInvalidDocument},
		"invalid UTF-8":     {with(func(r *index.Record) { r.Text = "bad\xfftext" }), index.ErrInvalidDocument},
		"an object":         {with(func(r *index.Record) { r.Metadata = map[string]any{"o": map[string]any{"x": 1}} }), index.ErrInvalidDocument},
		"a list of numbers": {with(func(r *index.Record) { r.Metadata = map[string]any{"l": []any{1., 2.}} }), index.ErrInvalidDocument},
	} {
		h.wantError(name, c.Upsert(h.ctx, []index.Record{h.record("good", "", "good", nil), bad.record}), bad.want)
	}
	h.wantCount(c, nil, 1, 1)
	c = h.restart("c")
	h.wantCount(c, nil, 1, 1)
}

// testInputIsCopied changes what went in and what came out.
func testInputIsCopied(h *harness) {
	c := h.create("c")
	v := h.vector()
	r := h.record("a", "", "text", map[string]any{"k": "x", "l": []string{"y"}})
	r.Passages[0].Vector = slices.Clone(v)
	h.upsert(c, r)
	clear(r.Passages[0].Vector)
	r.Passages[0].End = 1
	r.Metadata["k"] = "changed"
	r.Metadata["l"].([]string)[0] = "changed"
	d, err := c.Get(h.ctx, "a")
	h.must(err)
	d.Metadata["k"] = "changed"
	want := map[string]any{"k": "x", "l": []string{"y"}}
	if d, err := c.Get(h.ctx, "a"); err != nil || !reflect.DeepEqual(d.Metadata, want) {
		h.Errorf("metadata became %v, %v", d.Metadata, err)
	}
	h.wantCount(c, index.Compare{Field: "l", Op: index.Eq, Value: "y"}, 1, 1)
	if leg := h.dense(c, v, 1, nil); len(leg.Candidates) != 1 || math.Abs(leg.Candidates[0].Score-1) > 1e-5 {
		h.Errorf("the vector became another: %v", leg.Candidates)
	}
}

func testFetch(h *harness) {
	c := h.create("c")
	a := h.record("a", "T", "가나다 라마바", map[string]any{"n": 1.}, index.Span{Start: 0, End: 3}, index.Span{Start: 4, End: 7})
	b := h.record("b", "", "text", nil)
	h.upsert(c, a, b, h.record("gone", "", "text", nil))
	_, err := c.Delete(h.ctx, []string{"gone"})
	h.must(err)
	refs := []index.Ref{{Document: "b"}, {Document: "gone"}, {Document: "a", Ordinal: 1}, {Document: "a", Ordinal: 2}, {Document: "a", Ordinal: -1}, {Document: "nope"}, {Document: "a"}}
	want := []index.Stored{
		{Found: true, Document: b.Document, Start: 0, End: 4},
		{},
		{Found: true, Document: a.Document, Start: 4, End: 7},
		{},
		{},
		{},
		{Found: true, Document: a.Document, Start: 0, End: 3},
	}
	got, err := c.Fetch(h.ctx, refs)
	h.must(err)
	if !reflect.DeepEqual(got, want) {
		h.Errorf("fetched %+v\nwant %+v", got, want)
	}
	if got, err := c.Fetch(h.ctx, nil); err != nil || len(got) != 0 {
		h.Errorf("fetched nothing: %v, %v", got, err)
	}
}

func testClosed(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", map[string]any{"n": 1.}))
	h.must(h.engine.Close())
	for what, err := range h.everyCall(c) {
		h.wantError(what+" after Close", err, index.ErrClosed)
	}
	_, err := h.engine.Open(h.ctx, "c")
	h.wantError("Open after Close", err, index.ErrClosed)
	_, err = h.engine.Create(h.ctx, "d", settings)
	h.wantError("Create after Close", err, index.ErrClosed)
	_, err = h.engine.List(h.ctx)
	h.wantError("List after Close", err, index.ErrClosed)
	h.wantError("Drop after Close", h.engine.Drop(h.ctx, "c"), index.ErrClosed)
	if err := h.engine.Close(); err != nil && !errors.Is(err, index.ErrClosed) {
		h.Errorf("closing twice: %v", err)
	}
	h.wantCount(h.restart("c"), nil, 1, 1)
}

func testDropped(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "", "text", map[string]any{"n": 1.}))
	h.must(h.engine.Drop(h.ctx, "c"))
	for what, err := range h.everyCall(c) {
		h.wantError(what+" after Drop", err, index.ErrCollectionNotFound)
	}
	h.engine = h.reopen()
	_, err := h.engine.Open(h.ctx, "c")
	h.wantError("Open after Drop and reopening", err, index.ErrCollectionNotFound)
}

// everyCall makes each call that a collection has.
func (h *harness) everyCall(c index.Collection) map[string]error {
	errs := make(map[string]error)
	errs["Upsert"] = c.Upsert(h.ctx, []index.Record{h.record("b", "", "text", nil)})
	_, errs["Info"] = c.Info(h.ctx)
	_, errs["Delete"] = c.Delete(h.ctx, []string{"a"})
	_, errs["DeleteWhere"] = c.DeleteWhere(h.ctx, index.Exists{Field: "n"})
	_, errs["Get"] = c.Get(h.ctx, "a")
	_, errs["Contents"] = c.Contents(h.ctx, []string{"a"})
	_, _, errs["Count"] = c.Count(h.ctx, nil)
	_, errs["Dense"] = c.Dense(h.ctx, h.vector(), 1, nil)
	_, errs["Keyword"] = c.Keyword(h.ctx, index.Words{Text: "text"}, 1, nil)
	_, errs["Fetch"] = c.Fetch(h.ctx, []index.Ref{{Document: "a"}})
	errs["Export"] = c.Export(h.ctx, true, func(index.Info) error { return nil }, func(index.Record) error { return nil })
	errs["SetSynonyms"] = c.SetSynonyms(h.ctx, "a, b")
	_, errs["Synonyms"] = c.Synonyms(h.ctx)
	_, errs["Expand"] = c.Expand(h.ctx, "text")
	_, _, errs["Changed"] = c.Changed(h.ctx, 0)
	errs["SetVectors"] = c.SetVectors(h.ctx, index.VectorsExact)
	_, errs["BeginLoad"] = c.BeginLoad(h.ctx)
	errs["Settle"] = c.Settle(h.ctx, nil)
	_, errs["Check"] = c.Check(h.ctx)
	return errs
}
