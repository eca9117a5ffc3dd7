package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"

	"semdex/index"
	"semdex/index/local/vector"
)

func (s *store) setVectors(v index.Vectors) {
	s.Helper()
	if err := s.c.SetVectors(s.Context(), v); err != nil {
		s.Fatal(err)
	}
}

func (s *store) wantVectors(want index.Vectors) {
	s.Helper()
	info, err := s.c.Info(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if info.Settings.Vectors != want {
		s.Errorf("vectors are %q, want %q", info.Settings.Vectors, want)
	}
}

// The way to search vectors is a collection's own, and changing it changes the
// plan: at once to a scan, after the graph has been built to a walk.
func TestVectorsOfACollection(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	s := newStore(t, Options{GraphPassages: 6000})
	s.widen()
	fill(s, rng, 0, 5500)
	want := func(v index.Vectors, plan string, inGraph int) {
		t.Helper()
		s.settle()
		recall, got := s.recall(rng)
		if recall < 0.95 || got != plan || s.inGraph() != inGraph {
			t.Errorf("%s: recall %.3f, plan %q, want %q; %d passages in the graph, want %d", v, recall, got, plan, s.inGraph(), inGraph)
		}
		s.wantVectors(v)
	}
	change := func(v index.Vectors, plan string, inGraph int) {
		t.Helper()
		s.setVectors(v)
		want(v, plan, inGraph)
		s.reopen()
		want(v, plan, inGraph)
	}
	coder := vector.PlanCoder
	if runtime.GOOS == "windows" {
		coder = vector.PlanGraph
	}
	want(index.VectorsAuto, vector.PlanExact, 0)
	change(index.VectorsGraph, vector.PlanGraph, 5500)
	change(index.VectorsCoder, coder, 5500) // one that is there stays
	change(index.VectorsAuto, vector.PlanGraph, 5500)
	change(index.VectorsExact, vector.PlanExact, 0)
	if _, err := os.Stat(s.c.sealedPath()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the graph's file is left: %v", err)
	}
	change(index.VectorsCoder, vector.PlanExact, 0)
	fill(s, rng, 5500, 1000)
	want(index.VectorsCoder, coder, 6500)
	s.check()
}

// Changes come while a graph is being built; the last one counts.
func TestVectorsChangeWhileBuilding(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newStore(t, Options{GraphPassages: 40, CompactPassages: 16})
	m := model{}
	ways := []index.Vectors{index.VectorsAuto, index.VectorsExact, index.VectorsGraph, index.VectorsCoder}
	way := index.VectorsAuto
	for version := 1; version < 250; version++ {
		if _, maybe := s.change(rng, m, version); len(maybe) == 0 {
			continue
		}
		s.wantNearest(rng, m)
		switch rng.IntN(8) {
		case 0:
			way = ways[rng.IntN(len(ways))]
			s.setVectors(way)
		case 1:
			s.reopen()
		}
		s.wantVectors(way)
	}
	s.settle()
	if way == index.VectorsExact && s.inGraph() > 0 {
		t.Errorf("%d passages in a graph that nobody wants", s.inGraph())
	}
}

// A crash at any step leaves the setting as it was or as it should be, and the
// documents as they are; a full disk refuses the change.
func TestCrashWhileVectorsChange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	ways := []index.Vectors{index.VectorsExact, index.VectorsGraph, index.VectorsCoder, index.VectorsAuto}
	for round := range 40 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		m := model{}
		for i := range 6 {
			s.put(string(rune('a'+i)), i+1)
			m[string(rune('a'+i))] = i + 1
		}
		fsys.fail(1+rng.IntN(40), 1<<30, errCrash)
		have, maybe := index.VectorsAuto, index.VectorsAuto
		for i := range 12 {
			maybe = ways[i%len(ways)]
			if err := s.c.SetVectors(t.Context(), maybe); err != nil {
				break
			}
			have = maybe
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		info, err := s.c.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if v := info.Settings.Vectors; v != have && v != maybe {
			t.Fatalf("round %d: vectors are %q, want %q or %q", round, v, have, maybe)
		}
		s.wantModel(m)
		s.check()
	}
	s, fsys := newMemStore(t)
	fsys.fail(1, 3, syscall.ENOSPC)
	if err := s.c.SetVectors(t.Context(), index.VectorsExact); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("full disk: %v", err)
	}
	fsys.heal()
	s.wantVectors(index.VectorsAuto)
	s.put("a", 1)
}

// A backup has the setting, and so has what is restored from it.
func TestVectorsInABackup(t *testing.T) {
	s := newStore(t, Options{})
	s.put("a", 1)
	s.setVectors(index.VectorsExact)
	to := filepath.Join(t.TempDir(), "backup")
	if _, err := WriteBackup(t.Context(), s.dir, "c", to, BackupOptions{}); err != nil {
		t.Fatal(err)
	}
	info, err := s.e.Restore(t.Context(), to, "again", BackupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if info.Settings.Vectors != index.VectorsExact {
		t.Errorf("restored with %q", info.Settings.Vectors)
	}
}

// Documents are written while a setting changes: how they are split never does.
func TestWritesBesideSettings(t *testing.T) {
	s := newStore(t, Options{})
	var changes sync.WaitGroup
	changes.Go(func() {
		for i := range 10 {
			ways := []index.Vectors{index.VectorsExact, index.VectorsGraph}
			if err := s.c.SetVectors(context.Background(), ways[i%2]); err != nil {
				t.Error(err)
			}
		}
	})
	m := model{}
	for i := range 10 {
		m[fmt.Sprint(i)] = i
		s.put(fmt.Sprint(i), i)
	}
	changes.Wait()
	s.wantModel(m)
}
