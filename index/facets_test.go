package index_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
)

func TestFacets(t *testing.T) {
	s, _ := newService(t)
	for i := range 300 {
		put(t, s, index.Document{ID: fmt.Sprintf("%03d", i), Text: "alpha " + []string{"beta", "gamma"}[i%2], Metadata: map[string]any{
			"lang": []string{"ko", "en", "ja"}[i%3], "tags": []string{"all", fmt.Sprintf("t%d", i%20)}, "n": i,
		}})
	}
	facets := func(q index.Query) *index.Facets {
		t.Helper()
		r, err := s.Search(t.Context(), "c", q)
		if err != nil {
			t.Fatal(err)
		}
		return r.Facets
	}
	if f := facets(index.Query{Text: "alpha"}); f != nil {
		t.Errorf("not asked for: %+v", f)
	}
	// All 150 that match, whatever the page.
	want := &index.Facets{Scope: index.FacetMatches, Documents: 150, Fields: map[string]index.Facet{
		"lang": {Distinct: 3, Values: []index.FacetValue{{Value: "en", Count: 50}, {Value: "ja", Count: 50}}},
		"tags": {Distinct: 11, Values: []index.FacetValue{{Value: "all", Count: 150}, {Value: "t0", Count: 15}}},
	}}
	for _, offset := range []int{0, 140} {
		got := facets(index.Query{Text: "beta", Mode: index.KeywordOnly, Facets: []string{"tags", "lang"}, FacetLimit: 2, Offset: offset})
		if !reflect.DeepEqual(got, want) {
			t.Errorf("offset %d: %+v, want %+v", offset, got, want)
		}
	}
	for _, q := range []index.Query{
		{Text: "alpha", Mode: index.DenseOnly},
		{Text: "alpha", Mode: index.DenseOnly, Offset: 150},
		{Text: `alpha -gamma`, Mode: index.KeywordOnly, Operators: true},
	} {
		q.Facets = []string{"tags"}
		if f := facets(q); f.Scope != index.FacetWindow || f.Documents != index.Window || f.Fields["tags"].Values[0] != (index.FacetValue{Value: "all", Count: index.Window}) {
			t.Errorf("%+v: %+v", q, f)
		}
	}
	for _, test := range []struct {
		q    index.Query
		want error
		says string
	}{
		{index.Query{Facets: []string{"size"}}, index.ErrUnknownField, "size"},
		{index.Query{Facets: []string{"n"}}, index.ErrFieldType, `"n": it is a number, facets count keywords`},
		{index.Query{Facets: []string{"lang", "lang"}}, index.ErrInvalidQuery, "twice"},
		{index.Query{Facets: make([]string, 17)}, index.ErrInvalidQuery, "17 facets"},
		{index.Query{FacetLimit: 3}, index.ErrInvalidQuery, "without facets"},
		{index.Query{Facets: []string{"lang"}, FacetLimit: 1001}, index.ErrInvalidQuery, "1001"},
	} {
		test.q.Text = "alpha"
		if _, err := s.Search(t.Context(), "c", test.q); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%+v: %v", test.q, err)
		}
	}
}
