package api

import (
	"strings"
	"testing"
)

// Synonyms are put, told, used by searches unless they are asked not to, and
// deleted; what is wrong with them is named with its line.
func TestSynonyms(t *testing.T) {
	s := newTestServer(t, Options{Index: newTestIndex(t, "notes")})
	wantStatus(t, do(s, "PUT", "/collections/notes/documents", `[{"id": "a", "text": "a television"}, {"id": "b", "text": "a radio"}]`), 200)
	for _, step := range []struct{ method, path, body, want string }{
		{"GET", "/collections/notes/synonyms", ``, ``},
		{"PUT", "/collections/notes/synonyms", "# sets\ntv => television\n라디오, radio", `{"synonyms":2}`},
		{"GET", "/collections/notes/synonyms", ``, "# sets\ntv => television\n라디오, radio"},
		{"GET", "/collections/notes", ``, `"synonyms":2`},
		{"POST", "/search", `{"collection": "notes", "query": "tv", "mode": "keyword", "highlight": true}`, `"highlights":[{"start":2,"end":12}]`},
		{"POST", "/search", `{"collection": "notes", "query": "tv", "mode": "keyword"}`, `"synonyms":{"tv":["television"]}`},
		{"GET", "/search?collection=notes&q=%EB%9D%BC%EB%94%94%EC%98%A4&mode=keyword", ``, `"document_id":"b"`},
		{"GET", "/search?collection=notes&q=tv&mode=keyword&synonyms=false", ``, `"hits":[]`},
		{"POST", "/search", `{"collection": "notes", "query": "tv", "mode": "keyword", "synonyms": false}`, `"hits":[]`},
		{"PUT", "/collections/notes/synonyms", "a, b\ntv =>", `"message":"invalid synonyms: line 2: entry 1 is empty"`},
		{"GET", "/collections/notes", ``, `"synonyms":2`},
		{"DELETE", "/collections/notes/synonyms", ``, `{"deleted":"notes"}`},
		{"GET", "/collections/notes/synonyms", ``, ``},
		{"GET", "/collections/none/synonyms", ``, `"type":"collection_not_found"`},
		{"PUT", "/collections/none/synonyms", `a, b`, `"type":"collection_not_found"`},
	} {
		answer := do(s, step.method, step.path, step.body).Body.String()
		if !strings.Contains(answer, step.want) || step.want == "" && answer != "" {
			t.Errorf("%s %s %s answers %s, want %s", step.method, step.path, step.body, answer, step.want)
		}
	}
}
