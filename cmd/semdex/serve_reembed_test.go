package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
	"semdex/internal/cli"
)

// A server with another model brings its collections to it while it answers.
func TestServeReembeds(t *testing.T) {
	dir := t.TempDir()
	data, model, vocab := filepath.Join(dir, "data"), filepath.Join(dir, "model"), filepath.Join(dir, "vocab.txt")
	if err := os.WriteFile(vocab, []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ncat\ndog\na\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(stdin string, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if status := Run(t.Context(), args, strings.NewReader(stdin), &out, &errs, nil); status != cli.ExitOK {
			t.Fatalf("%v: %d %s", args, status, errs.String())
		}
		return out.String()
	}
	run("", "model", "create", "--arch", "distilbert", "--layers", "1", "--hidden", "32", "--heads", "2", "--positions", "32", "--init-range", "0.3", "--force", "--vocab", vocab, "-o", model)
	run(`{"id": "cat", "text": "a cat"}`, "index", "-d", data, "-c", "notes", "--format", "jsonl", "-")

	s := serve(t, nil, "--data", data, "--model", model, "--reembed")
	run(`{"id": "dog", "text": "a dog"}`, "index", "--server", s.url, "-c", "notes", "--format", "jsonl", "-")
	info := func() (i index.Info) {
		t.Helper()
		res, err := http.Get(s.url + "/collections/notes")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		if err := json.NewDecoder(res.Body).Decode(&i); err != nil {
			t.Fatal(err)
		}
		return i
	}
	i := info()
	for i.Settings.Dims != 32 || i.Reembed != nil { // the test's deadline ends this
		if i.Reembed != nil && i.Reembed.Failed != "" || t.Context().Err() != nil {
			t.Fatalf("%+v", i.Reembed)
		}
		i = info()
	}
	answer := s.post(t, "/search", `{"collection": "notes", "query": "cat", "mode": "dense"}`)
	if hits, _ := answer["hits"].([]any); len(hits) != 2 {
		t.Errorf("answer %v", answer)
	}
	res, err := http.Get(s.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if metrics, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(metrics), "semdex_reembed_documents_left 0\n") || !strings.Contains(string(metrics), "semdex_reembed_failed 0\n") {
		t.Errorf("metrics %s, %v", metrics, err)
	}
	s.stop()
	if status := <-s.status; status != cli.ExitOK {
		t.Errorf("the server ended with %d", status)
	}
	run("", "check", "--data", data)
}
