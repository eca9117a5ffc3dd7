package local

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"semdex/index"
)

// hashModel is an encoder of testDims values; hook, if set, runs before each call.
type hashModel struct {
	name string
	hook func()
}

func (m *hashModel) Dims() int           { return testDims }
func (m *hashModel) Fingerprint() string { return m.name }

func (m *hashModel) EncodePassages(_ context.Context, texts []string) ([][]float32, error) {
	if m.hook != nil {
		m.hook()
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		h := fnv.New64a()
		fmt.Fprint(h, m.name, text)
		rng := rand.New(rand.NewPCG(h.Sum64(), 0))
		out[i] = make([]float32, testDims)
		for j := range out[i] {
			out[i][j] = float32(rng.NormFloat64())
		}
	}
	return out, nil
}

func (m *hashModel) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return m.EncodePassages(ctx, texts)
}

// A crash at any step of a run that goes on among writes loses none that was
// acknowledged; the next run ends with one collection of the new model, which has
// them all.
func TestCrashWhileReembedding(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	crashed := 0
	for round := range 30 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		if err := s.e.Drop(t.Context(), "c"); err != nil {
			t.Fatal(err)
		}
		want := make(map[string]string)
		put := func(service *index.Service, n int) error {
			d := index.Document{ID: fmt.Sprint(rng.IntN(40)), Text: fmt.Sprintf("text %d of round %d", n, round)}
			_, err := service.Put(context.Background(), "c", []index.Document{d})
			if err == nil {
				want[d.ID] = d.Text
			}
			return err
		}
		old := index.NewService(s.e, &hashModel{name: "old"}, index.ServiceOptions{})
		for n := range 25 {
			if err := put(old, n); err != nil {
				t.Fatal(err)
			}
		}
		unsure := false // whether the last write, which was not acknowledged, happened
		run := func() error {
			next := &hashModel{name: "next"}
			service := index.NewService(s.e, next, index.ServiceOptions{})
			if _, err := service.PlanReembed(t.Context()); err != nil {
				return err
			}
			calls := 0
			next.hook = func() {
				if calls++; calls > 1 || unsure {
					return
				}
				for n := range 3 { // in the first pass: writes wait for the last one
					id := fmt.Sprint(rng.IntN(40))
					if err := put(service, 100*calls+n); err != nil {
						unsure = true
						return
					}
					if _, err := service.Delete(context.Background(), "c", id); err != nil {
						unsure = true
						return
					}
					delete(want, id)
				}
			}
			_, err := service.Reembed(t.Context(), "c", index.ReembedOptions{})
			return err
		}
		fsys.fail(1+rng.IntN(150), 1<<30, errCrash)
		if err := run(); err != nil {
			crashed++
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		sure := !unsure
		unsure = false
		if err := run(); err != nil {
			t.Fatalf("round %d: the next run: %v", round, err)
		}
		s.current()
		if names := s.e.Names(); len(names) != 1 {
			t.Fatalf("round %d: collections %v", round, names)
		}
		info, err := s.c.Info(t.Context())
		if err != nil || info.Settings.Model != "next" {
			t.Fatalf("round %d: %+v, %v", round, info, err)
		}
		missing := 0
		for id, text := range want {
			if d, err := s.c.Get(t.Context(), id); errors.Is(err, index.ErrDocumentNotFound) || err == nil && d.Text != text {
				missing++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		// A write that was not acknowledged may have happened, a deletion too.
		if missing > 1 || missing > 0 && sure || info.Documents > len(want)+1 || info.Documents != len(want) && sure {
			t.Fatalf("round %d: %d of %d documents are missing or of before, there are %d", round, missing, len(want), info.Documents)
		}
		s.check()
	}
	if crashed == 0 {
		t.Error("no run met a crash")
	}
}

// current takes the collection that has the name now.
func (s *store) current() {
	s.Helper()
	c, err := s.e.Open(s.Context(), "c")
	if err != nil {
		s.Fatal(err)
	}
	s.c = c.(*Collection)
}
