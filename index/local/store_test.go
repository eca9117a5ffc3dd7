package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"unicode/utf8"

	"semdex/index"
)

const testDims = 4

var testSettings = index.Settings{Model: "m", Dims: testDims, Split: index.SplitOptions{Size: 100}}

// store is an engine with one collection, checked whole after the test.
type store struct {
	*testing.T
	dir string
	o   Options
	e   *Engine
	c   *Collection
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// newStore makes an engine in a new folder with the collection "c".
func newStore(t *testing.T, o Options) *store {
	t.Helper()
	return newStoreOf(t, o, testSettings)
}

func newStoreOf(t *testing.T, o Options, settings index.Settings) *store {
	t.Helper()
	if o.Logger == nil {
		o.Logger = quiet()
	}
	s := &store{T: t, dir: t.TempDir(), o: o}
	s.open()
	c, err := s.e.Create(t.Context(), "c", settings)
	if err != nil {
		t.Fatal(err)
	}
	s.c = c.(*Collection)
	t.Cleanup(func() {
		if s.e == nil {
			return
		}
		s.check()
		if err := s.e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

func (s *store) open() {
	s.Helper()
	var err error
	if s.e, err = Open(s.dir, s.o); err != nil {
		s.Fatal(err)
	}
	if c, err := s.e.Open(context.Background(), "c"); err == nil {
		s.c = c.(*Collection)
	} else if !errors.Is(err, index.ErrCollectionNotFound) {
		s.Fatal(err)
	}
}

func (s *store) close() {
	s.Helper()
	if err := s.e.Close(); err != nil {
		s.Errorf("close: %v", err)
	}
	s.e = nil
}

func (s *store) reopen() {
	s.Helper()
	s.close()
	s.open()
}

// errCrash makes shut leave everything as a crash would.
var errCrash = errors.New("crash")

// crash lets go of the folder without writing anything more.
func (s *store) crash() {
	s.Helper()
	for _, c := range s.e.open {
		_ = c.shut(errCrash)
	}
	s.e.open = nil
	_ = s.e.Close()
	s.e = nil
}

func (s *store) check() {
	s.Helper()
	reports, err := s.e.Check(context.Background())
	if err != nil {
		s.Errorf("check: %v", err)
	}
	for _, r := range reports {
		for _, p := range r.Problems {
			s.Errorf("check of %q: %s", r.Collection, p)
		}
		if r.TextDocs != r.Passages || r.Vectors != r.Passages {
			s.Errorf("check of %q: %+v", r.Collection, r)
		}
	}
}

// testRecord is a document whose passages, vectors and metadata follow from its
// id and version.
func testRecord(id string, version int) index.Record {
	rng := rand.New(rand.NewPCG(uint64(version), uint64(len(id))))
	text := fmt.Sprintf("Document %s in version%d. 문서의 둘째 문장이다.", id, version)
	r := index.Record{Document: index.Document{ID: id, Title: "Title of " + id, Text: text, Metadata: map[string]any{"version": float64(version)}}}
	n := utf8.RuneCountInString(text)
	for i := range 1 + version%3 {
		v := make([]float32, testDims)
		for j := range v {
			v[j] = float32(rng.NormFloat64())
		}
		r.Passages = append(r.Passages, index.Passage{Start: i, End: n, Vector: v})
	}
	r.Content[0], r.Content[1] = byte(version), byte(version>>8)
	return r
}

// asWriter calls step where writes are made, between two of them.
func (s *store) asWriter(step func() error) {
	s.Helper()
	var failed error
	if err := s.c.do(&request{ctx: s.Context(), inspect: func() { failed = step() }}); err != nil || failed != nil {
		s.Fatal(err, failed)
	}
}

func (s *store) put(id string, version int) {
	s.Helper()
	if err := s.c.Upsert(context.Background(), []index.Record{testRecord(id, version)}); err != nil {
		s.Fatal(err)
	}
}

// model is what a collection should hold: versions by id.
type model map[string]int

// wantModel compares a collection's documents with the model.
func (s *store) wantModel(m model) {
	s.Helper()
	if problem := compareModel(s.c, m); problem != "" {
		s.Fatal(problem)
	}
}

func compareModel(c *Collection, m model) string {
	ctx := context.Background()
	if n, _, err := c.Count(ctx, nil); err != nil || n != len(m) {
		return fmt.Sprintf("%d documents, %v, want %d", n, err, len(m))
	}
	for _, id := range slices.Sorted(maps.Keys(m)) {
		want := testRecord(id, m[id])
		got, err := c.Get(ctx, id)
		if err != nil || !reflect.DeepEqual(got, want.Document) {
			return fmt.Sprintf("document %q: %+v, %v, want %+v", id, got, err, want.Document)
		}
		leg, err := c.Keyword(ctx, index.Words{Text: fmt.Sprintf("version%d", m[id])}, 1000, nil)
		found := func(cand index.Candidate) bool { return cand.Ref.Document == id }
		if err != nil || !slices.ContainsFunc(leg.Candidates, found) {
			return fmt.Sprintf("document %q is not found by keyword: %v, %v", id, leg.Candidates, err)
		}
		leg, err = c.Dense(ctx, want.Passages[0].Vector, 1000, nil)
		if err != nil || !slices.ContainsFunc(leg.Candidates, found) {
			return fmt.Sprintf("document %q is not found by vector: %v, %v", id, leg.Candidates, err)
		}
	}
	return ""
}

// copyFolder copies the data folder as it is now, without the text legs if bare.
func copyFolder(t *testing.T, from string, bare bool) string {
	t.Helper()
	to := t.TempDir()
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if bare && d.Name() == textName {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), b, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}
