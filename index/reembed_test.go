package index_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
)

// nextModel is another model than fakeEncoder: all vectors point the other way.
// The hook, if set, runs before each call with the number of the call.
type nextModel struct {
	fakeEncoder
	hook  func(call int) error
	mu    sync.Mutex
	calls int
}

func newNextModel() *nextModel { return &nextModel{fakeEncoder: fakeEncoder{name: "model-b"}} }

func (m *nextModel) EncodePassages(ctx context.Context, texts []string) ([][]float32, error) {
	m.mu.Lock()
	m.calls++
	call := m.calls
	m.mu.Unlock()
	if m.hook != nil {
		if err := m.hook(call); err != nil {
			return nil, err
		}
	}
	return negative(m.fakeEncoder.EncodePassages(ctx, texts))
}

func (m *nextModel) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return negative(m.fakeEncoder.EncodeQueries(ctx, texts))
}

func negative(vectors [][]float32, err error) ([][]float32, error) {
	for _, v := range vectors {
		for i := range v {
			v[i] = -v[i]
		}
	}
	return vectors, err
}

// aged is an engine with a collection "c" of n documents of fakeEncoder's model,
// called "now", too, with synonyms and settings of its own; and what it holds.
func aged(t *testing.T, n int) (*indextest.Memory, map[string]string) {
	t.Helper()
	engine := indextest.NewMemory()
	s := index.NewService(engine, &fakeEncoder{name: "model-a"}, index.ServiceOptions{Vectors: index.VectorsExact})
	want := make(map[string]string)
	var docs []index.Document
	for i := range n {
		d := document(i, 0)
		docs = append(docs, d)
		want[d.ID] = d.Text
	}
	if err := s.Create(t.Context(), "c", index.Settings{Fields: map[string]index.FieldKind{"day": index.Time}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(t.Context(), "c", docs); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SetSynonyms(t.Context(), "c", "car, auto"); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAlias(t.Context(), "now", "c"); err != nil {
		t.Fatal(err)
	}
	return engine, want
}

func document(i, version int) index.Document {
	return index.Document{ID: fmt.Sprint("d", i), Text: fmt.Sprintf("document %d of version%d", i, version), Metadata: map[string]any{"day": "2026-11-29"}}
}

// wantReembedded compares a collection with what it should hold, and every
// vector with the next model's.
func wantReembedded(t *testing.T, s *index.Service, name string, want map[string]string) {
	t.Helper()
	c, err := s.Info(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if c.Settings.Model != "model-b" || c.Settings.Fields["day"] != index.Time || c.Settings.Vectors != index.VectorsExact || c.Synonyms != 1 || c.Reembed != nil {
		t.Errorf("the collection is %+v", c)
	}
	var export strings.Builder
	if _, err := s.Export(t.Context(), name, &export, index.ExportOptions{Vectors: true}); err != nil {
		t.Fatal(err)
	}
	in, err := index.NewExportReader(strings.NewReader(export.String()))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	judge := newNextModel()
	for r, err := range in.Records() {
		if err != nil {
			t.Fatal(err)
		}
		got[r.ID] = r.Text
		vectors, _ := judge.EncodePassages(t.Context(), []string{r.Text})
		if v := r.Passages[0].Vector; v == nil || cosine(v, vectors[0]) < 0.999 {
			t.Errorf("document %s has the vector %v", r.ID, v)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("it holds %d documents, want %d: %v, want %v", len(got), len(want), got, want)
	}
}

func cosine(a, b []float32) float64 {
	var dot, x, y float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		x += float64(a[i]) * float64(a[i])
		y += float64(b[i]) * float64(b[i])
	}
	return dot * dot / (x * y) * sign(dot)
}

func sign(x float64) float64 {
	if x < 0 {
		return -1
	}
	return 1
}

func TestReembed(t *testing.T) {
	engine, want := aged(t, 700)
	next := newNextModel()
	s := index.NewService(engine, next, index.ServiceOptions{})
	var steps []index.Reembedding
	state, err := s.Reembed(t.Context(), "now", index.ReembedOptions{Progress: func(r index.Reembedding) { steps = append(steps, r) }})
	if err != nil || state.Done != 700 || state.Documents != 700 || state.Encoded != 700 || state.Model != "model-b" {
		t.Errorf("%+v, %v", state, err)
	}
	if len(steps) != 3 || steps[0].Done != 256 || steps[2].Done != 700 {
		t.Errorf("progress %+v", steps)
	}
	wantReembedded(t, s, "c", want)
	wantReembedded(t, s, "now", want)
	if infos, err := s.List(t.Context()); err != nil || len(infos) != 1 {
		t.Errorf("collections %+v, %v", infos, err)
	}
	again, err := s.Reembed(t.Context(), "c", index.ReembedOptions{})
	if err != nil || again.Encoded != 0 || len(next.passages) != 700 {
		t.Errorf("once more: %+v, %v", again, err)
	}
}

// With a name the new collection stays beside, and later runs bring it forward.
func TestReembedAs(t *testing.T) {
	engine, want := aged(t, 20)
	old := index.NewService(engine, &fakeEncoder{name: "model-a"}, index.ServiceOptions{})
	s := index.NewService(engine, newNextModel(), index.ServiceOptions{})
	for round, encoded := range []int{20, 2} {
		state, err := s.Reembed(t.Context(), "c", index.ReembedOptions{As: "d"})
		if err != nil || state.Encoded != encoded || state.Into != "d" {
			t.Errorf("round %d: %+v, %v", round, state, err)
		}
		wantReembedded(t, s, "d", want)
		if i, err := s.Info(t.Context(), "c"); err != nil || i.Settings.Model != "model-a" || i.Reembed != nil {
			t.Errorf("round %d: the old one is %+v, %v", round, i, err)
		}
		if round == 0 {
			change, add := document(3, 1), document(50, 1)
			want[change.ID], want[add.ID] = change.Text, add.Text
			delete(want, "d7")
			if _, err := old.Put(t.Context(), "c", []index.Document{change, add}); err != nil {
				t.Fatal(err)
			}
			if _, err := old.Delete(t.Context(), "c", "d7"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for as, want := range map[string]error{"c": index.ErrCollectionExists, "now": index.ErrCollectionExists, "No": index.ErrInvalidName} {
		if _, err := s.Reembed(t.Context(), "c", index.ReembedOptions{As: as}); !errors.Is(err, want) {
			t.Errorf("as %q: %v, want %v", as, err, want)
		}
	}
	if _, err := s.Reembed(t.Context(), "none", index.ReembedOptions{}); !errors.Is(err, index.ErrCollectionNotFound) {
		t.Errorf("no such collection: %v", err)
	}
}

// A run that fails, again and again, goes on where it was: no text is encoded
// twice, and the old collection is there until the new one is whole.
func TestReembedResumes(t *testing.T) {
	engine, want := aged(t, 1000)
	broken := errors.New("broken")
	encoded := 0
	for run := 1; ; run++ {
		next := newNextModel()
		next.hook = func(call int) error {
			if call == 2 && run < 4 {
				return broken
			}
			return nil
		}
		engine = engine.Reopen()
		s := index.NewService(engine, next, index.ServiceOptions{})
		_, err := s.Reembed(t.Context(), "c", index.ReembedOptions{})
		encoded += len(next.passages)
		info, infoErr := s.Info(t.Context(), "c")
		if infoErr != nil {
			t.Fatal(infoErr)
		}
		if err == nil {
			wantReembedded(t, s, "c", want)
			break
		}
		if !errors.Is(err, broken) || info.Settings.Model != "model-a" || info.Reembed == nil || info.Reembed.Failed == "" {
			t.Fatalf("run %d: %v, %+v", run, err, info)
		}
	}
	if encoded != 1000 {
		t.Errorf("%d texts were encoded for 1000 documents", encoded)
	}
}

// While it is under way searches answer from keywords and say so, documents are
// taken, and nothing of what was acknowledged is missing afterwards.
func TestReembedUnderTraffic(t *testing.T) {
	engine, want := aged(t, 600)
	next := newNextModel()
	s := index.NewService(engine, next, index.ServiceOptions{})
	ctx := t.Context()
	if _, err := s.Put(ctx, "c", []index.Document{document(1, 1)}); !errors.Is(err, index.ErrModelMismatch) {
		t.Errorf("a document before it is planned: %v", err)
	}
	names, err := s.PlanReembed(ctx)
	if err != nil || !slices.Equal(names, []string{"c"}) {
		t.Fatalf("plan: %v, %v", names, err)
	}
	next.hook = func(call int) error {
		if call > 12 { // these are calls of the last passes, too
			return nil
		}
		info, err := s.Info(ctx, "now")
		if err != nil || info.Reembed == nil || info.Reembed.Documents == 0 {
			t.Errorf("call %d: info %+v, %v", call, info, err)
		}
		r, err := s.Search(ctx, "now", index.Query{Text: "document"})
		if err != nil || len(r.Hits) == 0 || !strings.Contains(r.Stats.Degraded, "embedded with another model") {
			t.Errorf("call %d: %+v, %v", call, r.Stats, err)
		}
		if _, err := s.Search(ctx, "c", index.Query{Text: "document", Mode: index.DenseOnly}); !errors.Is(err, index.ErrModelMismatch) {
			t.Errorf("call %d: dense search: %v", call, err)
		}
		if call > 3 {
			return nil
		}
		var docs []index.Document
		for i := range 100 { // some were carried over already, some not, some are new
			d := document(i*8+call, call)
			docs = append(docs, d)
			want[d.ID] = d.Text
		}
		got, err := s.Put(ctx, "now", docs)
		if err != nil || got.Created+got.Updated != 100 {
			t.Errorf("call %d: %+v, %v", call, got, err)
		}
		if got, err = s.Put(ctx, "now", append(docs, document(599, 0))); err != nil || got.Unchanged != 101 {
			t.Errorf("call %d: the same again: %+v, %v", call, got, err)
		}
		for _, id := range []string{fmt.Sprint("d", call), fmt.Sprint("d", 400+call*3)} {
			delete(want, id)
			if _, err := s.Delete(ctx, "c", id); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	if _, err := s.Reembed(ctx, "c", index.ReembedOptions{}); err != nil {
		t.Fatal(err)
	}
	wantReembedded(t, s, "now", want)
	r, err := s.Search(ctx, "now", index.Query{Text: "document"})
	if err != nil || r.Stats.Degraded != "" || r.Stats.Mode != index.Hybrid {
		t.Errorf("afterwards: %+v, %v", r.Stats, err)
	}
	if names, err := s.PlanReembed(ctx); err != nil || len(names) > 0 {
		t.Errorf("there is more to do: %v, %v", names, err)
	}
}

// A stream that began before the new collection takes its place goes on into it.
func TestStreamAcrossReembed(t *testing.T) {
	engine, want := aged(t, 300)
	s := index.NewService(engine, newNextModel(), index.ServiceOptions{})
	if _, err := s.PlanReembed(t.Context()); err != nil {
		t.Fatal(err)
	}
	var stream iter.Seq2[index.Document, error] = func(yield func(index.Document, error) bool) {
		for i := range 1500 {
			if i == 700 { // batches of before may be on their way to be written
				if _, err := s.Reembed(t.Context(), "c", index.ReembedOptions{}); err != nil {
					t.Error(err)
				}
			}
			d := document(i, 2)
			want[d.ID] = d.Text
			if !yield(d, nil) {
				return
			}
		}
	}
	result, err := s.PutStream(t.Context(), "now", stream, nil)
	if err != nil || result.Created+result.Updated+result.Unchanged != 1500 {
		t.Errorf("%+v, %v", result, err)
	}
	wantReembedded(t, s, "c", want)
}

// Writers, readers and the run itself side by side.
func TestReembedConcurrently(t *testing.T) {
	engine, want := aged(t, 400)
	s := index.NewService(engine, newNextModel(), index.ServiceOptions{})
	if _, err := s.PlanReembed(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var mu sync.Mutex
	var g sync.WaitGroup
	for w := range 3 {
		g.Go(func() {
			for i := 0; ; i++ {
				d := document(w+3*(i%200), i+1)
				if _, err := s.Put(context.Background(), "now", []index.Document{d}); err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				want[d.ID] = d.Text
				mu.Unlock()
				if _, err := s.Search(context.Background(), "now", index.Query{Text: "document"}); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	_, err := s.Reembed(t.Context(), "c", index.ReembedOptions{})
	close(done)
	g.Wait()
	if err != nil {
		t.Fatal(err)
	}
	wantReembedded(t, s, "c", want)
}
