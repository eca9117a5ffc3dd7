package api

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"semdex/index"
)

// What a server exports another one imports, also through the documents route.
func TestExport(t *testing.T) {
	s := newTestServer(t, Options{Index: newTestIndex(t)})
	wantStatus(t, do(s, "PUT", "/collections/a/documents", `[{"id": "x/1", "title": "T<b>", "text": "one two", "metadata": {"n": 1}}, {"id": "y", "text": "three"}]`), 200)
	w := do(s, "GET", "/collections/a/export", "")
	wantStatus(t, w, 200)
	header, lines, _ := strings.Cut(w.Body.String(), "\n")
	if !strings.HasPrefix(header, `{"semdex_export":1,"collection":"a",`) || !strings.Contains(header, `"documents":2`) {
		t.Errorf("header %s", header)
	}
	want := `{"id":"x/1","title":"T<b>","text":"one two","metadata":{"n":1}}` + "\n" + `{"id":"y","text":"three"}` + "\n"
	if lines != want || w.Header().Get("Content-Type") != ndjsonType {
		t.Errorf("%s of type %s", lines, w.Header().Get("Content-Type"))
	}
	wantStatus(t, do(s, "PUT", "/collections/b/documents", lines, "Content-Type", ndjsonType), 200)
	_, again, _ := strings.Cut(do(s, "GET", "/collections/b/export", "").Body.String(), "\n")
	if again != want {
		t.Errorf("came back as %s", again)
	}
	w = do(s, "GET", "/collections/a/export?vectors=true", "")
	in, err := index.NewExportReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for r, err := range in.Records() {
		if err != nil || len(r.Passages) != 1 || len(r.Passages[0].Vector) != 256 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	wantStatus(t, do(s, "GET", "/collections/none/export", ""), 404)
	wantStatus(t, do(s, "GET", "/collections/a/export?vectors=maybe", ""), 400)
	if w = do(s, "HEAD", "/collections/a/export", ""); w.Code != 200 || w.Body.Len() > 0 {
		t.Errorf("HEAD: %d, %q", w.Code, w.Body)
	}
}

// breakingIndex fails in the middle of an export.
type breakingIndex struct{ *testIndex }

func (breakingIndex) Export(_ context.Context, _ string, w io.Writer, _ index.ExportOptions) (index.ExportHeader, error) {
	_, err := io.WriteString(w, `{"semdex_export":1,"documents":2}`+"\n"+`{"id":"a","text":"x"}`+"\n")
	return index.ExportHeader{}, errors.Join(err, index.ErrCorrupt)
}

// An export that fails on the way says so in its last line, and its reader
// finds out.
func TestExportThatFails(t *testing.T) {
	s := newTestServer(t, Options{Index: breakingIndex{newTestIndex(t)}})
	w := do(s, "GET", "/collections/a/export", "")
	if !strings.Contains(w.Body.String(), "\n"+`{"error":{"type":"data_damaged"`) {
		t.Errorf("body %s", w.Body)
	}
	in, err := index.NewExportReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range in.Records() {
		err = e
	}
	if !errors.Is(err, index.ErrExport) {
		t.Errorf("reading it: %v", err)
	}
}
