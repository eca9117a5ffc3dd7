package index_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"semdex/index"
	"semdex/index/indextest"
)

// exportable is a service with a collection of every kind of value, of several
// passages, and of one without a vector.
func exportable(t *testing.T) (*index.Service, *fakeEncoder) {
	t.Helper()
	s, enc := newService(t)
	err := s.Create(t.Context(), "c", index.Settings{
		Split: index.SplitOptions{Size: 40}, Fields: map[string]index.FieldKind{"at": index.Time},
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s,
		index.Document{ID: "a/1", Title: "제목 <b>", Text: "한글 문장이다. 둘째 문장이다.\n\n" + strings.Repeat("A long text. ", 20), Metadata: map[string]any{
			"at": time.Date(2026, 11, 23, 1, 2, 3, 456000, time.UTC), "n": 0.1, "ok": true, "tags": []string{"x", "y"}, "lang": "ko",
		}},
		index.Document{ID: "b", Text: "\u200b"},
		index.Document{ID: "c", Title: "only a title"},
	)
	return s, enc
}

func exported(t *testing.T, s *index.Service, collection string, vectors bool) []byte {
	t.Helper()
	var b bytes.Buffer
	header, err := s.Export(t.Context(), collection, &b, index.ExportOptions{Vectors: vectors})
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b.Bytes(), []byte("\n")); n != header.Documents+1 {
		t.Fatalf("%d lines for %d documents", n, header.Documents)
	}
	return b.Bytes()
}

func imported(t *testing.T, s *index.Service, collection string, export []byte, o index.ImportOptions) (index.PutResult, error) {
	t.Helper()
	in, err := index.NewExportReader(bytes.NewReader(export))
	if err != nil {
		return index.PutResult{}, err
	}
	return s.Import(t.Context(), collection, in, o, nil)
}

// body is an export without its header, which has the time.
func body(export []byte) string {
	_, rest, _ := bytes.Cut(export, []byte("\n"))
	return string(rest)
}

// What is exported with vectors comes back bit for bit, and nothing is encoded,
// by a service without a model, too.
func TestExportAndImportWithVectors(t *testing.T) {
	s, _ := exportable(t)
	export := exported(t, s, "c", true)
	for _, withModel := range []bool{true, false} {
		into, enc := newService(t)
		if !withModel {
			into = index.NewService(indextest.NewMemory(), nil, index.ServiceOptions{})
		}
		r, err := imported(t, into, "d", export, index.ImportOptions{})
		if err != nil || r.Created != 3 || r.Passages < 4 {
			t.Fatalf("%+v, %v", r, err)
		}
		if len(enc.passages) > 0 {
			t.Errorf("%d passages were encoded", len(enc.passages))
		}
		if got := exported(t, into, "d", true); body(got) != body(export) {
			t.Errorf("came back as\n%s\nwas\n%s", got, export)
		}
		want, _ := s.Info(t.Context(), "c")
		have, _ := into.Info(t.Context(), "d")
		if !reflect.DeepEqual(have.Settings, want.Settings) {
			t.Errorf("settings %+v, want %+v", have.Settings, want.Settings)
		}
		if r, err = imported(t, into, "d", export, index.ImportOptions{}); err != nil || r != (index.PutResult{Unchanged: 3}) {
			t.Errorf("again: %+v, %v", r, err)
		}
	}
	if r, err := imported(t, s, "c", export, index.ImportOptions{}); err != nil || r != (index.PutResult{Unchanged: 3}) {
		t.Errorf("into itself: %+v, %v", r, err)
	}
}

// Without vectors, or with Encode, documents are encoded with the model of the
// collection that they come into.
func TestImportEncodes(t *testing.T) {
	s, _ := exportable(t)
	for _, vectors := range []bool{false, true} {
		export := exported(t, s, "c", vectors)
		into, enc := newService(t)
		enc.name = "model-b"
		r, err := imported(t, into, "d", export, index.ImportOptions{Encode: vectors})
		if err != nil || r.Created != 3 || len(enc.passages) != r.Passages {
			t.Fatalf("%+v, %v, %d passages encoded", r, err, len(enc.passages))
		}
		if got, want := body(exported(t, into, "d", false)), body(exported(t, s, "c", false)); got != want {
			t.Errorf("came back as\n%s\nwas\n%s", got, want)
		}
		info, _ := into.Info(t.Context(), "d")
		if info.Settings.Model != "model-b" || info.Settings.Fields["at"] != index.Time || info.Settings.Split.Size != 40 {
			t.Errorf("settings %+v", info.Settings)
		}
	}
}

