package local

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"semdex/index"
)

// history is a collection whose state after every batch is known.
type history struct {
	dir    string // of the collection
	fsys   *memFS
	ends   []int64
	states []model // after as many batches
	log    []byte
}

// newHistory writes some batches. Clean says that the collection was closed, so
// that the manifest knows how long the log is.
func newHistory(t *testing.T, clean bool) *history {
	fsys := newMemFS()
	s := newStore(t, Options{fsys: fsys})
	h := &history{dir: s.c.dir, fsys: fsys, ends: []int64{s.c.active().size}, states: []model{{}}}
	m := model{}
	note := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		h.ends = append(h.ends, s.c.active().size)
		h.states = append(h.states, maps.Clone(m))
	}
	ctx := t.Context()
	m["a"], m["b"] = 1, 2
	note(s.c.Upsert(ctx, []index.Record{testRecord("a", 1), testRecord("b", 2)}))
	m["a"] = 3
	note(s.c.Upsert(ctx, []index.Record{testRecord("a", 3)}))
	delete(m, "b")
	_, err := s.c.Delete(ctx, []string{"b"})
	note(err)
	m["c"], m["d"] = 4, 5
	note(s.c.Upsert(ctx, []index.Record{testRecord("c", 4), testRecord("d", 5)}))
	if clean {
		s.close()
	} else {
		s.crash()
	}
	h.log, err = fsys.ReadFile(filepath.Join(h.dir, logName(1)))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// recoverLog recovers the collection with other content in its log.
func (h *history) recoverLog(t *testing.T, log []byte) (*Collection, error) {
	t.Helper()
	h.fsys.put(filepath.Join(h.dir, logName(1)), log)
	return h.recover()
}

func (h *history) recover() (*Collection, error) {
	o := Options{Logger: quiet(), fsys: h.fsys}.withDefaults()
	c := &Collection{engine: &Engine{}, name: "c", dir: h.dir, o: o, log: o.Logger}
	err := c.recover()
	return c, errors.Join(err, c.closeFiles())
}

// stored is the model that a recovered collection, without legs, holds.
func stored(c *Collection) model {
	m := model{}
	for id, n := range c.state.byID {
		m[id] = int(c.state.docs[n].content[0])
	}
	return m
}

// A log that a crash cut at any byte gives the batches before the cut; one that
// was closed and then cut is damaged.
func TestTruncatedAtEveryByte(t *testing.T) {
	h := newHistory(t, false)
	for n := range len(h.log) + 1 {
		c, err := h.recoverLog(t, h.log[:n])
		if n < fileHeaderSize {
			if !errors.Is(err, index.ErrCorrupt) {
				t.Fatalf("cut at %d: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %d: %v", n, err)
		}
		h.wantPrefix(t, c, int64(n))
	}
	h = newHistory(t, true)
	for n := range h.log {
		if _, err := h.recoverLog(t, h.log[:n]); !errors.Is(err, index.ErrCorrupt) {
			t.Fatalf("cut at %d after closing: %v", n, err)
		}
	}
}

// wantPrefix checks that the collection holds the batches that end at n or
// before, and that the log was cut there.
func (h *history) wantPrefix(t *testing.T, c *Collection, n int64) {
	t.Helper()
	batches, _ := slices.BinarySearch(h.ends, n+1)
	batches--
	if got := stored(c); !maps.Equal(got, h.states[batches]) {
		t.Fatalf("cut at %d: %v, want %v", n, got, h.states[batches])
	}
	log, err := h.fsys.ReadFile(filepath.Join(h.dir, logName(1)))
	if err != nil || int64(len(log)) != h.ends[batches] {
		t.Fatalf("cut at %d: the log has %d bytes, %v, want %d", n, len(log), err, h.ends[batches])
	}
}

// Sectors of the last batch that were never written read as zeros. Whichever
// they are, the batch is dropped; zeros in batches before it are damage.
func TestUnwrittenSectors(t *testing.T) {
	h := newHistory(t, false)
	last := h.ends[len(h.ends)-2]
	for from := int64(fileHeaderSize); from < int64(len(h.log)); from++ {
		to := min((from/sector+1)*sector, int64(len(h.log)))
		if from != last && from%sector != 0 {
			continue // a write begins at the last batch or at a sector
		}
		log := slices.Clone(h.log)
		clear(log[from:to])
		c, err := h.recoverLog(t, log)
		if from < last && !errors.Is(err, index.ErrCorrupt) {
			t.Errorf("zeros from %d to %d, before the last batch at %d: %v", from, to, last, err)
		}
		if from >= last {
			if err != nil {
				t.Fatalf("zeros from %d to %d: %v", from, to, err)
			}
			h.wantPrefix(t, c, last)
		}
	}
	// The file was made longer, and nothing else was written.
	c, err := h.recoverLog(t, append(slices.Clone(h.log), make([]byte, 3000)...))
	if err != nil {
		t.Fatal(err)
	}
	h.wantPrefix(t, c, int64(len(h.log)))
}

// Any flipped bit of a log is damage that names the file, never fewer documents.
func TestEveryFlippedBitOfALog(t *testing.T) {
	for _, clean := range []bool{false, true} {
		h := newHistory(t, clean)
		for i := range h.log {
			for bit := range 8 {
				h.log[i] ^= 1 << bit
				if _, err := h.recoverLog(t, h.log); !errors.Is(err, index.ErrCorrupt) && !errors.Is(err, index.ErrNewerFormat) {
					t.Fatalf("bit %d of byte %d, clean %v: %v", bit, i, clean, err)
				}
				h.log[i] ^= 1 << bit
			}
		}
	}
}

// A flipped bit of a manifest is damage, or changes nothing.
func TestEveryFlippedBitOfAManifest(t *testing.T) {
	h := newHistory(t, true)
	name := filepath.Join(h.dir, manifestName)
	b, err := h.fsys.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			h.fsys.put(name, b)
			c, err := h.recover()
			b[i] ^= 1 << bit
			if errors.Is(err, index.ErrCorrupt) || errors.Is(err, index.ErrNewerFormat) {
				continue
			}
			if err != nil || !maps.Equal(stored(c), h.states[len(h.states)-1]) {
				t.Fatalf("bit %d of byte %d: %v", bit, i, err)
			}
		}
	}
}

