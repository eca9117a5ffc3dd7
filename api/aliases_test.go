package api

import (
	"strings"
	"testing"
)

// What an alias cannot be is refused with the type that tells why.
func TestAliasRefusals(t *testing.T) {
	s := newTestServer(t, Options{Index: newTestIndex(t, "notes", "mail")})
	wantStatus(t, do(s, "PUT", "/aliases/now", `{"collection": "notes"}`), 200)
	tests := []struct {
		method, path, body string
		status             int
		kind               string
	}{
		{"PUT", "/aliases/mail", `{"collection": "notes"}`, 409, "collection_exists"},
		{"PUT", "/aliases/then", `{"collection": "none"}`, 404, "collection_not_found"},
		{"PUT", "/aliases/then", `{"collection": "now"}`, 404, "collection_not_found"},
		{"PUT", "/aliases/then", `{}`, 400, "missing_parameter"},
		{"PUT", "/aliases/then", `{"to": "notes"}`, 400, "unknown_parameter"},
		{"PUT", "/aliases/Then", `{"collection": "notes"}`, 400, "invalid_name"},
		{"PUT", "/collections/now", ``, 409, "collection_exists"},
		{"DELETE", "/collections/notes", ``, 409, "collection_aliased"},
		{"DELETE", "/collections/now", ``, 404, "collection_not_found"},
		{"DELETE", "/aliases/then", ``, 404, "alias_not_found"},
	}
	for _, tt := range tests {
		w := do(s, tt.method, tt.path, tt.body)
		wantStatus(t, w, tt.status)
		if body := w.Body.String(); !strings.Contains(body, `"type":"`+tt.kind+`"`) {
			t.Errorf("%s %s %s answers %s, want %s", tt.method, tt.path, tt.body, body, tt.kind)
		}
	}
	wantStatus(t, do(s, "PUT", "/collections/now/documents", `{"id": "a", "text": "x"}`), 200)
	wantStatus(t, do(s, "GET", "/collections/notes/documents/a", ""), 200)
}
