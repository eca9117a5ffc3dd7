package api

import (
	"strings"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// How vectors are searched is given with a collection or later, and told.
func TestVectorsOfACollection(t *testing.T) {
	s := newTestServer(t, Options{Index: newTestIndex(t, "notes")})
	for _, step := range []struct{ method, path, body, want string }{
		{"GET", "/collections/notes", ``, `"vectors":"auto"`},
		{"PATCH", "/collections/notes", `{"vectors": "exact"}`, `"vectors":"exact"`},
		{"GET", "/collections/notes", ``, `"vectors":"exact"`},
		{"PUT", "/collections/mail", `{"vectors": "graph"}`, `"vectors":"graph"`},
		{"PATCH", "/collections/mail", `{"vectors": "slow"}`, `"type":"invalid_setting"`},
		{"PATCH", "/collections/none", `{"vectors": "exact"}`, `"type":"collection_not_found"`},
		{"GET", "/collections/mail", ``, `"vectors":"graph"`},
	} {
		if answer := do(s, step.method, step.path, step.body).Body.String(); !strings.Contains(answer, step.want) {
			t.Errorf("%s %s %s answers %s, want %s", step.method, step.path, step.body, answer, step.want)
		}
	}
}

// A collection on its way to another model says how far it is, and so do the
// metrics.
func TestReembeddingIsTold(t *testing.T) {
	engine := indextest.NewMemory()
	if _, err := engine.Create(t.Context(), "old", index.Settings{Model: "another", Dims: 4}); err != nil {
		t.Fatal(err)
	}
	service := index.NewService(engine, hashEncoder{}, index.ServiceOptions{})
	s := newTestServer(t, Options{Index: service})
	wantStatus(t, do(s, "PUT", "/collections/old/documents", `{"id": "a", "text": "x"}`), 409)
	if _, err := service.PlanReembed(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, do(s, "PUT", "/collections/old/documents", `{"id": "a", "text": "x"}`), 200)
	if answer := do(s, "GET", "/collections/old", "").Body.String(); !strings.Contains(answer, `"reembed":{"model":"`+fingerprint+`","into":"old-re`) {
		t.Errorf("the collection is %s", answer)
	}
	if answer := do(s, "POST", "/search", `{"collection": "old", "query": "x"}`).Body.String(); !strings.Contains(answer, `"degraded":"its documents are being embedded`) || !strings.Contains(answer, `"id":"a#0"`) {
		t.Errorf("a search answers %s", answer)
	}
	if _, err := service.Reembed(t.Context(), "old", index.ReembedOptions{}); err != nil {
		t.Fatal(err)
	}
	if answer := do(s, "GET", "/collections", "").Body.String(); strings.Contains(answer, "reembed") || !strings.Contains(answer, fingerprint) {
		t.Errorf("the collections are %s", answer)
	}
	if answer := do(s, "GET", "/metrics", "").Body.String(); !strings.Contains(answer, "semdex_reembed_documents_left 0\n") {
		t.Errorf("no documents left in %s", answer)
	}
}
