package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
)

func (s *store) repair() Repaired {
	s.Helper()
	r, err := s.e.Repair(s.Context(), "c")
	if err != nil {
		s.Fatal(err)
	}
	return r
}

// A keyword leg that disagrees with the log is made anew, and the graph with it.
func TestRepairOfWhatIsDerived(t *testing.T) {
	s := newStore(t, Options{GraphPassages: 8})
	m := model{}
	for i := range 12 {
		id := fmt.Sprint(i)
		s.put(id, i+1)
		m[id] = i + 1
	}
	if r := s.repair(); len(r.Problems)+len(r.Done) > 0 {
		t.Fatalf("sound: %+v", r)
	}
	d := s.c.find("3")
	s.asWriter(func() error { return s.c.text.write(d.keys(), nil, s.c.text.sequence) })
	if r, err := s.c.Check(t.Context()); err != nil || len(r.Problems) == 0 {
		t.Fatalf("the damage is not seen: %+v, %v", r, err)
	}
	if r := s.repair(); len(r.Problems) > 0 || len(r.Done) != 1 {
		t.Fatalf("%+v", r)
	}
	s.reopen()
	s.wantModel(m)
}

// Where the log is damaged nothing is touched, and the report says so.
func TestRepairLeavesADamagedLog(t *testing.T) {
	s := newStore(t, Options{FileBytes: 1 << 10})
	for i := range 12 {
		s.put(fmt.Sprint(i), i+1)
	}
	first := s.c.files[0].path
	sound, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	damaged := append([]byte(nil), sound...)
	damaged[len(damaged)/2] ^= 1
	for _, open := range []bool{true, false} {
		if err := os.WriteFile(first, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		if !open {
			s.close()
			if s.e, err = Open(s.dir, s.o); err != nil {
				t.Fatal(err)
			}
		}
		r := s.repair()
		if len(r.Done) > 0 || len(r.Problems) < 2 || !strings.Contains(r.Problems[len(r.Problems)-1], "nothing was changed") {
			t.Errorf("open %t: %+v", open, r)
		}
		if b, err := os.ReadFile(first); err != nil || string(b) != string(damaged) {
			t.Errorf("the log was changed: %v", err)
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(first), textName)); err != nil {
			t.Errorf("the keyword leg is gone: %v", err)
		}
	}
	if err := os.WriteFile(first, sound, 0o600); err != nil {
		t.Fatal(err)
	}
	s.reopen()
}

// Aliases that cannot be read are put aside only if that is asked for.
func TestRepairOfAliases(t *testing.T) {
	s := newStore(t, Options{})
	s.setAlias("x", "c")
	if err := os.WriteFile(filepath.Join(s.dir, aliasesName), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.reopen()
	if r, err := s.e.RepairAliases(false); err != nil || len(r.Problems) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := s.e.SetAlias(t.Context(), "x", "c"); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("%v", err)
	}
	if r, err := s.e.RepairAliases(true); err != nil || len(r.Problems) > 0 || len(r.Done) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	s.setAlias("x", "c")
	s.reopen()
	if s.leads("x") != "c" {
		t.Error("the alias is lost")
	}
}