// Files that are missing, longer, of another collection, or of other order.
func TestWrongFiles(t *testing.T) {
	build := func(t *testing.T) *history {
		fsys := newMemFS()
		s := newStore(t, Options{FileBytes: 200, CompactBytes: 1 << 30, fsys: fsys})
		for i := range 6 {
			s.put(fmt.Sprint(i), i)
		}
		s.close()
		return &history{dir: s.c.dir, fsys: fsys}
	}
	file := func(h *history, n uint32) string { return filepath.Join(h.dir, logName(n)) }
	for name, damage := range map[string]func(h *history) error{
		"missing":  func(h *history) error { return h.fsys.Remove(file(h, 2)) },
		"longer":   func(h *history) error { return h.edit(file(h, 2), func(b []byte) []byte { return append(b, 1, 2, 3) }) },
		"manifest": func(h *history) error { return h.fsys.Remove(filepath.Join(h.dir, manifestName)) },
		"swapped": func(h *history) error {
			return errors.Join(h.fsys.Rename(file(h, 2), file(h, 9)), h.fsys.Rename(file(h, 3), file(h, 2)), h.fsys.Rename(file(h, 9), file(h, 3)))
		},
		"foreign": func(h *history) error {
			other := build(t)
			b, err := other.fsys.ReadFile(file(other, 2))
			h.fsys.put(file(h, 2), b)
			return err
		},
	} {
		h := build(t)
		if err := damage(h); err != nil {
			t.Fatal(err)
		}
		if _, err := h.recover(); !errors.Is(err, index.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (h *history) edit(name string, f func([]byte) []byte) error {
	b, err := h.fsys.ReadFile(name)
	h.fsys.put(name, f(b))
	return err
}

// A damaged collection says so and can be dropped; the others go on.
func TestDamageIsReported(t *testing.T) {
	s := newStore(t, Options{})
	s.put("a", 1)
	if _, err := s.e.Create(t.Context(), "sound", testSettings); err != nil {
		t.Fatal(err)
	}
	s.close()
	name := filepath.Join(s.dir, collectionsName, folderPrefix+"c", logName(1))
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.e, err = Open(s.dir, s.o); err != nil {
		t.Fatal(err)
	}
	reports, err := s.e.Check(t.Context())
	if err != nil || len(reports) != 2 || len(reports[0].Problems) != 1 || len(reports[1].Problems) != 0 {
		t.Errorf("%+v, %v", reports, err)
	}
	if _, err := s.e.Open(t.Context(), "c"); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
	if err := s.e.Drop(t.Context(), "c"); err != nil {
		t.Error(err)
	}
}

// What is damaged while the collection is open is found by Check.
func TestCheckFindsDamage(t *testing.T) {
	s := newStore(t, Options{})
	s.put("a", 1)
	s.put("b", 2)
	f, err := os.OpenFile(s.c.active().path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	at := s.c.active().size - 100
	var old [1]byte
	if _, err := f.ReadAt(old[:], at); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte{old[0] ^ 1}, at); err != nil {
		t.Fatal(err)
	}
	r, err := s.c.Check(t.Context())
	if err != nil || len(r.Problems) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := f.WriteAt(old[:], at); err != nil {
		t.Fatal(err)
	}
	lost := s.c.find("a").keys()[:1]
	s.asWriter(func() error { return s.c.text.write(lost, nil, s.c.sequence) })
	if r, err = s.c.Check(t.Context()); err != nil || len(r.Problems) != 1 {
		t.Errorf("a passage is missing from the text leg: %+v, %v", r, err)
	}
	s.reopen() // mends the text leg
}
