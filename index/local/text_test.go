package local

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"semdex/index"
)

// Whatever happens to the text leg's files, it is made again from the log.
func TestTextLegIsMended(t *testing.T) {
	each := func(pattern string, f func(name string) error) func(string) error {
		return func(dir string) error {
			names, err := filepath.Glob(filepath.Join(dir, pattern))
			if err != nil || len(names) == 0 {
				return fmt.Errorf("%s: %v, %v", pattern, names, err)
			}
			for _, n := range names {
				if err := f(n); err != nil {
					return err
				}
			}
			return nil
		}
	}
	flip := func(at func(size int) int) func(string) error {
		return func(name string) error {
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			b[at(len(b))] ^= 0x10
			return os.WriteFile(name, b, 0o600)
		}
	}
	for name, damage := range map[string]func(dir string) error{
		"missing":          os.RemoveAll,
		"a file":           func(dir string) error { return os.Rename(filepath.Join(dir, "root.bolt"), dir+".bolt") },
		"no segments":      each("*.zap", os.Remove),
		"cut segments":     each("*.zap", func(n string) error { return os.Truncate(n, 20) }),
		"empty segments":   each("*.zap", func(n string) error { return os.Truncate(n, 0) }),
		"flipped early":    each("*.zap", flip(func(int) int { return 3 })),
		"flipped middle":   each("*.zap", flip(func(size int) int { return size / 2 })),
		"flipped footer":   each("*.zap", flip(func(size int) int { return size - 9 })),
		"cut root":         each("root.bolt", func(n string) error { return os.Truncate(n, 5000) }),
		"empty root":       each("root.bolt", func(n string) error { return os.Truncate(n, 0) }),
		"root of rubbish":  each("root.bolt", func(n string) error { return os.WriteFile(n, make([]byte, 32<<10), 0o600) }),
		"flipped root":     each("root.bolt", flip(func(int) int { return 20 })),
		"flipped root too": each("root.bolt", flip(func(size int) int { return 4096 + 20 })),
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Options{})
			m := model{}
			for i := range 20 {
				m[fmt.Sprint(i)] = i
				s.put(fmt.Sprint(i), i)
			}
			dir := s.c.textDir()
			s.close()
			if err := damage(dir); err != nil {
				t.Fatal(err)
			}
			s.open()
			s.wantModel(m)
			s.check()
		})
	}
}

// A text leg of an earlier moment is brought forward, one of a later moment or
// of another collection or recipe is made anew.
func TestTextLegOfAnotherTime(t *testing.T) {
	fill := func(s *store, n int) model {
		m := model{}
		for i := range n {
			m[fmt.Sprint(i)] = i
			s.put(fmt.Sprint(i), i)
		}
		return m
	}
	// While the leg is open, bleve removes files in the background.
	snapshot := func(t *testing.T, s *store) string {
		t.Helper()
		s.close()
		defer s.open()
		return copyFolder(t, s.c.textDir(), false)
	}
	restore := func(t *testing.T, s *store, from string) {
		t.Helper()
		s.close()
		dir := s.c.textDir()
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(from, dir); err != nil {
			t.Fatal(err)
		}
		s.open()
	}
	t.Run("earlier", func(t *testing.T) {
		s := newStore(t, Options{CompactBytes: 1 << 10, FileBytes: 1 << 10})
		m := fill(s, 10)
		old := snapshot(t, s)
		for i := range 10 { // change, delete, add, and compact what was changed away
			id := fmt.Sprint(i + 5)
			m[id] = 100 + i
			s.put(id, 100+i)
		}
		delete(m, "0")
		if _, err := s.c.Delete(t.Context(), []string{"0"}); err != nil {
			t.Fatal(err)
		}
		restore(t, s, old)
		s.wantModel(m)
		s.check()
	})
	t.Run("later", func(t *testing.T) {
		s := newStore(t, Options{})
		m := fill(s, 5)
		s.close()
		old := copyFolder(t, s.dir, true)
		s.open()
		s.put("later", 77)
		late := snapshot(t, s)
		s.close()
		s.dir = old
		s.open()
		restore(t, s, late)
		s.wantModel(m)
		s.check()
	})
	t.Run("another collection", func(t *testing.T) {
		s, other := newStore(t, Options{}), newStore(t, Options{})
		m := fill(s, 3)
		fill(other, 9)
		restore(t, s, snapshot(t, other))
		s.wantModel(m)
		s.check()
	})
}

// Scores do not depend on how documents came in: in one batch or many, with
// versions between, before or after reopening.
func TestKeywordScoresDoNotDependOnHistory(t *testing.T) {
	once, often := newStore(t, Options{}), newStore(t, Options{CompactPassages: 3})
	var records []index.Record
	for i := range 30 {
		records = append(records, testRecord(fmt.Sprint(i), i))
		often.put(fmt.Sprint(i), 1000+i)
		often.put(fmt.Sprint(i), i)
	}
	often.put("gone", 5)
	if _, err := often.c.Delete(t.Context(), []string{"gone"}); err != nil {
		t.Fatal(err)
	}
	if err := once.c.Upsert(t.Context(), records); err != nil {
		t.Fatal(err)
	}
	for _, reopened := range []bool{false, true} {
		for _, query := range []string{"document version7", "문서", "title of 3", "둘째 문장"} {
			a, err := once.c.Keyword(t.Context(), index.Words{Text: query}, 100, nil)
			if err != nil {
				t.Fatal(err)
			}
			b, err := often.c.Keyword(t.Context(), index.Words{Text: query}, 100, nil)
			if err != nil || fmt.Sprint(a) != fmt.Sprint(b) {
				t.Errorf("%q, reopened %v: %v\nand %v, %v", query, reopened, a, b, err)
			}
		}
		once.reopen()
		often.reopen()
	}
}
