package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"testing"

	"semdex/index"
)

func (s *store) backup(fsys fileSystem, dest string) (*Backup, error) {
	return WriteBackup(context.Background(), s.dir, "c", dest, BackupOptions{fsys: fsys})
}

// restored restores a backup as another collection and gives it to see.
func (s *store) restored(dir, name string) *Collection {
	s.Helper()
	if _, err := s.e.Restore(context.Background(), dir, name, BackupOptions{}); err != nil {
		s.Fatal(err)
	}
	c, err := s.e.Open(context.Background(), name)
	if err != nil {
		s.Fatal(err)
	}
	return c.(*Collection)
}

// A backup that is taken while a writer goes on, with its log rolled and
// compacted all the time, holds the state after one of its writes, and no
// earlier one than was acknowledged before.
func TestBackupWhileWriting(t *testing.T) {
	s := newStore(t, Options{FileBytes: 2 << 10, CompactBytes: 1 << 10, CompactPassages: 8})
	var acknowledged atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	twenty := make(chan struct{}, 100) // more are acknowledged
	id := func(version int) string { return fmt.Sprint(version * 7 % 10) }
	go func() {
		defer close(stopped)
		for version := 1; ; version++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := s.c.Upsert(context.Background(), []index.Record{testRecord(id(version), version)}); err != nil {
				t.Error(err)
				return
			}
			acknowledged.Store(int64(version))
			if version%20 == 0 {
				select {
				case twenty <- struct{}{}:
				default:
				}
			}
		}
	}()
	for round := range 8 {
		select {
		case <-twenty:
		case <-stopped:
			t.FailNow()
		}
		before := int(acknowledged.Load())
		dest := filepath.Join(t.TempDir(), "backup")
		if _, err := s.backup(nil, dest); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		name := fmt.Sprint("r", round)
		c := s.restored(dest, name)
		have := stored(c)
		info, err := c.Info(t.Context())
		if err != nil || info.Documents != min(10, before) && info.Documents != 10 {
			t.Fatalf("round %d: %+v, %v", round, info, err)
		}
		want := model{} // of which stored sees the lower byte of each version

		for version := before; ; version++ {
			clear(want)
			for v := max(1, version-9); v <= version; v++ {
				want[id(v)] = v & 0xff
			}
			if maps.Equal(want, have) {
				break
			}
			if version > int(acknowledged.Load())+1 {
				t.Fatalf("round %d: %v is no state since %d", round, have, before)
			}
		}
		if err := s.e.Drop(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-stopped
}

// memBackup is a store in memory with a few files, which nothing in the
// background changes any more, and a backup of it.
func memBackup(t *testing.T) (s *store, fsys *memFS, dest string, m model) {
	t.Helper()
	s, fsys = newMemStore(t)
	m = model{}
	rng := rand.New(rand.NewPCG(1, 1))
	for version := 1; version < 12; version++ {
		if ok, _ := s.change(rng, m, version); !ok {
			t.Fatal("a change failed")
		}
	}
	s.settle()
	dest = filepath.Join(s.dir, "backup")
	if _, err := s.backup(fsys, dest); err != nil {
		t.Fatal(err)
	}
	return s, fsys, dest, m
}

// A backup comes back under its own or another name, in this folder or another.
func TestBackupAndRestore(t *testing.T) {
	s, fsys, dest, m := memBackup(t)
	s.put("later", 99)
	if problem := compareModel(s.restored(dest, "d"), m); problem != "" {
		t.Error(problem)
	}
	if _, err := s.e.Restore(t.Context(), dest, "", BackupOptions{}); !errors.Is(err, index.ErrCollectionExists) {
		t.Errorf("restore over what is there: %v", err)
	}
	s.setAlias("x", "c")
	if _, err := s.e.Restore(t.Context(), dest, "x", BackupOptions{}); !errors.Is(err, index.ErrCollectionExists) {
		t.Errorf("restore over an alias: %v", err)
	}
	if _, err := s.e.Restore(t.Context(), dest, "../x", BackupOptions{}); !errors.Is(err, index.ErrInvalidName) {
		t.Errorf("restore with an odd name: %v", err)
	}
	if _, err := s.backup(fsys, dest); err == nil {
		t.Error("a backup into a folder that is not empty")
	}
	if b, err := WriteBackup(t.Context(), s.dir, "x", dest+"2", BackupOptions{fsys: fsys}); err != nil || b.Collection != "c" {
		t.Errorf("a backup by alias: %+v, %v", b, err)
	}
	if _, err := WriteBackup(t.Context(), s.dir, "none", dest+"3", BackupOptions{fsys: fsys}); !errors.Is(err, index.ErrCollectionNotFound) {
		t.Errorf("a backup of nothing: %v", err)
	}
	s.reopen()
	c, err := s.e.Open(t.Context(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Upsert(t.Context(), []index.Record{testRecord("new", 3)}); err != nil { // it is a collection like any other
		t.Error(err)
	}
}

// A backup of which a file is missing, was cut or has a flipped bit, is refused.
func TestDamagedBackup(t *testing.T) {
	s, fsys, dest, m := memBackup(t)
	names, err := fsys.ReadDir(dest)
	if err != nil || len(names) < 3 {
		t.Fatalf("%q, %v", names, err)
	}
	refused := func(what string, mayPass bool) {
		t.Helper()
		info, err := s.e.Restore(t.Context(), dest, "d", BackupOptions{})
		if err == nil && !mayPass {
			t.Fatalf("%s: restored %+v", what, info)
		}
		if err == nil {
			c, _ := s.e.Open(t.Context(), "d")
			if problem := compareModel(c.(*Collection), m); problem != "" {
				t.Fatalf("%s: %s", what, problem)
			}
			if err := s.e.Drop(t.Context(), "d"); err != nil {
				t.Fatal(err)
			}
			return
		}
		if !errors.Is(err, ErrBackup) && !errors.Is(err, index.ErrNewerFormat) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	for _, name := range names {
		path := filepath.Join(dest, name)
		sound, err := fsys.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		step := max(1, len(sound)/60)
		for at := 0; at < len(sound); at += step {
			b := append([]byte(nil), sound...)
			b[at] ^= 1 << (at % 8)
			fsys.put(path, b)
			refused(name, name == backupName) // of which white space and the case of names do not matter
			fsys.put(path, sound[:at])
			refused(name+" cut", name == backupName && at == len(sound)-1) // the end of its line
		}
		fsys.put(path, append(sound[:len(sound):len(sound)], 0))
		refused(name+" with more", false)
		if err := fsys.Remove(path); err != nil {
			t.Fatal(err)
		}
		refused(name+" missing", false)
		fsys.put(path, sound)
	}
}

// A damaged collection is not backed up, and nothing is left of the attempt.
func TestBackupOfADamagedCollection(t *testing.T) {
	s, fsys, _, _ := memBackup(t)
	first := s.c.files[0].path
	b, err := fsys.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	sound := append([]byte(nil), b...)
	b[len(b)/2] ^= 1
	fsys.put(first, b)
	dest := filepath.Join(s.dir, "other")
	if _, err := s.backup(fsys, dest); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if left, _ := fsys.ReadDir(dest); len(left) > 0 {
		t.Errorf("it leaves %q", left)
	}
	fsys.put(first, sound)
	s.reopen()
}

// A crash at any step of a backup leaves one that is refused, or a whole one;
// one that was reported done is whole.
func TestCrashWhileBackingUp(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 24 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys, _, m := memBackup(t)
		dest := filepath.Join(s.dir, "other")
		fsys.fail(1+rng.IntN(30), 1<<30, errCrash)
		_, backupErr := s.backup(fsys, dest)
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		_, err := s.e.Restore(t.Context(), dest, "d", BackupOptions{})
		if err != nil && (backupErr == nil || !errors.Is(err, ErrBackup)) {
			t.Fatalf("round %d: backup %v, restore %v", round, backupErr, err)
		}
		if err == nil {
			c, _ := s.e.Open(t.Context(), "d")
			if problem := compareModel(c.(*Collection), m); problem != "" {
				t.Fatalf("round %d: %s", round, problem)
			}
		}
	}
}

// A crash at any step of a restore leaves no collection or a whole one.
func TestCrashWhileRestoring(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for round := range 24 {
		rng := rand.New(rand.NewPCG(seed, uint64(round)))
		s, fsys, dest, m := memBackup(t)
		fsys.fail(1+rng.IntN(25), 1<<30, errCrash)
		_, restoreErr := s.e.Restore(t.Context(), dest, "d", BackupOptions{})
		s.crash()
		s.o.fsys = fsys.crash(rng)
		s.open()
		c, err := s.e.Open(t.Context(), "d")
		if err != nil && (restoreErr == nil || !errors.Is(err, index.ErrCollectionNotFound)) {
			t.Fatalf("round %d: restore %v, open %v", round, restoreErr, err)
		}
		if err == nil {
			if problem := compareModel(c.(*Collection), m); problem != "" {
				t.Fatalf("round %d: %s", round, problem)
			}
		}
		s.check()
	}
}
