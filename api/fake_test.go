package api

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"semdex/index"
	"semdex/index/indextest"
)

// testIndex is a real index over an engine in memory. Hooks, if set, run first
// and may fail or block; they must be set before the first request.
type testIndex struct {
	*index.Service
	onSearch    func(context.Context) error
	onUpsert    func(ctx context.Context, records int) error
	afterUpsert func() // after one that succeeded

	mu      sync.Mutex
	queries []index.Query
}

func newTestIndex(t testing.TB, collections ...string) *testIndex {
	t.Helper()
	x := &testIndex{}
	x.Service = index.NewService(hookedEngine{indextest.NewMemory(), x}, hashEncoder{}, index.ServiceOptions{})
	for _, name := range collections {
		if err := x.Create(t.Context(), name, index.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

func (x *testIndex) Search(ctx context.Context, collection string, q index.Query) (index.Result, error) {
	x.mu.Lock()
	x.queries = append(x.queries, q)
	x.mu.Unlock()
	if x.onSearch != nil {
		if err := x.onSearch(ctx); err != nil {
			return index.Result{}, err
		}
	}
	return x.Service.Search(ctx, collection, q)
}

// hookedEngine tells a testIndex of writes.
type hookedEngine struct {
	index.Engine
	x *testIndex
}

func (e hookedEngine) Create(ctx context.Context, name string, s index.Settings) (index.Collection, error) {
	return e.hook(e.Engine.Create(ctx, name, s))
}

func (e hookedEngine) Open(ctx context.Context, name string) (index.Collection, error) {
	return e.hook(e.Engine.Open(ctx, name))
}

func (e hookedEngine) hook(c index.Collection, err error) (index.Collection, error) {
	if err != nil {
		return nil, err
	}
	return hookedCollection{c, e.x}, nil
}

type hookedCollection struct {
	index.Collection
	x *testIndex
}

func (c hookedCollection) Upsert(ctx context.Context, records []index.Record) error {
	if c.x.onUpsert != nil {
		if err := c.x.onUpsert(ctx, len(records)); err != nil {
			return err
		}
	}
	err := c.Collection.Upsert(ctx, records)
	if err == nil && c.x.afterUpsert != nil {
		c.x.afterUpsert()
	}
	return err
}

const fingerprint = "5f2a90c1d3e8b746"

// hashEncoder gives equal words equal directions.
type hashEncoder struct{}

func (hashEncoder) Dims() int           { return 256 }
func (hashEncoder) Fingerprint() string { return fingerprint }

func (hashEncoder) EncodePassages(_ context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, 256)
		v[0] = 0.1
		for _, word := range strings.Fields(text) {
			h := fnv.New32a()
			_, _ = io.WriteString(h, word)
			v[h.Sum32()%256]++
		}
		vectors[i] = v
	}
	return vectors, nil
}

func (e hashEncoder) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return e.EncodePassages(ctx, texts)
}

// fakeEmbedder gives each text a vector of its own hash.
type fakeEmbedder struct {
	dims     int
	onEncode func(context.Context, []string) error
	mu       sync.Mutex
	options  []EncodeOptions
}

func (f *fakeEmbedder) Model() Model {
	return Model{Name: "fake-model", Fingerprint: fingerprint, Dims: f.dims, MaxTokens: 8}
}

func (f *fakeEmbedder) Encode(ctx context.Context, texts []string, o EncodeOptions) (Encoding, error) {
	if f.onEncode != nil {
		if err := f.onEncode(ctx, texts); err != nil {
			return Encoding{}, err
		}
	}
	f.mu.Lock()
	f.options = append(f.options, o)
	f.mu.Unlock()
	if o.Prompt != "" && o.Prompt != "query" {
		return Encoding{}, fmt.Errorf("%w %q; there is \"query\"", ErrUnknownPrompt, o.Prompt)
	}
	dims := f.dims
	if o.Dims > 0 {
		dims = o.Dims
	}
	var e Encoding
	for i, text := range texts {
		n := utf8.RuneCountInString(text)
		if n > 8 && !o.Truncate {
			return Encoding{}, fmt.Errorf("text %d: %w: it has %d tokens, the model reads 8", i, ErrTextTooLong, n)
		}
		h := fnv.New32a()
		_, _ = io.WriteString(h, text)
		v := make([]float32, dims)
		for j := range v {
			v[j] = float32(h.Sum32()>>(j%8)&15)/16 - 0.5
		}
		if o.Normalize {
			normalize(v)
		}
		e.Vectors, e.Tokens, e.Truncated = append(e.Vectors, v), append(e.Tokens, min(n, 8)), append(e.Truncated, n > 8)
	}
	return e, nil
}

func normalize(v []float32) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i, x := range v {
		v[i] = float32(float64(x) / math.Sqrt(sum))
	}
}

// decodingEmbedder can also read token ids: the code points of the text.
type decodingEmbedder struct{ *fakeEmbedder }

func (decodingEmbedder) DecodeTokens(ids []int) (string, error) {
	var b strings.Builder
	for _, id := range ids {
		if id > utf8.MaxRune {
			return "", fmt.Errorf("%w %d", ErrInvalidTokenID, id)
		}
		b.WriteRune(rune(id))
	}
	return b.String(), nil
}

// newTestServer fills in what o lacks and logs nowhere.
func newTestServer(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Index == nil {
		o.Index = newTestIndex(t, "demo")
	}
	if o.Embedder == nil {
		o.Embedder = &fakeEmbedder{dims: 4}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// do sends one request; headers are pairs of name and value.
func do(s *Server, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

func wantStatus(t *testing.T, w *httptest.ResponseRecorder, status int) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d %s, want %d; body %s", w.Code, http.StatusText(w.Code), status, w.Body)
	}
}
