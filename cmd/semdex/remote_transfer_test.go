package main

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"semdex/index"
)

// A server's collection can be exported, imported under another name, and
// given an alias, as one of a folder can.
func TestRemoteTransfersAndAliases(t *testing.T) {
	r, service := newServer(t, "key")
	ctx := t.Context()
	if err := service.Create(ctx, "a", index.Settings{Split: index.SplitOptions{Size: 100}, Fields: map[string]index.FieldKind{"at": index.Time}}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.PutStream(ctx, "a", stream(index.Document{ID: "x", Text: "one", Metadata: map[string]any{"at": "2026-11-23"}}, index.Document{ID: "y", Text: "two"}), nil); err != nil {
		t.Fatal(err)
	}
	for _, vectors := range []bool{false, true} {
		var export bytes.Buffer
		header, err := r.Export(ctx, "a", &export, index.ExportOptions{Vectors: vectors})
		if err != nil || header.Documents != 2 || header.Vectors != vectors {
			t.Fatalf("%+v, %v", header, err)
		}
		in, err := index.NewExportReader(&export)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Import(ctx, "b", in, index.ImportOptions{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	want, _ := service.Info(ctx, "a")
	if have, err := service.Info(ctx, "b"); err != nil || have.Documents != 2 || have.Settings.Split != want.Settings.Split || have.Settings.Fields["at"] != index.Time {
		t.Errorf("%+v, %v", have, err)
	}

	if err := r.SetAlias(ctx, "now", "b"); err != nil {
		t.Fatal(err)
	}
	if list, err := r.Aliases(ctx); err != nil || !slices.Equal(list, []index.Alias{{Name: "now", Collection: "b"}}) {
		t.Errorf("%v, %v", list, err)
	}
	if err := r.Drop(ctx, "b"); !errors.Is(err, index.ErrAliased) {
		t.Errorf("drop: %v", err)
	}
	if err := r.DeleteAlias(ctx, "now"); err != nil {
		t.Fatal(err)
	}
	if err := r.DeleteAlias(ctx, "now"); !errors.Is(err, index.ErrAliasNotFound) {
		t.Errorf("delete again: %v", err)
	}
}

// An export that a server could not finish, or that was cut off on the way, is
// an error.
func TestRemoteExportThatIsNotWhole(t *testing.T) {
	header := `{"semdex_export":1,"documents":2}` + "\n"
	for _, body := range []string{
		header,
		header + `{"id":"a","text":"x"}` + "\n",
		header + `{"id":"a","text":"x"}` + "\n" + `{"error":{"type":"internal","message":"no"}}` + "\n",
		header + `{"id":"a","text":"x"}` + "\n" + `{"id":"b","te`,
		strings.Repeat("x", 100),
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		r, err := newRemote(server.URL, "")
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if _, err := r.Export(t.Context(), "a", &got, index.ExportOptions{}); !errors.Is(err, index.ErrExport) {
			t.Errorf("%q: %v", body, err)
		}
		_ = r.Close()
		server.Close()
	}
}