// Vectors of another model, or of other passages, are refused.
func TestImportRefusesOtherVectors(t *testing.T) {
	s, _ := exportable(t)
	export := exported(t, s, "c", true)
	other, enc := newService(t)
	enc.name = "model-b"
	if err := other.Create(t.Context(), "model", index.Settings{Split: index.SplitOptions{Size: 40}}); err != nil {
		t.Fatal(err)
	}
	enc.name = "model-a"
	if err := other.Create(t.Context(), "split", index.Settings{Split: index.SplitOptions{Size: 80}}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model", "split"} {
		if _, err := imported(t, other, name, export, index.ImportOptions{}); !errors.Is(err, index.ErrModelMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An export that was cut off at any byte is an error, and what was whole in it
// is stored.
func TestImportOfACutExport(t *testing.T) {
	s, _ := exportable(t)
	for _, vectors := range []bool{false, true} {
		export := exported(t, s, "c", vectors)
		for n := range len(export) - 1 { // the last byte is the end of a line
			into, _ := newService(t)
			r, err := imported(t, into, "d", export[:n], index.ImportOptions{})
			if !errors.Is(err, index.ErrExport) {
				t.Fatalf("cut at %d of %d: %v", n, len(export), err)
			}
			if lines := max(0, bytes.Count(export[:n], []byte("\n"))-1); r.Created != lines && r.Created != lines+1 {
				t.Fatalf("cut at %d: %d documents of %d lines", n, r.Created, lines)
			}
		}
	}
}

// What is no export is refused before anything is made, a bad record where it
// stands.
func TestImportRefuses(t *testing.T) {
	s, _ := newService(t)
	const header = `{"semdex_export":1,"collection":"c","documents":2,"passages":2,"vectors":true,"settings":{"model":"m","dims":2,"split":{"size":100,"overlap":0}}}` + "\n"
	good := `{"id":"a","text":"x","passages":[{"start":0,"end":1,"vector":"AACAPwAAAAA="}]}` + "\n"
	tests := []struct {
		name, text string
		want       error
		created    int
	}{
		{"nothing", "", index.ErrExport, 0},
		{"a document", good, index.ErrExport, 0},
		{"newer", `{"semdex_export":2}`, index.ErrNewerFormat, 0},
		{"not JSON", header + good + "hello", index.ErrExport, 1},
		{"failed", header + good + `{"error":{"type":"internal"}}`, index.ErrExport, 1},
		{"too many", header + good + good + good, index.ErrExport, 1},
		{"no passages", header + good + `{"id":"b","text":"x"}`, index.ErrInvalidDocument, 1},
		{"passages beyond the text", header + good + `{"id":"b","text":"x","passages":[{"start":0,"end":2}]}`, index.ErrInvalidDocument, 1},
		{"short vector", header + good + `{"id":"b","text":"x","passages":[{"start":0,"end":1,"vector":"AACAPw=="}]}`, index.ErrInvalidVector, 1},
		{"half a value", header + good + `{"id":"b","text":"x","passages":[{"start":0,"end":1,"vector":"AACA"}]}`, index.ErrInvalidVector, 1},
		{"not base64", header + good + `{"id":"b","text":"x","passages":[{"start":0,"end":1,"vector":"*"}]}`, index.ErrInvalidVector, 1},
		{"NaN", header + good + `{"id":"b","text":"x","passages":[{"start":0,"end":1,"vector":"AADAfwAAwH8="}]}`, index.ErrInvalidVector, 1},
		{"no id", header + good + `{"text":"x","passages":[{"start":0,"end":1}]}`, index.ErrInvalidDocument, 1},
	}
	for i, tt := range tests {
		r, err := imported(t, s, fmt.Sprint("d", i), []byte(tt.text), index.ImportOptions{})
		if !errors.Is(err, tt.want) || r.Created != tt.created {
			t.Errorf("%s: %+v, %v; want %d created, %v", tt.name, r, err, tt.created, tt.want)
		}
	}
}

// The writer of an export may fail at any time.
func TestExportToAFullDisk(t *testing.T) {
	s, _ := exportable(t)
	full := errors.New("full")
	if _, err := s.Export(t.Context(), "c", failingWriter{full}, index.ExportOptions{}); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	if _, err := s.Export(t.Context(), "none", io.Discard, index.ExportOptions{}); !errors.Is(err, index.ErrCollectionNotFound) {
		t.Errorf("%v", err)
	}
}

type failingWriter struct{ err error }

func (f failingWriter) Write([]byte) (int, error) { return 0, f.err }

func FuzzExportReader(f *testing.F) {
	f.Add([]byte(`{"semdex_export":1,"documents":1,"vectors":true,"settings":{}}` + "\n" + `{"id":"a","text":"x","passages":[{"start":0,"end":1,"vector":"AACAPw=="}]}`))
	f.Add([]byte(`{"semdex_export":1,"documents":0}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := index.NewExportReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		n, failed := 0, false
		for _, err := range in.Records() {
			if failed {
				t.Fatal("it goes on after an error")
			}
			if failed = err != nil; !failed {
				n++
			}
		}
		if !failed && n != in.Header().Documents {
			t.Fatalf("%d documents, the header says %d", n, in.Header().Documents)
		}
	})
}
