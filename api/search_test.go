package api

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"reflect"
	"regexp"
	"testing"

	"semdex/index"
)

func ptr[T any](v T) *T { return &v }

// TestSearchOptions checks what reaches the index, from a body and from a URL.
func TestSearchOptions(t *testing.T) {
	year, err := index.ParseFilter("year >= 2020")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, body, url string
		want            index.Query
	}{
		{
			"defaults", `{"query":"a"}`, "/search?q=a",
			index.Query{Text: "a", Operators: true},
		},
		{
			"everything",
			`{"query":"조선 궁궐","collection":"demo","top_k":3,"offset":2,"mode":"dense","fusion":{"method":"rrf","alpha":0.5},
			  "filter":{"field":"year","gte":2020},"min_score":0.1,"min_dense":0.2,"facets":["lang","tags"],"facet_limit":3,"operators":false,"group_by":"passage","dedup":true,"correct":true,"highlight":true,"explain":true}`,
			"/search?q=%EC%A1%B0%EC%84%A0%20%EA%B6%81%EA%B6%90&collection=demo&top_k=3&offset=2&mode=dense&fusion=rrf&alpha=0.5" +
				"&filter=year%20%3E%3D%202020&min_score=0.1&min_dense=0.2&facets=lang,tags&facet_limit=3&operators=false&group_by=passage&dedup=true&correct=true&highlight=true&explain=1",
			index.Query{
				Text: "조선 궁궐", TopK: 3, Offset: 2, Mode: index.DenseOnly,
				Fusion: index.Fusion{Method: index.RRF, Alpha: ptr(0.5)}, Filter: year,
				MinScore: ptr(0.1), MinDense: ptr(0.2), Facets: []string{"lang", "tags"}, FacetLimit: 3, GroupBy: index.ByPassage, Dedup: true, Correct: true, Highlight: true, Explain: true,
			},
		},
		{
			"fusion by name, filter as text", `{"query":"a","fusion":"rrf","filter":"year >= 2020"}`, "/search?q=a&fusion=rrf&filter=year>=2020",
			index.Query{Text: "a", Operators: true, Fusion: index.Fusion{Method: index.RRF}, Filter: year},
		},
		{
			"least keyword score", `{"query":"a","min_keyword":3}`, "/search?q=a&min_keyword=3",
			index.Query{Text: "a", Operators: true, MinKeyword: ptr(3.0)},
		},
		{
			"like a document", `{"like":"a/b"}`, "/search?like=a/b",
			index.Query{Like: "a/b", Operators: true},
		},
		{
			"alpha alone", `{"query":"a","fusion":{"alpha":0}}`, "/search?q=a&alpha=0",
			index.Query{Text: "a", Operators: true, Fusion: index.Fusion{Alpha: ptr(0.0)}},
		},
		{
			"nulls", `{"query":"a","top_k":null,"fusion":null,"filter":null,"min_score":null,"mode":null,"explain":null}`, "",
			index.Query{Text: "a", Operators: true},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTestIndex(t)
			if err := x.Create(t.Context(), "demo", index.Settings{Fields: map[string]index.FieldKind{"year": index.Number, "lang": index.Keyword, "tags": index.Keyword}}); err != nil {
				t.Fatal(err)
			}
			if _, err := x.Put(t.Context(), "demo", []index.Document{{ID: "a/b", Text: "text", Metadata: map[string]any{"year": 2020}}}); err != nil {
				t.Fatal(err)
			}
			s := newTestServer(t, Options{Index: x, DefaultCollection: "demo"})
			wantStatus(t, do(s, "POST", "/search", tt.body), 200)
			if tt.url != "" {
				wantStatus(t, do(s, "GET", tt.url, ""), 200)
			}
			for i, got := range x.queries {
				if !reflect.DeepEqual(got, tt.want) {
					t.Errorf("query %d: %+v, want %+v", i, got, tt.want)
				}
			}
		})
	}
}

var (
	durations = regexp.MustCompile(`("[a-z]+_ms"): ?[0-9.e-]+`)
	digits    = regexp.MustCompile(`(\.[0-9]{6})[0-9]+`)
)

