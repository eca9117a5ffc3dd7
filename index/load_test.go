package index_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// loadEngine notes the bulk loads of its collections, and what they hold.
type loadEngine struct {
	*indextest.Memory

	mu     sync.Mutex
	events []string
	opened int
}

func (e *loadEngine) Create(ctx context.Context, name string, s index.Settings) (index.Collection, error) {
	c, err := e.Memory.Create(ctx, name, s)
	if err != nil {
		return nil, err
	}
	return loadCollection{c, e}, nil
}

func (e *loadEngine) Open(ctx context.Context, name string) (index.Collection, error) {
	c, err := e.Memory.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	return loadCollection{c, e}, nil
}

func (e *loadEngine) Replace(ctx context.Context, name, with string) error {
	e.note("replace %s", name)
	return e.Memory.Replace(ctx, name, with)
}

func (e *loadEngine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, fmt.Sprintf(format, args...))
}

// take returns the events since the last time.
func (e *loadEngine) take() []string {
	events := e.events
	e.events = nil
	return events
}

type loadCollection struct {
	index.Collection
	e *loadEngine
}

// BeginLoad notes a load with its number, and its end each time.
func (c loadCollection) BeginLoad(ctx context.Context) (func(), error) {
	end, err := c.Collection.BeginLoad(ctx)
	if err != nil {
		return nil, err
	}
	info, err := c.Info(ctx)
	c.e.mu.Lock()
	c.e.opened++
	n := c.e.opened
	c.e.mu.Unlock()
	c.e.note("load %d of %s with %s", n, info.Name, info.Settings.Model)
	return func() {
		c.e.note("end %d", n)
		end()
	}, err
}

func (c loadCollection) Settle(ctx context.Context, onProgress func(done, total int)) error {
	c.e.note("settle")
	return c.Collection.Settle(ctx, onProgress)
}

func (c loadCollection) Upsert(ctx context.Context, records []index.Record) error {
	err := c.Collection.Upsert(ctx, records)
	if err == nil {
		c.e.note("%d", len(records))
	}
	return err
}

func numbered(from, to int, then error) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for i := from; i < to; i++ {
			if !yield(document(i, 0), nil) {
				return
			}
		}
		if then != nil {
			yield(index.Document{}, then)
		}
	}
}

// A stream is a bulk load from its second batch to its end, however that comes;
// a few documents are none.
func TestStreamsAreBulkLoads(t *testing.T) {
	e := &loadEngine{Memory: indextest.NewMemory()}
	s := index.NewService(e, &fakeEncoder{name: "model-a"}, index.ServiceOptions{})
	broken := errors.New("broken")
	put := func(from, to int, then error, want ...string) {
		t.Helper()
		if _, err := s.PutStream(t.Context(), "c", numbered(from, to, then), nil); !errors.Is(err, then) {
			t.Errorf("documents %d to %d: %v, want %v", from, to, err, then)
		}
		if got := e.take(); !slices.Equal(got, want) {
			t.Errorf("documents %d to %d: %q, want %q", from, to, got, want)
		}
	}
	put(0, 256, nil, "256")
	put(0, 700, nil, "256", "load 1 of c with model-a", "188", "end 1") // the first are there
	put(0, 700, nil)
	put(700, 1300, broken, "256", "load 2 of c with model-a", "256", "88", "end 2")

	ctx, cancel := context.WithCancel(t.Context())
	_, err := s.PutStream(ctx, "c", numbered(2000, 5000, nil), func(p index.Progress) {
		if p.Read > 300 {
			cancel()
		}
	})
	cancel()
	if got := e.take(); !errors.Is(err, context.Canceled) || got[1] != "load 3 of c with model-a" || got[len(got)-1] != "end 3" {
		t.Errorf("a cancelled stream: %q, %v", got, err)
	}
	if _, err := s.Put(t.Context(), "c", []index.Document{document(9000, 0)}); err != nil {
		t.Fatal(err)
	}
	if got := e.take(); !slices.Equal(got, []string{"1"}) {
		t.Errorf("Put: %q", got)
	}
}

// An import with vectors is a bulk load, too.
func TestImportIsABulkLoad(t *testing.T) {
	e := &loadEngine{Memory: indextest.NewMemory()}
	s := index.NewService(e, &fakeEncoder{name: "model-a"}, index.ServiceOptions{})
	if _, err := s.PutStream(t.Context(), "c", numbered(0, 600, nil), nil); err != nil {
		t.Fatal(err)
	}
	var export strings.Builder
	if _, err := s.Export(t.Context(), "c", &export, index.ExportOptions{Vectors: true}); err != nil {
		t.Fatal(err)
	}
	e.take()
	for _, cut := range []bool{false, true} {
		text, to := export.String(), "whole"
		if cut {
			text, to = text[:len(text)-100], "cut"
		}
		in, err := index.NewExportReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.Import(t.Context(), to, in, index.ImportOptions{}, nil); (err != nil) != cut {
			t.Errorf("%s: %v", to, err)
		}
		got := e.take()
		if len(got) != 5 || got[0] != "256" || !strings.HasSuffix(got[1], " of "+to+" with model-a") || !strings.HasPrefix(got[4], "end ") {
			t.Errorf("%s: %q", to, got)
		}
	}
}

// What is encoded anew is one load, and the new collection settles before it takes
// its place.
func TestReembedIsABulkLoad(t *testing.T) {
	memory, _ := aged(t, 300)
	e := &loadEngine{Memory: memory}
	s := index.NewService(e, newNextModel(), index.ServiceOptions{})
	if _, err := s.Reembed(t.Context(), "c", index.ReembedOptions{}); err != nil {
		t.Fatal(err)
	}
	got := e.take()
	if !strings.HasPrefix(got[0], "load 1 of c-re") || !slices.Equal(got[1:], []string{"256", "44", "end 1", "settle", "replace c"}) {
		t.Errorf("%q", got)
	}
}

// A stream whose collection is replaced goes on with a load of the new one; each
// load ends, once.
func TestLoadAcrossReembed(t *testing.T) {
	memory, _ := aged(t, 300)
	e := &loadEngine{Memory: memory}
	s := index.NewService(e, newNextModel(), index.ServiceOptions{})
	if _, err := s.PlanReembed(t.Context()); err != nil {
		t.Fatal(err)
	}
	var docs iter.Seq2[index.Document, error] = func(yield func(index.Document, error) bool) {
		for d, err := range numbered(1000, 2500, nil) {
			if d.ID == "d1700" { // batches of before may be on their way to be written
				if _, err := s.Reembed(t.Context(), "c", index.ReembedOptions{}); err != nil {
					t.Error(err)
				}
			}
			if !yield(d, err) {
				return
			}
		}
	}
	if _, err := s.PutStream(t.Context(), "c", docs, nil); err != nil {
		t.Fatal(err)
	}
	open := make(map[string]bool)
	last := ""
	for _, event := range e.take() {
		if n, of, ok := strings.Cut(strings.TrimPrefix(event, "load "), " of "); ok {
			open[n], last = true, of
		}
		if n, ok := strings.CutPrefix(event, "end "); ok {
			if !open[n] {
				t.Errorf("load %s ends twice", n)
			}
			delete(open, n)
		}
	}
	if len(open) > 0 || last != "c with model-b" {
		t.Errorf("open in the end: %v; the last one is of %s", open, last)
	}
}
