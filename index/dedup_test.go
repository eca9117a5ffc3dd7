package index_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"semdex/index"
)

func TestDedup(t *testing.T) {
	s, _ := newService(t)
	for i := range 300 { // 30 texts, ten times each
		put(t, s, index.Document{ID: fmt.Sprintf("%03d", i), Text: fmt.Sprintf("alpha word%d%s", i%30, strings.Repeat(" ", i/30%2))})
	}
	for _, group := range []index.Grouping{index.ByDocument, index.ByPassage} {
		q := index.Query{Text: "alpha", Mode: index.KeywordOnly, Dedup: true, GroupBy: group, TopK: 40}
		all, err := s.Search(t.Context(), "c", q)
		if err != nil || len(all.Hits) != 30 || all.Total != 30 || all.Stats.Duplicates != 270 || all.Stats.More {
			t.Fatalf("%d hits of %d, %+v, %v", len(all.Hits), all.Total, all.Stats, err)
		}
		var paged []string
		for q.TopK = 7; q.Offset < 35; q.Offset += 7 {
			r, err := s.Search(t.Context(), "c", q)
			if err != nil {
				t.Fatal(err)
			}
			paged = append(paged, ids(r)...)
		}
		if !reflect.DeepEqual(paged, ids(all)) {
			t.Errorf("pages give %v, want %v", paged, ids(all))
		}
	}
}
