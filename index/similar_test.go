package index_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
)

func TestSearchLike(t *testing.T) {
	c := collection(t)
	for _, test := range []struct {
		q     index.Query
		want  []string
		total int
	}{
		{index.Query{Like: "apple"}, []string{"banana#0", "cherry#0"}, 2},
		{index.Query{Like: "apple", Mode: index.KeywordOnly}, []string{"banana#0"}, 1},
		{index.Query{Like: "banana", Mode: index.DenseOnly, GroupBy: index.ByPassage}, []string{"apple#1", "apple#0", "cherry#0"}, 3},
		{index.Query{Like: "banana", Mode: index.DenseOnly, TopK: 1, Offset: 1}, []string{"cherry#0"}, 2},
		{index.Query{Like: "cherry", Operators: true, Filter: index.Compare{Field: "year", Op: index.Lt, Value: 2021.}, Mode: index.DenseOnly}, []string{"apple#0"}, 1},
	} {
		r := search(t, c, test.q)
		if !reflect.DeepEqual(ids(r), test.want) || r.Total != test.total {
			t.Errorf("%+v: %v of %d, want %v of %d", test.q, ids(r), r.Total, test.want, test.total)
		}
	}
	r := search(t, c, index.Query{Like: "apple", Explain: true, Highlight: true, Facets: nil})
	if len(r.Stats.Words) == 0 || len(r.Hits[0].Highlights) == 0 || r.Stats.Mode != index.Hybrid {
		t.Errorf("%+v, %+v", r.Stats, r.Hits[0])
	}
	for _, test := range []struct {
		q    index.Query
		want error
		says string
	}{
		{index.Query{Like: "pear"}, index.ErrDocumentNotFound, "pear"},
		{index.Query{Like: "apple", Text: "x"}, index.ErrInvalidQuery, "both a text and a document"},
		{index.Query{Like: "apple", Vector: []float32{1, 0, 0, 0}}, index.ErrInvalidQuery, "both a vector"},
	} {
		if _, err := index.Search(t.Context(), c, test.q); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test.q, err)
		}
	}
}

// Stored vectors need no encoder, and a document without them is looked for by
// its words.
func TestServiceLike(t *testing.T) {
	s, enc := newService(t)
	put(t, s, index.Document{ID: "a", Text: "alpha beta"}, index.Document{ID: "b", Text: "alpha gamma"}, index.Document{ID: "c", Text: "\u200b"})
	enc.name = "another model"
	r, err := s.Search(t.Context(), "c", index.Query{Like: "a"})
	if err != nil || len(r.Hits) != 1 || r.Hits[0].DocumentID != "b" || r.Stats.Degraded != "" || len(enc.queries) > 0 {
		t.Errorf("%+v, %v, encoded %q", r, err, enc.queries)
	}
	r, err = s.Search(t.Context(), "c", index.Query{Like: "c"})
	if err != nil || len(r.Hits) != 0 || !strings.Contains(r.Stats.Degraded, "no vectors") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err = s.Search(t.Context(), "c", index.Query{Like: "c", Mode: index.DenseOnly}); !errors.Is(err, index.ErrInvalidQuery) || !strings.Contains(err.Error(), "no vectors") {
		t.Errorf("dense: %v", err)
	}
	enc.name = "model-a"
}
