package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"syscall"
	"testing"

	"semdex/index"
)

// newMemStore is a store whose log is in memory and is rolled and compacted
// all the time.
func newMemStore(t *testing.T) (*store, *memFS) {
	fsys := newMemFS()
	return newStore(t, Options{FileBytes: 1200, CompactBytes: 600, CompactPassages: 4, GraphPassages: 6, TextPassages: 6, fsys: fsys}), fsys
}

// change makes a random change of the collection and of the model. It reports
// what the model may be when the change was not acknowledged.
func (s *store) change(rng *rand.Rand, m model, version int) (acknowledged bool, maybe model) {
	maybe = maps.Clone(m)
	ctx := context.Background()
	id := func() string { return fmt.Sprint(rng.IntN(12)) }
	var err error
	if rng.IntN(4) == 0 {
		ids := []string{id(), id()}
		for _, id := range ids {
			delete(maybe, id)
		}
		_, err = s.c.Delete(ctx, ids)
	} else {
		var records []index.Record
		for range 1 + rng.IntN(3) {
			r := testRecord(id(), version)
			maybe[r.ID] = version
			records = append(records, r)
		}
		err = s.c.Upsert(ctx, records)
	}
	if err != nil {
		return false, maybe
	}
	clear(m)
	maps.Copy(m, maybe)
	return true, m
}

// A crash at any step of the log's life, with any of the states that it may
// leave, loses nothing that was acknowledged.
func TestCrashAtEveryStep(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const steps = 120 // several rolls and compactions, and a graph
	for round := range steps {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		m, maybe := model{}, model{}
		fsys.fail(1+round, 1<<30, errCrash)
		acknowledged := true
		for version := 1; acknowledged && version < 60; version++ {
			acknowledged, maybe = s.change(rng, m, version)
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		if a, b := compareModel(s.c, m), compareModel(s.c, maybe); a != "" && b != "" {
			t.Fatalf("round %d: neither what was acknowledged: %s\nnor with the last change: %s", round, a, b)
		}
		s.check()
		s.put("after", 1)
		s.reopen()
		s.check()
	}
}

// A step that fails leaves the collection as it was, or read-only; searches go
// on, and reopening gives what was acknowledged.
func TestFailingSteps(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 60 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		m := model{}
		from := 1 + rng.IntN(100)
		fsys.fail(from, from+rng.IntN(3), syscall.ENOSPC)
		maybes := []model{m}
		for version := 1; version < 40; version++ {
			acknowledged, maybe := s.change(rng, m, version)
			if acknowledged {
				maybes = []model{m}
				continue
			}
			maybes = append(maybes, maybe)
			if problem := compareModel(s.c, m); problem != "" {
				t.Fatalf("round %d, after an error: %s", round, problem)
			}
		}
		fsys.heal()
		s.reopen()
		var problem string
		for _, maybe := range maybes {
			if problem = compareModel(s.c, maybe); problem == "" {
				break
			}
		}
		if problem != "" {
			t.Fatalf("round %d, reopened: %s", round, problem)
		}
		s.check()
	}
}

// A full disk refuses a write and nothing more; when there is room again,
// writing goes on. A failed fsync makes the collection read-only.
func TestFullDiskAndFailedSync(t *testing.T) {
	fsys := newMemFS()
	s := newStore(t, Options{fsys: fsys})
	s.put("a", 1)
	m := model{"a": 1}
	ctx := t.Context()
	size := s.c.active().size

	fsys.fail(1, 1, syscall.ENOSPC)
	if err := s.c.Upsert(ctx, []index.Record{testRecord("b", 2)}); !errors.Is(err, syscall.ENOSPC) || errors.Is(err, index.ErrReadOnly) {
		t.Errorf("full disk: %v", err)
	}
	if n, _ := s.c.active().f.Size(); n != size {
		t.Errorf("half a write is left: %d bytes, want %d", n, size)
	}
	s.wantModel(m)
	s.put("b", 3)
	m["b"] = 3

	fsys.fail(2, 2, syscall.EIO)
	for range 2 {
		err := s.c.Upsert(ctx, []index.Record{testRecord("c", 4)})
		if !errors.Is(err, index.ErrReadOnly) || !errors.Is(err, syscall.EIO) {
			t.Errorf("failed fsync: %v", err)
		}
	}
	if _, err := s.c.Delete(ctx, []string{"a"}); !errors.Is(err, index.ErrReadOnly) {
		t.Errorf("delete while read-only: %v", err)
	}
	s.wantModel(m)
	if r, err := s.c.Check(ctx); err != nil || len(r.Problems) != 1 {
		t.Errorf("check while read-only: %+v, %v", r, err)
	}
	s.reopen()
	s.wantModel(m)
	s.put("c", 5)
}

// Creating and dropping happen wholly or not at all.
func TestCrashWhileCreatingAndDropping(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 40 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		s.put("a", 1)
		fsys.fail(1+rng.IntN(16), 1<<30, errCrash)
		_, createErr := s.e.Create(t.Context(), "new", testSettings)
		dropErr := errors.New("not tried")
		if createErr == nil {
			dropErr = s.e.Drop(t.Context(), "c")
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		names := s.e.Names()
		has := map[string]bool{}
		for _, n := range names {
			has[n] = true
			if _, err := s.e.Open(t.Context(), n); err != nil {
				t.Fatalf("round %d: %q: %v", round, n, err)
			}
		}
		if createErr == nil && !has["new"] {
			t.Fatalf("round %d: the new collection is lost", round)
		}
		if dropErr == nil && has["c"] {
			t.Fatalf("round %d: the dropped collection is back", round)
		}
		if createErr != nil && !has["c"] {
			t.Fatalf("round %d: a collection is lost", round)
		}
		if has["c"] {
			s.wantModel(model{"a": 1})
		}
	}
}
