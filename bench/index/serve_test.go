package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A set is written, a graph built from it in one process, opened and searched
// in another, and what is found is held against the true neighbours.
func TestServe(t *testing.T) {
	s := &set{kind: "clustered", size: 3000, folder: t.TempDir()}
	if err := s.write(t.Context(), clustered(s.size), 100); err != nil {
		t.Fatal(err)
	}
	if width, err := matrixWidth(filepath.Join(s.folder, baseFile)); err != nil || width != s.dims {
		t.Fatalf("%d values, %v", width, err)
	}
	ask := func(commands ...string) string {
		t.Helper()
		var out bytes.Buffer
		if err := serve(t.Context(), strings.NewReader(strings.Join(commands, "\n")), &out); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	if out := ask("build " + s.folder + " 2"); !strings.Contains(out, "cpu=") {
		t.Errorf("build: %q", out)
	}
	if _, err := os.Stat(filepath.Join(s.folder, graphFile)); err != nil {
		t.Fatal(err)
	}
	for _, backend := range []string{"exact", "graph"} {
		out := ask(fmt.Sprintf("open %s %s", s.folder, backend), "search 200 2 150", "memory")
		_, rest, ok := strings.Cut(out, "recall=")
		var recall float64
		if _, err := fmt.Sscan(rest, &recall); !ok || err != nil || recall < 0.99 || backend == "exact" && recall != 1 {
			t.Errorf("%s: %q", backend, out)
		}
	}
	if err := serve(t.Context(), strings.NewReader("dance"), &bytes.Buffer{}); err == nil {
		t.Error("an unknown command was taken")
	}
}
