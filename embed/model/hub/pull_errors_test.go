package hub

import (
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestPullErrors(t *testing.T) {
	answer := func(status int, code string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("X-Error-Code", code)
			w.WriteHeader(status)
			return true
		}
	}
	tests := []struct {
		name   string
		id     string
		before func(http.ResponseWriter, *http.Request) bool
		change func(*fakeHub, *Options)
		want   error
		hint   string
	}{
		{name: "bad id", id: "../x", want: ErrBadName, hint: "ORG/NAME"},
		{name: "bad revision", change: func(_ *fakeHub, o *Options) { o.Revision = "../../x" }, want: ErrBadName, hint: "revision"},
		{name: "unknown revision", change: func(_ *fakeHub, o *Options) { o.Revision = "v9" }, want: ErrNotFound, hint: "revision"},
		{name: "401", before: answer(401, ""), want: ErrUnauthorized, hint: "HF_TOKEN"},
		{name: "401 for an unknown repository", before: answer(401, "RepoNotFound"), want: ErrNotFound, hint: "check the name"},
		{name: "403", before: answer(403, "GatedRepo"), want: ErrUnauthorized, hint: "terms"},
		{name: "404", before: answer(404, ""), want: ErrNotFound, hint: "check the name"},
		{name: "500 for ever", before: answer(500, ""), want: ErrServer, hint: "after 5 attempts"},
		{name: "418", before: answer(418, ""), want: ErrServer, hint: "418"},
		{name: "a web page", before: func(w http.ResponseWriter, r *http.Request) bool {
			w.Write([]byte("<html>"))
			return true
		}, want: ErrServer, hint: "list of files"},
		{name: "no commit", before: func(w http.ResponseWriter, r *http.Request) bool {
			w.Write([]byte("{}"))
			return true
		}, want: ErrServer, hint: "HF_ENDPOINT"},
		{name: "no server", change: func(h *fakeHub, o *Options) { h.hub.Close() }, want: ErrServer, hint: "check the network"},
		{name: "no weights", change: func(h *fakeHub, _ *Options) {
			delete(h.files, "model.safetensors")
			delete(h.files, "pytorch_model.bin")
		}, want: ErrNoWeights, hint: "model.safetensors"},
		{name: "a tag that is a path", before: func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodHead {
				w.Header().Set("ETag", `"../../../../evil"`)
				return true
			}
			return false
		}, want: ErrServer, hint: "ETag"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newFakeHub(t)
			h.before = tt.before
			o := options(t, h, nil)
			if tt.change != nil {
				tt.change(h, &o)
			}
			id := tt.id
			if id == "" {
				id = h.id
			}
			_, err := Pull(t.Context(), id, o)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.hint) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.hint)
			}
		})
	}
}
