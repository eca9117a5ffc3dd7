package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
)

// flips are the bits that are turned over in a file of that size: all bytes of a
// small one, some of a large one.
func flips(rng *rand.Rand, size int) []int {
	const most = 24
	if size <= most {
		var all []int
		for i := range size {
			all = append(all, i)
		}
		return all
	}
	var some []int
	for range most {
		some = append(some, rng.IntN(size))
	}
	return some
}

// A flipped bit in any file of a data folder is refused by name, or mended from
// the log: what is opened holds what was written, in all its parts.
func TestFlippedBitsOfEveryFile(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	s := newStore(t, Options{FileBytes: 8 << 10, CompactBytes: 1 << 30, GraphPassages: 40, TextPassages: 30})
	m := model{}
	for i := range 60 {
		id := fmt.Sprint(i)
		m[id] = i + 1
		s.put(id, i+1)
	}
	s.settle()
	if err := s.e.SetAlias(t.Context(), "alias", "c"); err != nil {
		t.Fatal(err)
	}
	s.close()
	whole := copyFolder(t, s.dir, false)
	kinds := map[string]int{}
	var paths []string
	err := filepath.WalkDir(whole, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == lockName {
			return err
		}
		kind := d.Name()
		if ext := filepath.Ext(kind); ext == ".log" || ext == ".zap" {
			kind = ext
		}
		if kinds[kind]++; kinds[kind] <= 2 { // two of those that are many
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{formatName, aliasesName, manifestName, sealedName, "root.bolt", ".log", ".zap"} {
		if kinds[kind] == 0 {
			t.Fatalf("no file %s among %v", kind, kinds)
		}
	}
	for _, path := range paths {
		if raceDetector && filepath.Base(path) == "root.bolt" {
			continue // bolt follows what it reads, and the detector's checks of pointers end the process
		}
		rel, err := filepath.Rel(whole, path)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, at := range flips(rng, len(b)) {
			bit := rng.IntN(8)
			dir := copyFolder(t, whole, false)
			b[at] ^= 1 << bit
			err := os.WriteFile(filepath.Join(dir, rel), b, 0o600)
			b[at] ^= 1 << bit
			if err != nil {
				t.Fatal(err)
			}
			if problem := openDamaged(dir, s.o, m); problem != "" {
				t.Errorf("%s, bit %d of byte %d: %s", rel, bit, at, problem)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// openDamaged says what is wrong with how a damaged folder is dealt with.
func openDamaged(dir string, o Options, m model) string {
	ctx := context.Background()
	refused := func(err error) bool {
		return errors.Is(err, index.ErrCorrupt) || errors.Is(err, index.ErrNewerFormat)
	}
	e, err := Open(dir, o)
	if err != nil {
		if !refused(err) && !strings.Contains(err.Error(), "not a data folder") {
			return fmt.Sprintf("open: %v", err)
		}
		return ""
	}
	defer func() { _ = e.Close() }()
	opened, err := e.Open(ctx, "c")
	if err != nil {
		if !refused(err) {
			return fmt.Sprintf("open the collection: %v", err)
		}
		return ""
	}
	c := opened.(*Collection)
	if problem := compareModel(c, m); problem != "" {
		return problem
	}
	if err := c.Settle(ctx, nil); err != nil {
		return err.Error()
	}
	r, err := c.Check(ctx)
	if err != nil || len(r.Problems) > 0 {
		return fmt.Sprintf("check: %v, %v", r.Problems, err)
	}
	aliases, err := e.Aliases(ctx)
	if err == nil && (len(aliases) != 1 || aliases[0].Collection != "c") && e.aliasesLost == nil {
		return fmt.Sprintf("aliases: %v", aliases)
	}
	if err != nil && !refused(err) {
		return fmt.Sprintf("aliases: %v", err)
	}
	return ""
}
