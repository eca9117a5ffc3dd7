package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"semdex/index"
)

func TestPutForms(t *testing.T) {
	const a, b = `{"id":"a","text":"one"}`, `{"id":"b","title":"B","text":"two","metadata":{"year":2020,"tags":["x","y"],"open":true}}`
	tests := []struct{ name, contentType, body string }{
		{"array", "application/json", "[" + a + "," + b + "]"},
		{"array over lines", "", "\n [\n" + a + ",\n" + b + "\n]\n"},
		{"array after a byte order mark", "", "\ufeff[" + a + "," + b + "]"},
		{"objects", "application/json", a + b},
		{"objects on lines, type of a form", "application/x-www-form-urlencoded", a + "\n" + b + "\n"},
		{"objects over lines", "", strings.ReplaceAll(a+b, ",", ",\n")},
		{"lines", "application/x-ndjson", a + "\n" + b + "\n"},
		{"lines, type with a parameter", "application/x-ndjson; charset=utf-8", a + "\n" + b},
		{"lines of another name", "application/jsonl", a + "\r\n\r\n" + b + "\r\n"},
		{"lines after a byte order mark", "application/jsonl", "\ufeff\n\n" + a + "\n \n" + b + "\n\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			x := newTestIndex(t)
			s := newTestServer(t, Options{Index: x})
			w := do(s, "PUT", "/collections/fresh/documents", tt.body, "Content-Type", tt.contentType)
			wantStatus(t, w, 200)
			var got struct {
				index.PutResult
				TookMS *float64 `json:"took_ms"`
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if want := (index.PutResult{Created: 2, Passages: 2}); got.PutResult != want || got.TookMS == nil {
				t.Errorf("answer %s, want %+v", w.Body, want)
			}
			d, err := x.Get(t.Context(), "fresh", "b")
			if err != nil || d.Title != "B" || d.Text != "two" || len(d.Metadata) != 3 {
				t.Errorf("stored %+v, %v", d, err)
			}
			w = do(s, "PUT", "/collections/fresh/documents", tt.body, "Content-Type", tt.contentType)
			if !strings.Contains(w.Body.String(), `{"created":0,"updated":0,"unchanged":2,"passages":0,`) {
				t.Errorf("the second time: %s", w.Body)
			}
		})
	}
}

func TestPutNothing(t *testing.T) {
	s := newTestServer(t, Options{})
	for _, body := range []string{"[]", " [ ] "} {
		wantStatus(t, do(s, "PUT", "/collections/demo/documents", body), 200)
	}
	wantStatus(t, do(s, "PUT", "/collections/demo/documents", "\n\n", "Content-Type", "application/x-ndjson"), 200)
}

// TestDocumentIDs writes, reads and deletes ids that are awkward in a path.
func TestDocumentIDs(t *testing.T) {
	s := newTestServer(t, Options{})
	ids := []string{"a", "a/b", "a//b", "/a/", "a b", "a+b", "50%", "a%2Fb", "?q#f", "한국어/문서", "..", ".", "../../etc", "a\\b", "documents", "é", "😀", `"`, ":id", "*"}
	for _, id := range ids {
		raw, _ := json.Marshal(index.Document{ID: id, Text: "text of " + id})
		wantStatus(t, do(s, "PUT", "/collections/demo/documents", string(raw)), 200)
	}
	for _, id := range ids {
		path := "/collections/demo/documents/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
		w := do(s, "GET", path, "")
		var d index.Document
		if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || d.ID != id || d.Text != "text of "+id {
			t.Errorf("%q: got %d %s", id, w.Code, w.Body)
		}
		if w := do(s, "DELETE", path, ""); w.Code != 200 || !strings.HasPrefix(w.Body.String(), `{"deleted":1,"took_ms":`) {
			t.Errorf("%q: delete %d %s", id, w.Code, w.Body)
		}
		if w := do(s, "GET", path, ""); w.Code != 404 {
			t.Errorf("%q: after its deletion %d", id, w.Code)
		}
	}
	raw, _ := json.Marshal(index.Document{ID: "x/y z", Text: "t"})
	wantStatus(t, do(s, "PUT", "/collections/demo/documents", string(raw)), 200)
	wantStatus(t, do(s, "GET", "/collections/demo/documents/x/y%20z", ""), 200) // slashes may stay as they are
}

