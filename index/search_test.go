package index_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// collection has three documents around three axes of a space of four.
func collection(t *testing.T) index.Collection {
	t.Helper()
	c, err := indextest.NewMemory().Create(t.Context(), "c", index.Settings{Model: "m", Dims: 4})
	if err != nil {
		t.Fatal(err)
	}
	record := func(id, title, text string, year float64, passages ...index.Passage) index.Record {
		return index.Record{Document: index.Document{ID: id, Title: title, Text: text, Metadata: map[string]any{"year": year}}, Passages: passages}
	}
	err = c.Upsert(t.Context(), []index.Record{
		record("apple", "Apples", "Apples are red. 사과는 빨갛다.", 2020,
			index.Passage{Start: 0, End: 15, Vector: []float32{1, 0, 0, 0}}, index.Passage{Start: 16, End: 24, Vector: []float32{0.8, 0.6, 0, 0}}),
		record("banana", "", "Bananas are yellow, apples are not.", 2021, index.Passage{Start: 0, End: 35, Vector: []float32{0, 1, 0, 0}}),
		record("cherry", "", "Cherries grow on trees.", 2022, index.Passage{Start: 0, End: 23, Vector: []float32{0, 0, 1, 0}}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ids(r index.Result) []string {
	out := []string{}
	for _, h := range r.Hits {
		out = append(out, h.ID)
	}
	return out
}

func search(t *testing.T, c index.Collection, q index.Query) index.Result {
	t.Helper()
	r, err := index.Search(t.Context(), c, q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return r
}

func ptr(f float64) *float64 { return &f }

func TestSearchModesAndGroups(t *testing.T) {
	c := collection(t)
	v := []float32{1, 0, 0, 0}
	newer := index.Compare{Field: "year", Op: index.Gt, Value: 2020.}
	for _, test := range []struct {
		name  string
		q     index.Query
		want  []string
		total int
	}{
		{"dense", index.Query{Vector: v, Mode: index.DenseOnly}, []string{"apple#0", "banana#0", "cherry#0"}, 3},
		{"dense passages", index.Query{Vector: v, Mode: index.DenseOnly, GroupBy: index.ByPassage}, []string{"apple#0", "apple#1", "banana#0", "cherry#0"}, 4},
		{"keyword", index.Query{Text: "trees", Mode: index.KeywordOnly}, []string{"cherry#0"}, 1},
		{"hybrid", index.Query{Text: "사과", Vector: []float32{0, 0, 1, 0}}, []string{"apple#1", "cherry#0", "banana#0"}, 3},
		{"filter", index.Query{Text: "apples", Vector: v, Filter: newer}, []string{"banana#0", "cherry#0"}, 2},
		{"page", index.Query{Vector: v, Mode: index.DenseOnly, TopK: 1, Offset: 1}, []string{"banana#0"}, 3},
		{"behind the end", index.Query{Vector: v, Mode: index.DenseOnly, Offset: 9}, []string{}, 3},
		{"minimum cosine", index.Query{Vector: v, Mode: index.DenseOnly, GroupBy: index.ByPassage, MinScore: ptr(0.8 - 1e-6)}, []string{"apple#0", "apple#1"}, 2},
		{"minimum of the dense leg", index.Query{Text: "trees", Vector: v, MinDense: ptr(0.7), GroupBy: index.ByPassage}, []string{"cherry#0", "apple#0", "apple#1"}, 3},
		{"minimum of the keyword leg", index.Query{Text: "trees", Vector: v, MinKeyword: ptr(99), MinDense: ptr(0.9)}, []string{"apple#0"}, 1},
		{"minimum fused", index.Query{Text: "apples", Vector: v, MinScore: ptr(0.05)}, []string{"apple#0", "banana#0"}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := search(t, c, test.q)
			if !reflect.DeepEqual(ids(r), test.want) || r.Total != test.total || r.Stats.More {
				t.Errorf("%v of %d, more: %v; want %v of %d", ids(r), r.Total, r.Stats.More, test.want, test.total)
			}
		})
	}
}

func TestSearchHit(t *testing.T) {
	c := collection(t)
	r := search(t, c, index.Query{Text: "사과", Vector: []float32{0, 1, 0, 0}, Fusion: index.Fusion{Alpha: ptr(0.5)}, Highlight: true, Explain: true, TopK: 1})
	h := r.Hits[0]
	// Dense: banana 1, apple#1 .6, the others 0. Keyword: apple#1 alone.
	want := index.Hit{
		ID: "apple#1", DocumentID: "apple", Text: "사과는 빨갛다.", Start: 16, End: 24, Title: "Apples", Score: 0.8,
		Metadata:   map[string]any{"year": 2020.},
		Scores:     index.Scores{Dense: &index.LegScore{Score: 0.6, Rank: 2, Share: 0.3}, Keyword: h.Scores.Keyword},
		Highlights: []index.Span{{Start: 16, End: 18}},
		Explain:    h.Explain,
	}
	h.Scores.Dense.Score = math.Round(h.Scores.Dense.Score*1e6) / 1e6 // float32 vectors
	h.Scores.Dense.Share = math.Round(h.Scores.Dense.Share*1e6) / 1e6
	h.Score = math.Round(h.Score*1e6) / 1e6
	if !reflect.DeepEqual(h, want) {
		t.Errorf("got  %+v\nwant %+v", h, want)
	}
	if k := h.Scores.Keyword; k.Rank != 1 || k.Share != 0.5 || k.Score <= 0 {
		t.Errorf("keyword leg: %+v", *k)
	}
	if !strings.HasPrefix(h.Explain, "0.8000 = 0.3000 from dense (cosine 0.6000, rank 2 of 4) + 0.5000 from keyword (bm25 ") ||
		!strings.HasSuffix(h.Explain, ", rank 1 of 1); minmax with alpha 0.50") {
		t.Errorf("explanation: %s", h.Explain)
	}
	s := r.Stats
	if s.Mode != index.Hybrid || s.Fusion != index.MinMax || s.Alpha != 0.5 || s.Degraded != "" ||
		s.Dense.Plan != "exact" || s.Dense.Examined != 4 || s.Dense.Candidates != 4 || s.Keyword.Plan != "bm25" || s.Keyword.Candidates != 1 {
		t.Errorf("stats: %+v, %+v, %+v", s, *s.Dense, *s.Keyword)
	}
}

func TestSearchWithoutVector(t *testing.T) {
	r := search(t, collection(t), index.Query{Text: "apples", Explain: true})
	if s := r.Stats; s.Mode != index.KeywordOnly || s.Degraded == "" || s.Dense != nil {
		t.Errorf("stats: %+v", s)
	}
	if len(r.Hits) != 2 || r.Hits[0].Score != 1 || r.Hits[0].Scores.Dense != nil || strings.Contains(r.Hits[0].Explain, "dense") {
		t.Errorf("hits keep the fused scale: %+v", r.Hits)
	}
}

func TestSearchRefuses(t *testing.T) {
	c := collection(t)
	v := []float32{1, 0, 0, 0}
	for name, test := range map[string]struct {
		q    index.Query
		want error
		says string
	}{
		"empty text":       {index.Query{Text: " \n"}, index.ErrInvalidQuery, "empty"},
		"no vector":        {index.Query{Text: "x", Mode: index.DenseOnly}, index.ErrInvalidQuery, "vector"},
		"mode":             {index.Query{Text: "x", Mode: "fuzzy"}, index.ErrInvalidQuery, `"fuzzy"`},
		"fusion":           {index.Query{Text: "x", Fusion: index.Fusion{Method: "sum"}}, index.ErrInvalidQuery, `"sum"`},
		"alpha":            {index.Query{Text: "x", Fusion: index.Fusion{Alpha: ptr(1.1)}}, index.ErrInvalidQuery, "1.1"},
		"alpha NaN":        {index.Query{Text: "x", Fusion: index.Fusion{Alpha: ptr(math.NaN())}}, index.ErrInvalidQuery, "alpha"},
		"group":            {index.Query{Text: "x", GroupBy: "title"}, index.ErrInvalidQuery, `"title"`},
		"negative":         {index.Query{Text: "x", TopK: -1}, index.ErrInvalidQuery, "-1"},
		"negative offset":  {index.Query{Text: "x", Offset: -1}, index.ErrInvalidQuery, "-1"},
		"too deep":         {index.Query{Text: "x", Offset: math.MaxInt}, index.ErrInvalidQuery, "deeper than 10000"},
		"min score":        {index.Query{Text: "x", MinScore: ptr(math.NaN())}, index.ErrInvalidQuery, "min_score"},
		"min dense":        {index.Query{Text: "x", MinDense: ptr(math.NaN())}, index.ErrInvalidQuery, "not a number"},
		"no dense leg":     {index.Query{Text: "x", MinDense: ptr(0), Mode: index.KeywordOnly}, index.ErrInvalidQuery, "min_dense"},
		"no keyword leg":   {index.Query{Vector: v, MinKeyword: ptr(0), Mode: index.DenseOnly}, index.ErrInvalidQuery, "min_keyword"},
		"long text":        {index.Query{Text: strings.Repeat("x", 1<<17)}, index.ErrInvalidQuery, "131072 bytes"},
		"invalid UTF-8":    {index.Query{Text: "x\xff"}, index.ErrInvalidQuery, "byte 1"},
		"vector's length":  {index.Query{Vector: v[1:], Mode: index.DenseOnly}, index.ErrInvalidVector, "3 values"},
		"unknown field":    {index.Query{Text: "x", Filter: index.Exists{Field: "yeer"}}, index.ErrUnknownField, "there are: year"},
		"field's type":     {index.Query{Text: "x", Filter: index.Compare{Field: "year", Op: index.Eq, Value: "x"}}, index.ErrFieldType, "year"},
		"filter's meaning": {index.Query{Text: "x", Filter: index.Not{}}, index.ErrInvalidFilter, "empty condition"},
	} {
		if _, err := index.Search(t.Context(), c, test.q); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// scripted is a collection whose legs and documents the test makes up.
type scripted struct {
	index.Collection
	passages int // of each document
	total    int
	gone     map[string]bool
	depths   []int
	allowed  func(index.Ref) bool
	fickle   bool // the order depends on how many are asked for
}

func (s *scripted) Expand(context.Context, string) ([]index.Expansion, error) { return nil, nil }

func (s *scripted) Dense(_ context.Context, _ []float32, k int, _ index.Filter) (index.Leg, error) {
	s.depths = append(s.depths, k)
	var leg index.Leg
	for i := range min(k, s.total) {
		if s.fickle && k < s.total {
			i = (i*7 + k) % s.total // 7 does not divide the totals of the tests
		}
		ref := index.Ref{Document: fmt.Sprintf("d%03d", i/s.passages), Ordinal: i % s.passages}
		leg.Candidates = append(leg.Candidates, index.Candidate{Ref: ref, Score: 1 - float64(i)/float64(s.total)})
	}
	leg.More = k < s.total
	return leg, nil
}

func (s *scripted) Allows(_ context.Context, refs []index.Ref, _ index.Wording) ([]bool, error) {
	out := make([]bool, len(refs))
	for i, r := range refs {
		out[i] = s.allowed(r)
	}
	return out, nil
}

func (s *scripted) Fetch(_ context.Context, refs []index.Ref) ([]index.Stored, error) {
	out := make([]index.Stored, len(refs))
	for i, r := range refs {
		if !s.gone[r.Document] {
			out[i] = index.Stored{Found: true, Document: index.Document{ID: r.Document, Text: "text"}, End: 4}
		}
	}
	return out, nil
}

func TestSearchGoesDeeper(t *testing.T) {
	q := index.Query{Vector: []float32{1}, Mode: index.DenseOnly, TopK: 5}
	s := &scripted{passages: 60, total: 6000} // the first 100 passages are of two documents
	r := search(t, s, q)
	if want := []string{"d000#0", "d001#0", "d002#0", "d003#0", "d004#0"}; !reflect.DeepEqual(ids(r), want) || !r.Stats.More {
		t.Errorf("%v, more: %v, depths %v", ids(r), r.Stats.More, s.depths)
	}
	q.MinScore = ptr(0.99) // 60 passages: no need to go deeper
	s.depths = nil
	if r = search(t, s, q); !reflect.DeepEqual(ids(r), []string{"d000#0", "d001#0"}) || len(s.depths) != 1 || r.Stats.More || r.Total != 2 {
		t.Errorf("%v, more: %v, depths %v", ids(r), r.Stats.More, s.depths)
	}
	s = &scripted{passages: 60, total: 150} // three documents and no more
	q.MinScore = nil
	if r = search(t, s, q); len(r.Hits) != 3 || r.Total != 3 || r.Stats.More || len(s.depths) != 2 {
		t.Errorf("%v, more: %v, depths %v", ids(r), r.Stats.More, s.depths)
	}
}

func TestSearchPassesOverVanishedDocuments(t *testing.T) {
	s := &scripted{passages: 1, total: 6, gone: map[string]bool{"d001": true, "d003": true}}
	q := index.Query{Vector: []float32{1}, Mode: index.DenseOnly, TopK: 3}
	if r := search(t, s, q); !reflect.DeepEqual(ids(r), []string{"d000#0", "d002#0", "d004#0"}) {
		t.Errorf("%v", ids(r))
	}
	q.TopK = 10
	if r := search(t, s, q); len(r.Hits) != 4 {
		t.Errorf("%v", ids(r))
	}
}
