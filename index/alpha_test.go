package index_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// crowd has many passages with a common word, of which few have a rare one.
func crowd(t *testing.T) index.Collection {
	t.Helper()
	c, err := indextest.NewMemory().Create(t.Context(), "c", index.Settings{Model: "m", Dims: 4})
	if err != nil {
		t.Fatal(err)
	}
	var records []index.Record
	for i := range 150 {
		text := fmt.Sprintf("common number%d", i%7)
		if i%50 == 0 {
			text = "common rarity"
		}
		d := index.Document{ID: fmt.Sprintf("d%03d", i), Text: text, Metadata: map[string]any{"n": float64(i)}}
		v := []float32{float32(i%11) / 11, float32(i%3) / 3, 0.1, float32(i) / 150}
		records = append(records, index.Record{Document: d, Passages: []index.Passage{{End: len(text), Vector: v}}})
	}
	if err := c.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	if err := c.SetSynonyms(t.Context(), "scarcity => rarity"); err != nil {
		t.Fatal(err)
	}
	return c
}

// A search that names no weight is the one that names the weight which that
// reports, to the bit and on every page.
func TestDefaultAlphaIsOneThatCouldBeNamed(t *testing.T) {
	c := crowd(t)
	v := []float32{0.3, 0.5, 0.1, 0.9}
	for _, q := range []index.Query{
		{Text: "rarity", Vector: v},
		{Text: "common", Vector: v},
		{Text: "common rarity", Vector: v, Fusion: index.Fusion{Method: index.RRF}},
		{Text: "scarcity", Vector: v},
		{Text: "scarcity", Vector: v, NoSynonyms: true},
		{Text: `"common rarity"`, Vector: v, Operators: true},
		{Text: "common -rarity", Vector: v, Operators: true},
		{Text: "unheard of", Vector: v},
		{Text: "common", Vector: v, Filter: index.Compare{Field: "n", Op: index.Lt, Value: 120.}},
		{Text: "common", Vector: v, MinKeyword: ptr(1e-9), MinDense: ptr(0.5)},
		{Like: "d050"},
	} {
		q.TopK = 130
		own := search(t, c, q)
		e := own.Stats.Evidence
		if e == nil || e.Alpha() != own.Stats.Alpha || own.Stats.Mode != index.Hybrid {
			t.Fatalf("%+v: %+v, evidence %+v", q, own.Stats, e)
		}
		named := q
		named.Fusion.Alpha = &own.Stats.Alpha
		r := search(t, c, named)
		if !reflect.DeepEqual(r.Hits, own.Hits) || r.Stats.Evidence != nil || r.Stats.Alpha != own.Stats.Alpha {
			t.Errorf("%+v: with alpha %v other hits, or evidence %+v", q, own.Stats.Alpha, r.Stats.Evidence)
		}
		for q.TopK = 26; q.Offset < len(own.Hits); q.Offset += q.TopK {
			page := search(t, c, q)
			// A deeper search knows more ranks of a hit; its place and score stay.
			same := func(a, b index.Hit) bool { return a.ID == b.ID && a.Score == b.Score }
			if !slices.EqualFunc(page.Hits, own.Hits[q.Offset:min(q.Offset+q.TopK, len(own.Hits))], same) || *page.Stats.Evidence != *e {
				t.Errorf("%+v: the page differs, with evidence %+v", q, page.Stats.Evidence)
			}
		}
	}
}

func TestDefaultAlphaFollowsTheWords(t *testing.T) {
	c := crowd(t)
	v := []float32{0.3, 0.5, 0.1, 0.9}
	stats := func(q index.Query) index.Stats {
		t.Helper()
		q.Vector = v
		return search(t, c, q).Stats
	}
	// All texts have two words: each has the average length.
	rare := stats(index.Query{Text: "rarity"})
	if e := rare.Evidence; e.Coverage < 1-1e-9 || e.Floor != 0 || rare.Alpha > 0.1+1e-9 {
		t.Errorf("a word that three have: %+v, alpha %v", e, rare.Alpha)
	}
	common := stats(index.Query{Text: "common"})
	if e := common.Evidence; e.Coverage < 1-1e-9 || e.Floor != 1 || common.Alpha != index.MostAlpha {
		t.Errorf("a word that all have: %+v, alpha %v", e, common.Alpha)
	}
	none := stats(index.Query{Text: "unheard"})
	if *none.Evidence != (index.Evidence{}) || none.Alpha != index.MostAlpha {
		t.Errorf("a word that none has: %+v, alpha %v", none.Evidence, none.Alpha)
	}
	// The rare word is not in what is left.
	if left := stats(index.Query{Text: `common rarity -rarity`, Operators: true}); left.Evidence.Coverage > 0.5 || left.Evidence.Floor != 1 {
		t.Errorf("without what is excluded: %+v", left.Evidence)
	}
	// A synonym counts for less than the word.
	if s := stats(index.Query{Text: "scarcity"}); s.Evidence.Coverage <= 0 || s.Evidence.Coverage > index.SynonymWeight {
		t.Errorf("a synonym: %+v", s.Evidence)
	}
	if s := stats(index.Query{Text: "scarcity", NoSynonyms: true}); s.Evidence.Coverage != 0 {
		t.Errorf("no synonym: %+v", s.Evidence)
	}
	for _, q := range []index.Query{{Text: "rarity", Mode: index.KeywordOnly}, {Text: "rarity", Mode: index.DenseOnly}} {
		if s := stats(q); s.Evidence != nil || s.Alpha != 0 {
			t.Errorf("mode %s: %+v", q.Mode, s)
		}
	}
	if s := search(t, c, index.Query{Text: "rarity"}).Stats; s.Degraded == "" || s.Evidence != nil || s.Alpha != 0 {
		t.Errorf("without a vector: %+v", s)
	}
	if h := search(t, c, index.Query{Text: "rarity", Vector: v, Explain: true}).Hits[0]; !strings.HasSuffix(h.Explain, "; minmax with alpha 0.10 (keywords: coverage 1.00, floor 0.00)") {
		t.Errorf("explanation: %s", h.Explain)
	}
}
