// Package archtest checks the import rules of docs/design.md over the whole
// module.
package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

type pkg struct {
	ImportPath string
	Imports    []string
}

// layer says which of the module's folders a folder may import. Every folder
// may import itself and what lies below it.
var layer = map[string][]string{
	"internal": {},
	"embed":    {"internal"},
	"nli":      {"embed", "internal"},
	"distill":  {"embed", "internal"},
	"qa":       {"embed", "internal"},
	"index":    {"internal"},
	"api":      {"embed", "qa", "index", "internal"},
	"cmd":      {"embed", "nli", "distill", "qa", "index", "api", "internal"},
	"test":     {}, // tests only: what they import is not counted
}

// never lists imports that a layer's rule would allow but a border forbids.
var never = map[string][]string{
	"api": {"semdex/index/local", "semdex/index/weaviate"},
}

// only says which packages may import a dependency.
var only = map[string][]string{
	"github.com/labstack/echo":     {"semdex/api"},
	"github.com/nlpodyssey/spago":  {"semdex/internal/train", "semdex/nli", "semdex/distill", "semdex/qa"},
	"github.com/blevesearch/bleve": {"semdex/index/local"},
	"github.com/coder/hnsw":        {"semdex/index/local"},
	"github.com/spf13/cobra":       {"semdex/cmd"},
}

func TestImportRules(t *testing.T) {
	for _, p := range list(t) {
		folder, ok := strings.CutPrefix(p.ImportPath, "semdex/")
		if !ok {
			continue
		}
		top, _, _ := strings.Cut(folder, "/")
		allowed, known := layer[top]
		if !known {
			t.Errorf("%s: folder %q has no import rule", p.ImportPath, top)
			continue
		}
		for _, imp := range p.Imports {
			if rest, ok := strings.CutPrefix(imp, "semdex/"); ok {
				to, _, _ := strings.Cut(rest, "/")
				if to != top && !slices.Contains(allowed, to) {
					t.Errorf("%s imports %s: %s may import only %v", p.ImportPath, imp, top, allowed)
				}
				for _, n := range never[top] {
					if under(imp, n) {
						t.Errorf("%s imports %s: it must go through an interface", p.ImportPath, imp)
					}
				}
			}
			for dep, users := range only {
				if under(imp, dep) && !slices.ContainsFunc(users, func(u string) bool { return under(p.ImportPath, u) }) {
					t.Errorf("%s imports %s: only %v may", p.ImportPath, imp, users)
				}
			}
		}
	}
}

// list returns the module's packages with their imports outside of tests.
func list(t *testing.T) []pkg {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "semdex/...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 8 {
		t.Fatalf("go list found only %d packages", len(all))
	}
	return all
}

// under reports whether path is root or lies below it, major versions included.
func under(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}
