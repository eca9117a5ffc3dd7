package local

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
)

func TestSecondProcessIsRefused(t *testing.T) {
	s := newStore(t, Options{})
	_, err := Open(s.dir, s.o)
	if !errors.Is(err, index.ErrLocked) || !strings.Contains(err.Error(), s.dir) {
		t.Errorf("a second engine: %v", err)
	}
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), envCrashChild+"="+s.dir)
	out, err := child.CombinedOutput()
	if err == nil || !strings.Contains(string(out), index.ErrLocked.Error()) {
		t.Errorf("another process: %v, %s", err, out)
	}
	s.reopen() // the lock ends with Close
}

func TestNewerFormat(t *testing.T) {
	s := newStore(t, Options{})
	s.put("a", 1)
	s.close()
	format := filepath.Join(s.dir, formatName)
	current, err := os.ReadFile(format)
	if err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]error{
		"semdex data format 3\n":  index.ErrNewerFormat,
		"semdex data format 99\n": index.ErrNewerFormat,
		"semdex data format 0\n":  index.ErrCorrupt,
		"semdex data format x\n":  index.ErrCorrupt,
		"":                        index.ErrCorrupt,
	} {
		if err := os.WriteFile(format, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(s.dir, s.o)
		if !errors.Is(err, want) {
			t.Errorf("FORMAT %q: %v, want %v", content, err, want)
		}
		if want == index.ErrNewerFormat && (!strings.Contains(err.Error(), fmt.Sprintf("format %d", formatVersion)) || !strings.Contains(err.Error(), strings.Fields(content)[3])) {
			t.Errorf("the error does not name both versions: %v", err)
		}
	}
	if err := os.WriteFile(format, current, 0o600); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(s.dir, collectionsName, folderPrefix+"c", manifestName)
	b, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), `{"format":1,`, `{"format":7,`, 1)
	if err := os.WriteFile(manifest, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := Open(s.dir, s.o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(t.Context(), "c"); !errors.Is(err, index.ErrNewerFormat) {
		t.Errorf("a newer collection: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	s.e = nil
}

// Open does not make a data folder out of a folder that holds other things, nor
// out of one that lost its FORMAT.
func TestStrangeFolders(t *testing.T) {
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(home, "letter.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(home, Options{}); err == nil || !strings.Contains(err.Error(), "letter.txt") {
		t.Errorf("a folder with a letter: %v", err)
	}
	if names, err := (osFS{}).ReadDir(home); err != nil || len(names) != 1 {
		t.Errorf("Open left %v in a stranger's folder, %v", names, err)
	}
	if _, err := Open(filepath.Join(home, "letter.txt"), Options{}); err == nil || !strings.Contains(err.Error(), "a file") {
		t.Errorf("a file was opened as a folder: %v", err)
	}
	s := newStore(t, Options{})
	s.close()
	if err := os.Remove(filepath.Join(s.dir, formatName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(s.dir, s.o); !errors.Is(err, index.ErrCorrupt) {
		t.Errorf("FORMAT is missing: %v", err)
	}
}

func TestUnknownAnalyzer(t *testing.T) {
	s := newStore(t, Options{})
	settings := testSettings
	settings.Analyzer = "semdex_fr_v1"
	if _, err := s.e.Create(t.Context(), "fr", settings); err == nil || !strings.Contains(err.Error(), "semdex_fr_v1") {
		t.Errorf("create: %v", err)
	}
}
