package local

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"

	"semdex/index"
)

// putIn stores a document in another collection than "c".
func (s *store) putIn(collection, id string, version int) {
	s.Helper()
	c, err := s.e.Open(context.Background(), collection)
	if err != nil {
		s.Fatal(err)
	}
	if err := c.Upsert(context.Background(), []index.Record{testRecord(id, version)}); err != nil {
		s.Fatal(err)
	}
}

// replaced reports whether "c" is what was "d": document a of version 2, where
// the one before has version 1, and both otherwise.
func (s *store) replaced() bool {
	s.Helper()
	_, err := s.e.Open(s.Context(), "d")
	gone := errors.Is(err, index.ErrCollectionNotFound)
	if err != nil && !gone {
		s.Fatal(err)
	}
	if gone {
		s.wantModel(model{"a": 2, "b": 3})
	} else {
		s.wantModel(model{"a": 1})
	}
	return gone
}

// A crash at any step of a replacement leaves the collections as they were or
// the new one in the place of the old, and nothing lies about.
func TestCrashWhileReplacing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	before, after := 0, 0
	for round := range 60 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys := newMemStore(t)
		s.put("a", 1)
		s.create("d")
		s.putIn("d", "a", 2)
		s.putIn("d", "b", 3)
		fsys.fail(1+rng.IntN(24), 1<<30, errCrash)
		err := s.e.Replace(t.Context(), "c", "d")
		s.crash()
		s.o.fsys = fsys.crash(rng)
		if rng.IntN(2) == 0 { // and again while the first crash is mended
			again := s.o.fsys.(*memFS)
			again.fail(1+rng.IntN(12), 1<<30, errCrash)
			if e, err := Open(s.dir, s.o); err == nil {
				_ = e.lock.Close()
				e.queue.Close()
			}
			s.o.fsys = again.crash(rng)
		}
		s.open()
		if done := s.replaced(); err == nil && !done {
			t.Fatalf("round %d: what was acknowledged is lost", round)
		} else if done {
			after++
		} else {
			before++
		}
		names, err := s.o.fsys.ReadDir(filepath.Join(s.dir, collectionsName))
		if err != nil || len(names) != len(s.e.Names()) {
			t.Fatalf("round %d: folders %v, %v for %v", round, names, err, s.e.Names())
		}
		s.put("c", 5)
		s.reopen()
		s.check()
	}
	if before == 0 || after == 0 {
		t.Errorf("%d crashes before it, %d after it", before, after)
	}
}

// A step that fails leaves the old collection, or is made good for by the next
// call.
func TestReplacingOnAFullDisk(t *testing.T) {
	for step := 1; step <= 24; step++ {
		s, fsys := newMemStore(t)
		s.put("a", 1)
		s.create("d")
		s.putIn("d", "a", 2)
		s.putIn("d", "b", 3)
		fsys.fail(step, step, syscall.ENOSPC)
		err := s.e.Replace(t.Context(), "c", "d")
		fsys.heal()
		if c, openErr := s.e.Open(t.Context(), "c"); openErr == nil {
			s.c = c.(*Collection)
		} else {
			t.Fatalf("step %d: %v", step, openErr)
		}
		if done := s.replaced(); err == nil && !done {
			t.Fatalf("step %d: it is said to have happened", step)
		}
		s.put("c", 5)
		s.reopen()
	}
}

// A replacement that cannot be read is put aside; a flipped bit is noticed.
func TestDamagedReplacement(t *testing.T) {
	s, fsys := newMemStore(t)
	s.put("a", 1)
	s.create("d")
	if _, err := s.e.writeReplacement(&replacement{"c", "d", "0011223344556677"}); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(s.dir, replaceName)
	sound, err := fsys.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for at := range sound {
		b := append([]byte(nil), sound...)
		b[at] ^= 1
		if r, err := decodeReplacement(b); err == nil && *r != (replacement{"c", "d", "0011223344556677"}) {
			t.Fatalf("a flipped bit at %d gives %v", at, r)
		}
	}
	fsys.put(name, sound[:len(sound)/2])
	s.reopen()
	s.wantModel(model{"a": 1})
	if _, err := fsys.ReadFile(name + ".damaged"); err != nil {
		t.Error(err)
	}
}