// indented makes an answer readable and the same every time and everywhere.
func indented(t *testing.T, raw []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	rounded := digits.ReplaceAll(out.Bytes(), []byte("$1"))
	return durations.ReplaceAll(rounded, []byte("$1: 0"))
}

// TestAnswers shows the answers of the main routes.
func TestAnswers(t *testing.T) {
	s := newTestServer(t, Options{Version: Version{Version: "1.2.3", Commit: "abc"}})
	const documents = `[
	  {"id":"palace","title":"경복궁","text":"경복궁은 조선의 첫 번째 궁궐이다. 1395년에 지었다.","metadata":{"lang":"ko","year":1395}},
	  {"id":"wall","title":"Fortress","text":"The wall of <Seoul> is eighteen kilometres long & old.","metadata":{"lang":"en"}},
	  {"id":"plain","text":"nothing of interest"}]`
	var out bytes.Buffer
	show := func(method, path, body string) {
		w := do(s, method, path, body)
		out.WriteString(method + " " + path + " " + body + "\n")
		out.Write(indented(t, w.Body.Bytes()))
		out.WriteString("\n")
	}
	show("PUT", "/collections/demo/documents", documents)
	show("POST", "/search", `{"query":"조선 궁궐","collection":"demo","top_k":1,"highlight":true,"explain":true}`)
	show("POST", "/search", `{"query":"wall","collection":"demo","mode":"keyword"}`)
	show("POST", "/search", `{"query":"wall","collection":"demo","mode":"dense","top_k":1,"group_by":"passage"}`)
	show("POST", "/search", `{"query":"zzz","collection":"demo","mode":"keyword"}`)
	show("GET", "/collections/demo/documents/wall", "")
	show("POST", "/embed", `{"inputs":["a","bc"]}`)
	show("POST", "/v1/embeddings", `{"input":"a"}`)
	show("GET", "/v1/models", "")
	show("GET", "/v1/models/fake-model", "")
	show("GET", "/", "")
	golden(t, "answers.golden", out.Bytes())
}

// nanIndex answers with a score that JSON cannot hold.
type nanIndex struct{ Index }

func (nanIndex) Search(context.Context, string, index.Query) (index.Result, error) {
	return index.Result{Hits: []index.Hit{{ID: "a#0", Score: math.NaN()}}}, nil
}

func TestNotFiniteScore(t *testing.T) {
	s := newTestServer(t, Options{Index: nanIndex{newTestIndex(t)}})
	w := do(s, "POST", "/search", demoSearch)
	wantStatus(t, w, 500)
	if !bytes.Contains(w.Body.Bytes(), []byte(`"internal"`)) {
		t.Errorf("answer %s", w.Body)
	}
}

func TestCollections(t *testing.T) {
	s := newTestServer(t, Options{Index: newTestIndex(t)})
	if w := do(s, "GET", "/collections", ""); w.Body.String() != "{\"collections\":[]}\n" {
		t.Errorf("no collections: %s", w.Body)
	}
	w := do(s, "PUT", "/collections/notes", `{"split":{"size":300,"overlap":30},"fields":{"when":"time"}}`)
	wantStatus(t, w, 201)
	var info index.Info
	if err := json.Unmarshal(w.Body.Bytes(), &info); err != nil {
		t.Fatal(err)
	}
	if info.Name != "notes" || info.Settings.Split != (index.SplitOptions{Size: 300, Overlap: 30}) || info.Settings.Fields["when"] != index.Time {
		t.Errorf("created %+v", info)
	}
	wantStatus(t, do(s, "PUT", "/collections/empty", ""), 201)
	var list struct{ Collections []index.Info }
	if err := json.Unmarshal(do(s, "GET", "/collections", "").Body.Bytes(), &list); err != nil || len(list.Collections) != 2 || list.Collections[0].Name != "empty" {
		t.Errorf("list %+v, %v", list, err)
	}
	wantStatus(t, do(s, "DELETE", "/collections/notes", ""), 200)
	wantStatus(t, do(s, "GET", "/collections/notes", ""), 404)
}
