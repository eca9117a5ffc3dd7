package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"semdex/index"
)

// leads is the collection that an alias leads to, "" for none.
func (s *store) leads(alias string) string {
	s.Helper()
	c, err := s.e.Open(context.Background(), alias)
	if errors.Is(err, index.ErrCollectionNotFound) {
		return ""
	}
	if err != nil {
		s.Fatal(err)
	}
	return c.(*Collection).name
}

func (s *store) create(name string) {
	s.Helper()
	if _, err := s.e.Create(s.Context(), name, testSettings); err != nil {
		s.Fatal(err)
	}
}

func (s *store) setAlias(alias, collection string) {
	s.Helper()
	if err := s.e.SetAlias(s.Context(), alias, collection); err != nil {
		s.Fatal(err)
	}
}

// A crash at any step of changing aliases leaves them as they were before the
// change or as they are after it; what was acknowledged is there.
func TestCrashWhileAliasesChange(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 25 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		s.create("d")
		want := map[string]string{"x": "c"}
		s.setAlias("x", "c")
		fsys.fail(1+rng.IntN(30), 1<<30, errCrash)
		var alias, maybe string
		for range 12 {
			alias, maybe = []string{"x", "y"}[rng.IntN(2)], []string{"c", "d", ""}[rng.IntN(3)]
			var err error
			switch {
			case maybe != "":
				err = s.e.SetAlias(t.Context(), alias, maybe)
			case want[alias] == "":
				continue
			default:
				err = s.e.DeleteAlias(t.Context(), alias)
			}
			if err != nil {
				break
			}
			want[alias] = maybe
			alias = ""
		}
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		for _, a := range []string{"x", "y"} {
			if got := s.leads(a); got != want[a] && (a != alias || got != maybe) {
				t.Fatalf("round %d: %q leads to %q, want %q (changing %q to %q)", round, a, got, want[a], alias, maybe)
			}
		}
		s.setAlias("x", "d") // a leftover is in nobody's way
	}
}

// A full disk leaves an alias where it was.
func TestAliasOnAFullDisk(t *testing.T) {
	s, fsys := newMemStore(t)
	s.create("d")
	s.setAlias("x", "c")
	for step := 1; step <= 4; step++ { // until the rename
		fsys.fail(step, step, syscall.ENOSPC)
		if err := s.e.SetAlias(t.Context(), "x", "d"); err == nil {
			break
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		if got := s.leads("x"); got != "c" {
			t.Fatalf("step %d: it leads to %q", step, got)
		}
	}
	fsys.heal()
	s.setAlias("x", "d")
	s.reopen()
	if got := s.leads("x"); got != "d" {
		t.Errorf("it leads to %q", got)
	}
}

// Aliases that cannot be read are an error for those who need one, and nobody
// else.
func TestDamagedAliases(t *testing.T) {
	s, fsys := newMemStore(t)
	s.setAlias("x", "c")
	s.put("a", 1)
	name := filepath.Join(s.dir, aliasesName)
	sound, err := fsys.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range sound {
		b := append([]byte(nil), sound...)
		b[at] ^= 1
		fsys.put(name, b)
		table, err := readAliases(fsys, s.dir)
		if err == nil && table["x"] != "c" {
			t.Fatalf("a flipped bit at %d gives %v", at, table)
		}
	}
	fsys.put(name, sound[:len(sound)/2])
	s.reopen()
	s.wantModel(model{"a": 1})
	_, err = s.e.Open(t.Context(), "x")
	if !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	if err := s.e.SetAlias(t.Context(), "y", "c"); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("set: %v", err)
	}
	if _, err := s.e.Aliases(t.Context()); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("list: %v", err)
	}
}

// Readers and writers see one collection or the other while an alias moves.
func TestAliasMovesUnderReaders(t *testing.T) {
	s := newStore(t, Options{})
	s.put("a", 1)
	s.create("d")
	d, err := s.e.Open(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Upsert(t.Context(), []index.Record{testRecord("a", 2)}); err != nil {
		t.Fatal(err)
	}
	s.setAlias("x", "c")
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				c, err := s.e.Open(context.Background(), "x")
				if err != nil {
					t.Error(err)
					return
				}
				if have, err := c.Contents(context.Background(), []string{"a"}); err != nil || len(have) != 1 {
					t.Errorf("contents %v, %v", have, err)
					return
				}
			}
		})
	}
	for i := range 60 {
		s.setAlias("x", []string{"d", "c"}[i%2])
	}
	close(stop)
	readers.Wait()
}
