package index_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// fakeEncoder hashes words into a small vector: texts that share words are
// near. It finds nothing in a text of zero-width spaces. It counts the texts it
// encoded.
type fakeEncoder struct {
	name string
	fail error

	mu       sync.Mutex
	passages []string
	queries  []string
}

func (f *fakeEncoder) Dims() int           { return 16 }
func (f *fakeEncoder) Fingerprint() string { return f.name }

func (f *fakeEncoder) EncodePassages(_ context.Context, texts []string) ([][]float32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passages = append(f.passages, texts...)
	return f.encode(texts)
}

func (f *fakeEncoder) EncodeQueries(_ context.Context, texts []string) ([][]float32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.queries = append(f.queries, texts...)
	return f.encode(texts)
}

func (f *fakeEncoder) encode(texts []string) ([][]float32, error) {
	if f.fail != nil {
		return nil, f.fail
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		h := fnv.New64a()
		v := make([]float32, f.Dims())
		for _, word := range strings.Fields(strings.ToLower(text)) {
			h.Reset()
			h.Write([]byte(word))
			rng := rand.New(rand.NewPCG(h.Sum64(), 0))
			for j := range v {
				v[j] += rng.Float32() - 0.5
			}
		}
		v[0] += 0.01 // never zero
		if strings.Trim(text, "\u200b") == "" {
			clear(v)
		}
		out[i] = v // not of unit length: the service sees to that
	}
	return out, nil
}

func newService(t *testing.T) (*index.Service, *fakeEncoder) {
	t.Helper()
	enc := &fakeEncoder{name: "model-a"}
	s := index.NewService(indextest.NewMemory(), enc, index.ServiceOptions{})
	t.Cleanup(func() {
		infos, err := s.List(context.Background())
		if err != nil {
			return // closed by the test
		}
		for _, info := range infos {
			if r, err := s.Check(context.Background(), info.Name); err != nil || len(r.Problems) > 0 {
				t.Errorf("check of %s: %v, %v", info.Name, r.Problems, err)
			}
		}
	})
	return s, enc
}

func put(t *testing.T, s *index.Service, docs ...index.Document) index.PutResult {
	t.Helper()
	r, err := s.Put(t.Context(), "c", docs)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPutCountsAndSkipsUnchanged(t *testing.T) {
	s, enc := newService(t)
	a := index.Document{ID: "a", Title: "Title", Text: "alpha beta", Metadata: map[string]any{"n": 1, "tags": []any{"x", "y"}}}
	b := index.Document{ID: "b", Text: "gamma"}
	if r := put(t, s, a, b); r != (index.PutResult{Created: 2, Passages: 2}) {
		t.Errorf("first: %+v", r)
	}
	if want := []string{"Title\nalpha beta", "gamma"}; fmt.Sprint(enc.passages) != fmt.Sprint(want) {
		t.Errorf("encoded %q, want %q", enc.passages, want)
	}
	if r := put(t, s, a, b); r != (index.PutResult{Unchanged: 2}) {
		t.Errorf("again: %+v", r)
	}
	if len(enc.passages) != 2 {
		t.Errorf("unchanged documents were encoded: %q", enc.passages)
	}
	for name, change := range map[string]func(*index.Document){
		"text":     func(d *index.Document) { d.Text += "!" },
		"title":    func(d *index.Document) { d.Title += "!" },
		"metadata": func(d *index.Document) { d.Metadata = map[string]any{"n": 2} },
	} {
		d := a
		change(&d)
		if r := put(t, s, d, b); r.Updated != 1 || r.Unchanged != 1 {
			t.Errorf("changed %s: %+v", name, r)
		}
		put(t, s, a)
	}
	if r := put(t, s, index.Document{ID: "d", Text: "first"}, index.Document{ID: "d", Text: "second"}); r != (index.PutResult{Created: 1, Updated: 1, Passages: 1}) {
		t.Errorf("duplicates: %+v", r)
	}
	if d, err := s.Get(t.Context(), "c", "d"); err != nil || d.Text != "second" {
		t.Errorf("of two with one id: %+v, %v", d, err)
	}
	if r := put(t, s, index.Document{ID: "t", Title: "only a title"}); r.Passages != 1 {
		t.Errorf("title only: %+v", r)
	}
}

func TestPutRefusesAndStoresNothing(t *testing.T) {
	s, enc := newService(t)
	good := index.Document{ID: "good", Text: "text", Metadata: map[string]any{"year": 2020}}
	for name, c := range map[string]struct {
		bad  index.Document
		want error
		says string
	}{
		"no id":         {index.Document{Text: "x"}, index.ErrInvalidDocument, "document 2: "},
		"no text":       {index.Document{ID: "e", Text: " \n"}, index.ErrInvalidDocument, `(id "e")`},
		"invalid UTF-8": {index.Document{ID: "u", Text: "ab\xffc"}, index.ErrInvalidDocument, "at byte 2"},
		"control in id": {index.Document{ID: "a\nb", Text: "x"}, index.ErrInvalidDocument, "control"},
		"too long":      {index.Document{ID: "l", Text: strings.Repeat("a", index.MaxTextBytes+1)}, index.ErrInvalidDocument, "16777217 bytes"},
		"wrong type":    {index.Document{ID: "y", Text: "x", Metadata: map[string]any{"year": "2020"}}, index.ErrFieldType, `"year"`},
		"an object":     {index.Document{ID: "o", Text: "x", Metadata: map[string]any{"m": map[string]any{}}}, index.ErrInvalidDocument, `"m"`},
	} {
		_, err := s.Put(t.Context(), "c", []index.Document{good, c.bad})
		var where *index.DocumentError
		if !errors.Is(err, c.want) || !errors.As(err, &where) || where.Position != 2 || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Info(t.Context(), "c"); !errors.Is(err, index.ErrCollectionNotFound) {
		t.Errorf("a refused request left a collection behind: %v", err)
	}
	enc.fail = errors.New("out of memory")
	if _, err := s.Put(t.Context(), "c", []index.Document{good}); !errors.Is(err, index.ErrEncoder) || !errors.Is(err, enc.fail) {
		t.Errorf("a failing encoder: %v", err)
	}
	for _, name := range []string{"", "A", "-a", "a/b", "가", strings.Repeat("a", 65)} {
		if _, err := s.Put(t.Context(), name, []index.Document{good}); !errors.Is(err, index.ErrInvalidName) {
			t.Errorf("collection %q: %v", name, err)
		}
	}
}

// stream yields n documents and then an error, if it is not nil.
func stream(n int, failure error) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for i := range n {
			if !yield(index.Document{ID: fmt.Sprintf("d%04d", i), Text: fmt.Sprintf("document number %d", i)}, nil) {
				return
			}
		}
		if failure != nil {
			yield(index.Document{}, failure)
		}
	}
}

