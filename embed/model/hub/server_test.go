package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	commitA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// fakeHub serves one repository the way the public hub does: small files from
// the hub itself under git's SHA-1, large ones by a redirect to a storage host
// under their SHA-256.
type fakeHub struct {
	t       *testing.T
	id      string
	commit  string
	files   map[string]string
	large   map[string]bool
	token   string
	hub     *httptest.Server
	storage *httptest.Server

	// before, if set, may answer a request instead of the hub.
	before func(w http.ResponseWriter, r *http.Request) bool

	mu       sync.Mutex
	requests []string // METHOD path range
}

func newFakeHub(t *testing.T) *fakeHub {
	h := &fakeHub{
		t: t, id: "org/tiny", commit: commitA,
		files: map[string]string{
			"modules.json":          `[{"idx":0}]`,
			"config.json":           `{"model_type":"bert"}`,
			"1_Pooling/config.json": `{"pooling_mode_mean_tokens":true}`,
			"vocab.txt":             "[PAD]\n[UNK]\n",
			"model.safetensors":     strings.Repeat("weights ", 4096),
			"pytorch_model.bin":     "not wanted",
			"onnx/model.onnx":       "not wanted",
			"tf_model.h5":           "not wanted",
		},
		large: map[string]bool{"model.safetensors": true},
	}
	h.hub = httptest.NewServer(http.HandlerFunc(h.serveHub))
	h.storage = httptest.NewServer(http.HandlerFunc(h.serveStorage))
	t.Cleanup(func() { h.hub.Close(); h.storage.Close() })
	return h
}

func (h *fakeHub) etag(content string, large bool) string {
	if large {
		return fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
	}
	return fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))
}

func (h *fakeHub) log(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.requests = append(h.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.Header.Get("Range")))
}

// seen counts the requests that begin with prefix.
func (h *fakeHub) seen(prefix string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, r := range h.requests {
		if strings.HasPrefix(r, prefix) {
			n++
		}
	}
	return n
}

func (h *fakeHub) serveHub(w http.ResponseWriter, r *http.Request) {
	h.log(r)
	if h.before != nil && h.before(w, r) {
		return
	}
	if h.token != "" && r.Header.Get("Authorization") != "Bearer "+h.token {
		w.Header().Set("X-Error-Code", "GatedRepo")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if rev, ok := strings.CutPrefix(r.URL.Path, "/api/models/"+h.id+"/revision/"); ok {
		if rev != "main" && rev != "refs/pr/1" && rev != h.commit {
			w.Header().Set("X-Error-Code", "RevisionNotFound")
			w.WriteHeader(http.StatusNotFound)
			return
		}
		info := map[string]any{"sha": h.commit}
		var siblings []map[string]string
		for name := range h.files {
			siblings = append(siblings, map[string]string{"rfilename": name})
		}
		info["siblings"] = siblings
		json.NewEncoder(w).Encode(info)
		return
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/"+h.id+"/resolve/"+h.commit+"/")
	content, exists := h.files[name]
	if !ok || !exists {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("X-Repo-Commit", h.commit)
	tag := `"` + h.etag(content, h.large[name]) + `"`
	if h.large[name] {
		w.Header().Set("X-Linked-Etag", tag)
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(content)))
		http.Redirect(w, r, h.storage.URL+"/"+name, http.StatusFound)
		return
	}
	w.Header().Set("ETag", tag)
	http.ServeContent(w, r, "", zeroTime, strings.NewReader(content))
}

func (h *fakeHub) serveStorage(w http.ResponseWriter, r *http.Request) {
	h.log(r)
	if r.Header.Get("Authorization") != "" {
		h.t.Error("the token went to another host")
	}
	if h.before != nil && h.before(w, r) {
		return
	}
	// Storage has tags of its own, which say nothing of the content.
	w.Header().Set("ETag", `"storage-tag-0123"`)
	http.ServeContent(w, r, "", zeroTime, strings.NewReader(h.files[strings.TrimPrefix(r.URL.Path, "/")]))
}
