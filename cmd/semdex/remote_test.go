package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"semdex/api"
	"semdex/index"
	"semdex/index/indextest"
	"semdex/internal/cli"
)

// letters is a model for tests: a text's vector counts its letters.
type letters struct{}

func (letters) Dims() int           { return 16 }
func (letters) Fingerprint() string { return "letters" }
func (letters) Model() api.Model    { return api.Model{Name: "letters", Fingerprint: "letters", Dims: 16} }

func (letters) EncodePassages(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		vectors[i] = make([]float32, 16)
		vectors[i][0] = 1
		for _, r := range text {
			vectors[i][r%16]++
		}
	}
	return vectors, nil
}

func (l letters) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return l.EncodePassages(ctx, texts)
}

func (l letters) Encode(ctx context.Context, texts []string, _ api.EncodeOptions) (api.Encoding, error) {
	vectors, err := l.EncodePassages(ctx, texts)
	return api.Encoding{Vectors: vectors, Tokens: make([]int, len(texts)), Truncated: make([]bool, len(texts))}, err
}

// newServer is a server over an index in memory, and the client for it.
func newServer(t *testing.T, key string) (*remote, *index.Service) {
	t.Helper()
	service := index.NewService(indextest.NewMemory(), letters{}, index.ServiceOptions{})
	server, err := api.New(api.Options{Index: service, Embedder: letters{}, APIKey: key, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener := httptest.NewServer(server.Handler())
	t.Cleanup(listener.Close)
	r, err := newRemote(listener.URL+"/", key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, service
}

func stream(docs ...index.Document) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

// TestRemoteIsTheStore: whatever the service answers in process, the client
// answers over HTTP.
func TestRemoteIsTheStore(t *testing.T) {
	ctx := context.Background()
	r, service := newServer(t, "secret")
	result, err := r.PutStream(ctx, "docs", stream(
		index.Document{ID: "a/b c%", Title: "Palace", Text: "The palace stands in Seoul.", Metadata: map[string]any{"lang": "en", "year": 1395.0}},
		index.Document{ID: "궁궐", Text: "경복궁은 서울에 있다.", Metadata: map[string]any{"lang": "ko"}},
		index.Document{ID: "sea", Text: "Squid live in the sea.", Metadata: map[string]any{"lang": "en"}},
	), nil)
	if err != nil || result.Created != 3 {
		t.Fatalf("put: %+v, %v", result, err)
	}
	filter, err := index.ParseFilter(`lang = "en"`)
	if err != nil {
		t.Fatal(err)
	}
	alpha := 0.5
	q := index.Query{Text: "palace in Seoul", TopK: 2, Filter: filter, Highlight: true, Fusion: index.Fusion{Method: index.RRF, Alpha: &alpha}}
	got, err := r.Search(ctx, "docs", q)
	if err != nil {
		t.Fatal(err)
	}
	want, err := service.Search(ctx, "docs", q)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(asJSON(t, got.Hits), got.Total, got.Stats.Mode, got.Stats.Fusion, got.Stats.Alpha, got.Stats.Dense.Plan) !=
		fmt.Sprint(asJSON(t, want.Hits), want.Total, want.Stats.Mode, want.Stats.Fusion, want.Stats.Alpha, want.Stats.Dense.Plan) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
	if d, err := r.Get(ctx, "docs", "a/b c%"); err != nil || d.Title != "Palace" {
		t.Errorf("get: %+v, %v", d, err)
	}
	if info, err := r.Info(ctx, "docs"); err != nil || info.Documents != 3 || info.Settings.Fields["year"] != index.Number {
		t.Errorf("info: %+v, %v", info, err)
	}
	if list, err := r.List(ctx); err != nil || len(list) != 1 || list[0].Name != "docs" {
		t.Errorf("list: %+v, %v", list, err)
	}
	if n, err := r.Delete(ctx, "docs", "궁궐", "nothing"); err != nil || n != 1 {
		t.Errorf("delete: %d, %v", n, err)
	}
	if n, err := r.DeleteWhere(ctx, "docs", filter); err != nil || n != 2 {
		t.Errorf("delete where: %d, %v", n, err)
	}
	if err := r.Drop(ctx, "docs"); err != nil {
		t.Errorf("drop: %v", err)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRemoteErrors(t *testing.T) {
	ctx := context.Background()
	r, service := newServer(t, "secret")
	_, err := r.Search(ctx, "nothing", index.Query{Text: "x"})
	if !errors.Is(err, index.ErrCollectionNotFound) || !strings.Contains(cli.Hint(withHint(err)), "semdex collections") {
		t.Errorf("unknown collection: %v, hint %q", err, cli.Hint(withHint(err)))
	}
	wrong := *r
	wrong.apiKey = "guess"
	if _, err := wrong.List(ctx); err == nil || !strings.Contains(cli.Hint(err), "--api-key") {
		t.Errorf("wrong key: %v, hint %q", err, cli.Hint(err))
	}

	// A source that fails in the middle: what came before it is stored.
	broken := errors.New("broken source")
	result, err := r.PutStream(ctx, "docs", func(yield func(index.Document, error) bool) {
		if yield(index.Document{ID: "a", Text: "x"}, nil) {
			yield(index.Document{}, broken)
		}
	}, nil)
	if !errors.Is(err, broken) || result.Created != 1 {
		t.Errorf("broken source: %+v, %v", result, err)
	}
	if _, err := service.Get(ctx, "docs", "a"); err != nil {
		t.Errorf("the document before the fault: %v", err)
	}

	// A document that the server refuses ends the stream early.
	endless := func(yield func(index.Document, error) bool) {
		for n := 0; yield(index.Document{ID: strings.Repeat("x", n), Text: "x"}, nil); n++ {
		}
	}
	if _, err := r.PutStream(ctx, "docs", endless, nil); err == nil || !strings.Contains(err.Error(), "document") {
		t.Errorf("refused document: %v", err)
	}

	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	nobody, err := newRemote(closed.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := nobody.List(ctx); err == nil || !strings.Contains(cli.Hint(err), "semdex serve") {
		t.Errorf("no server: %v, hint %q", err, cli.Hint(err))
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>")
	}))
	defer other.Close()
	proxy, err := newRemote(other.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := proxy.List(ctx); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("another server: %v", err)
	}
	for _, bad := range []string{"ftp://x", "http://", "::"} {
		if _, err := newRemote(bad, ""); cli.ExitStatus(err) != cli.ExitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