func TestPutStream(t *testing.T) {
	s, enc := newService(t)
	var calls []index.Progress
	r, err := s.PutStream(t.Context(), "c", stream(1000, nil), func(p index.Progress) { calls = append(calls, p) })
	if err != nil || r != (index.PutResult{Created: 1000, Passages: 1000}) {
		t.Fatalf("%+v, %v", r, err)
	}
	if last := calls[len(calls)-1]; len(calls) != 4 || last.Read != 1000 || last.Created != 1000 {
		t.Errorf("progress: %+v", calls)
	}
	if r, err = s.PutStream(t.Context(), "c", stream(1001, nil), nil); err != nil || r != (index.PutResult{Created: 1, Unchanged: 1000, Passages: 1}) {
		t.Errorf("again: %+v, %v", r, err)
	}
	if len(enc.passages) != 1001 {
		t.Errorf("%d passages were encoded", len(enc.passages))
	}
}

func TestPutStreamStops(t *testing.T) {
	s, _ := newService(t)
	broken := errors.New("broken source")
	r, err := s.PutStream(t.Context(), "c", stream(300, broken), nil)
	if !errors.Is(err, broken) || r.Created != 300 {
		t.Errorf("failing stream: %+v, %v", r, err)
	}
	bad := func(yield func(index.Document, error) bool) {
		for d := range stream(600, nil) {
			d.Text += " new"
			if d.ID == "d0599" {
				d.Text = ""
			}
			if !yield(d, nil) {
				return
			}
		}
	}
	r, err = s.PutStream(t.Context(), "c", bad, nil)
	var where *index.DocumentError
	if !errors.As(err, &where) || where.Position != 600 || r.Updated != 300 || r.Created != 299 {
		t.Errorf("bad document: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err = s.PutStream(ctx, "c", stream(5000, nil), func(index.Progress) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Whatever the place of a bad document, exactly those before it are stored.
func TestPutStreamStoresWhatIsBeforeABadDocument(t *testing.T) {
	for _, at := range []int{1, 2, 255, 256, 257, 258, 300} {
		s, _ := newService(t)
		docs := func(yield func(index.Document, error) bool) {
			n := 0
			for d := range stream(400, nil) {
				d.Metadata = map[string]any{"n": n}
				if n++; n == at {
					d.Metadata["n"] = []any{1}
				}
				if !yield(d, nil) {
					return
				}
			}
		}
		var read int
		r, err := s.PutStream(t.Context(), "c", docs, func(p index.Progress) { read = p.Read })
		var where *index.DocumentError
		if !errors.As(err, &where) || where.Position != at || r.Created != at-1 || read != at-1 {
			t.Errorf("bad document %d: %+v, %d read, %v", at, r, read, err)
		}
		n, _, err := s.Count(t.Context(), "c", nil)
		if at == 1 && !errors.Is(err, index.ErrCollectionNotFound) || at > 1 && (err != nil || n != at-1) {
			t.Errorf("bad document %d: %d documents stored, %v", at, n, err)
		}
	}
}

// fullDisk is an engine that stores nothing.
type fullDisk struct{ index.Engine }

type fullCollection struct{ index.Collection }

func (f fullDisk) Create(ctx context.Context, name string, s index.Settings) (index.Collection, error) {
	c, err := f.Engine.Create(ctx, name, s)
	return fullCollection{c}, err
}

func (fullCollection) Upsert(context.Context, []index.Record) error { return syscall.ENOSPC }

// A failure to write is told even if the reader found a bad document since.
func TestPutStreamTellsFailuresOfTheEngine(t *testing.T) {
	s := index.NewService(fullDisk{indextest.NewMemory()}, &fakeEncoder{name: "m"}, index.ServiceOptions{})
	docs := func(yield func(index.Document, error) bool) {
		_ = yield(index.Document{ID: "good", Text: "x"}, nil) && yield(index.Document{ID: "bad"}, nil)
	}
	if r, err := s.PutStream(t.Context(), "c", docs, nil); !errors.Is(err, syscall.ENOSPC) || r != (index.PutResult{}) {
		t.Errorf("%+v, %v", r, err)
	}
}

// An id that changes and changes back within one stream must end as the last
// one, although the engine still holds the first when the last is compared.
func TestPutStreamSeesPendingDocuments(t *testing.T) {
	s, _ := newService(t)
	put(t, s, index.Document{ID: "x", Text: "original"})
	docs := func(yield func(index.Document, error) bool) {
		_ = yield(index.Document{ID: "x", Text: "changed"}, nil)
		for d := range stream(255, nil) {
			_ = yield(d, nil)
		}
		_ = yield(index.Document{ID: "x", Text: "original"}, nil)
	}
	if _, err := s.PutStream(t.Context(), "c", docs, nil); err != nil {
		t.Fatal(err)
	}
	if d, err := s.Get(t.Context(), "c", "x"); err != nil || d.Text != "original" {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestModelMismatch(t *testing.T) {
	engine := indextest.NewMemory()
	s := index.NewService(engine, &fakeEncoder{name: "model-a"}, index.ServiceOptions{})
	put(t, s, index.Document{ID: "a", Text: "alpha"})
	other := index.NewService(engine, &fakeEncoder{name: "model-b"}, index.ServiceOptions{})
	_, putErr := other.Put(t.Context(), "c", []index.Document{{ID: "b", Text: "beta"}})
	_, searchErr := other.Search(t.Context(), "c", index.Query{Text: "alpha"})
	for _, err := range []error{putErr, searchErr} {
		if !errors.Is(err, index.ErrModelMismatch) || !strings.Contains(err.Error(), "model-a") || !strings.Contains(err.Error(), "model-b") {
			t.Errorf("error %v does not name both models", err)
		}
	}
	if r, err := other.Search(t.Context(), "c", index.Query{Text: "alpha", Mode: index.KeywordOnly}); err != nil || len(r.Hits) != 1 {
		t.Errorf("keyword search needs no model: %+v, %v", r, err)
	}
}

func TestEncoderFailureInSearch(t *testing.T) {
	s, enc := newService(t)
	put(t, s, index.Document{ID: "a", Text: "alpha"}, index.Document{ID: "b", Text: "beta"})
	enc.fail = errors.New("model crashed")
	r, err := s.Search(t.Context(), "c", index.Query{Text: "alpha"})
	if err != nil || len(r.Hits) != 1 || r.Hits[0].ID != "a#0" || r.Hits[0].Score != 1 ||
		r.Stats.Mode != index.KeywordOnly || !strings.Contains(r.Stats.Degraded, "model crashed") {
		t.Errorf("hybrid: %+v, %v", r, err)
	}
	if _, err := s.Search(t.Context(), "c", index.Query{Text: "alpha", Mode: index.DenseOnly}); !errors.Is(err, index.ErrEncoder) {
		t.Errorf("dense: %v", err)
	}
	bare := index.NewService(indextest.NewMemory(), nil, index.ServiceOptions{})
	if _, err := bare.Put(t.Context(), "c", []index.Document{{ID: "a", Text: "x"}}); !errors.Is(err, index.ErrEncoder) {
		t.Errorf("put without a model: %v", err)
	}
}

// A text in which the model finds nothing is stored beside others, found by
// words if it has any, and no query.
func TestTextsWithoutMeaning(t *testing.T) {
	s, _ := newService(t)
	if r := put(t, s, index.Document{ID: "a", Text: "alpha"}, index.Document{ID: "z", Text: "\u200b\u200b"}); r.Created != 2 {
		t.Errorf("put: %+v", r)
	}
	if r := put(t, s, index.Document{ID: "z", Text: "\u200b\u200b"}); r.Unchanged != 1 {
		t.Errorf("again: %+v", r)
	}
	for _, mode := range []index.Mode{index.Hybrid, index.DenseOnly, index.KeywordOnly} {
		if r, err := s.Search(t.Context(), "c", index.Query{Text: "alpha", Mode: mode}); err != nil || len(r.Hits) != 1 || r.Hits[0].DocumentID != "a" {
			t.Errorf("%s: %+v, %v", mode, r.Hits, err)
		}
	}
	nothing := index.Query{Text: "\u200b"}
	if r, err := s.Search(t.Context(), "c", nothing); err != nil || len(r.Hits) != 0 || !strings.Contains(r.Stats.Degraded, "finds nothing") {
		t.Errorf("hybrid: %+v, %v", r, err)
	}
	nothing.Mode = index.DenseOnly
	if _, err := s.Search(t.Context(), "c", nothing); !errors.Is(err, index.ErrInvalidQuery) || !strings.Contains(err.Error(), "finds nothing") {
		t.Errorf("dense: %v", err)
	}
}

func TestServiceManagesCollections(t *testing.T) {
	s, _ := newService(t)
	ctx := t.Context()
	fields := map[string]index.FieldKind{"date": index.Time}
	if err := s.Create(ctx, "c", index.Settings{Fields: fields}); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "c", index.Settings{}); !errors.Is(err, index.ErrCollectionExists) {
		t.Errorf("twice: %v", err)
	}
	if err := s.Create(ctx, "d", index.Settings{Fields: map[string]index.FieldKind{"x": "text"}}); !errors.Is(err, index.ErrFieldType) {
		t.Errorf("unknown kind: %v", err)
	}
	put(t, s, index.Document{ID: "old", Text: "x", Metadata: map[string]any{"date": "2001-02-03"}},
		index.Document{ID: "new", Text: "x", Metadata: map[string]any{"date": "2021-02-03T04:05:06+09:00"}})
	since := index.Compare{Field: "date", Op: index.Gte, Value: "2010-01-01"} // a string until it meets the schema
	if docs, passages, err := s.Count(ctx, "c", since); err != nil || docs != 1 || passages != 1 {
		t.Errorf("count: %d, %d, %v", docs, passages, err)
	}
	if r, err := s.Search(ctx, "c", index.Query{Text: "x", Filter: since}); err != nil || len(r.Hits) != 1 || r.Hits[0].DocumentID != "new" {
		t.Errorf("search: %+v, %v", r, err)
	}
	if _, err := s.Search(ctx, "c", index.Query{Text: "x", Filter: index.Exists{Field: "nope"}}); !errors.Is(err, index.ErrUnknownField) || !strings.Contains(err.Error(), "date") {
		t.Errorf("unknown field: %v", err)
	}
	if _, err := s.DeleteWhere(ctx, "c", nil); !errors.Is(err, index.ErrInvalidFilter) {
		t.Errorf("delete all: %v", err)
	}
	if n, err := s.DeleteWhere(ctx, "c", since); err != nil || n != 1 {
		t.Errorf("delete where: %d, %v", n, err)
	}
	if n, err := s.Delete(ctx, "c", "old", "gone"); err != nil || n != 1 {
		t.Errorf("delete: %d, %v", n, err)
	}
	info, err := s.Info(ctx, "c")
	if err != nil || info.Documents != 0 || info.Settings.Model != "model-a" || info.Settings.Split != index.DefaultSplit {
		t.Errorf("info: %+v, %v", info, err)
	}
	if err := s.Drop(ctx, "c"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "c", "old"); !errors.Is(err, index.ErrCollectionNotFound) {
		t.Errorf("after drop: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.List(ctx); !errors.Is(err, index.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}
