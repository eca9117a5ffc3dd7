package api

import (
	"strings"
	"testing"
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