func TestDeleteDocuments(t *testing.T) {
	tests := []struct {
		name, body string
		deleted    int
	}{
		{"ids", `{"ids":["1","2","nope"]}`, 2},
		{"no ids", `{"ids":[]}`, 0},
		{"filter", `{"filter":{"field":"n","gte":3}}`, 3},
		{"filter as text", `{"filter":"n < 2"}`, 2},
		{"ids beside a null filter", `{"ids":["1"],"filter":null}`, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newTestServer(t, Options{})
			var body strings.Builder
			for i := range 6 {
				fmt.Fprintf(&body, `{"id":"%d","text":"t","metadata":{"n":%d}}`+"\n", i, i)
			}
			wantStatus(t, do(s, "PUT", "/collections/demo/documents", body.String()), 200)
			w := do(s, "POST", "/collections/demo/delete", tt.body)
			wantStatus(t, w, 200)
			if !strings.HasPrefix(w.Body.String(), fmt.Sprintf(`{"deleted":%d,`, tt.deleted)) {
				t.Errorf("answer %s, want %d deleted", w.Body, tt.deleted)
			}
			var info index.Info
			if err := json.Unmarshal(do(s, "GET", "/collections/demo", "").Body.Bytes(), &info); err != nil || info.Documents != 6-tt.deleted {
				t.Errorf("%d documents left (%v), want %d", info.Documents, err, 6-tt.deleted)
			}
		})
	}
}

// endless is a body that writes its documents as they are read.
type endless struct {
	made  atomic.Int64
	total int64
	rest  []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if len(e.rest) == 0 {
		if e.made.Load() == e.total {
			return 0, io.EOF
		}
		n := e.made.Add(1)
		e.rest = fmt.Appendf(nil, `{"id":"%d","text":"%s"}`+"\n", n, strings.Repeat("word ", 100))
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// TestPutIsBounded streams many documents and sees to it that only a few
// batches of them are in memory at any time.
func TestPutIsBounded(t *testing.T) {
	const total, batch, buffered = 4_000, 256, 64 << 10 / 500
	body := &endless{total: total}
	var batches, stored, ahead atomic.Int64
	x := newTestIndex(t, "demo")
	x.onUpsert = func(_ context.Context, records int) error {
		batches.Add(1)
		ahead.Store(max(ahead.Load(), body.made.Load()-stored.Load()))
		stored.Add(int64(records))
		return nil
	}
	s := newTestServer(t, Options{Index: x})
	r := httptest.NewRequest("PUT", "/collections/demo/documents", body)
	r.Header.Set("Content-Type", "application/x-ndjson")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	wantStatus(t, w, 200)
	if stored.Load() != total || !strings.Contains(w.Body.String(), `"created":4000,`) {
		t.Errorf("stored %d, want %d; answer %s", stored.Load(), total, w.Body)
	}
	if want := int64((total + batch - 1) / batch); batches.Load() != want {
		t.Errorf("%d batches, want %d", batches.Load(), want)
	}
	// One batch being written, one ready, one being read, and the buffer.
	if limit := int64(3*batch + buffered + 2); ahead.Load() > limit {
		t.Errorf("%d documents were read ahead, want %d at most", ahead.Load(), limit)
	}
}

// TestPutFailsMidway counts what is stored when the index fails later.
func TestPutFailsMidway(t *testing.T) {
	x := newTestIndex(t, "demo")
	calls := 0
	x.onUpsert = func(context.Context, int) error {
		if calls++; calls == 3 {
			return fmt.Errorf("write segment: %w", index.ErrReadOnly)
		}
		return nil
	}
	s := newTestServer(t, Options{Index: x})
	r := httptest.NewRequest("PUT", "/collections/demo/documents", &endless{total: 2000})
	r.Header.Set("Content-Type", "application/x-ndjson")
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	wantStatus(t, w, 503)
	var got struct {
		Error  Error
		Stored Stored
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	info, err := x.Info(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(got.Error.Message, "segment") {
		t.Errorf("the answer tells what only the log should: %s", w.Body)
	}
	if got.Error.Type != "read_only" || got.Stored.Documents != 512 || info.Documents != 512 {
		t.Errorf("answer %s; %d documents are stored, want 512", w.Body, info.Documents)
	}
}

// FuzzDocumentReader holds both readers against plain decoding: what is valid
// is read in full, and nothing panics.
func FuzzDocumentReader(f *testing.F) {
	for _, seed := range []string{
		`[{"id":"a"},{"id":"b"}]`, `[]`, `{"id":"a"}{"id":"b"}`, "{\"id\":\"a\"}\n\n{\"id\":\"b\"}", "\ufeff[{}]", `[{}`, `[{} {}]`, `[{}]]`, "", "x", "{", "\xef\xbb", "[1,\"\\u00e9\"]",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		r := httptest.NewRequest("PUT", "/", strings.NewReader(string(body)))
		if lines {
			r.Header.Set("Content-Type", "application/x-ndjson")
		}
		reader, err := newDocumentReader(httptest.NewRecorder(), r, Limits{}.withDefaults())
		if err != nil {
			return
		}
		read := 0
		for {
			raw, at, err := reader.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			read++
			if at.Position != read {
				t.Fatalf("position %d of document %d", at.Position, read)
			}
			if !lines && !json.Valid(raw) {
				t.Fatalf("document %d is not JSON: %q", read, raw)
			}
		}
		var all []json.RawMessage
		if !lines && json.Unmarshal(body, &all) == nil && len(all) != read {
			t.Fatalf("read %d of %d documents of %q", read, len(all), body)
		}
	})
}
