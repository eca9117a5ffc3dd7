package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/internal/cli"
)

// short are n documents of few words, enough of them for a graph.
func short(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "{\"id\": \"%d\", \"text\": \"Document %d is about number %d.\"}\n", i, i, i*i)
	}
	return b.String()
}

// graphFile is where the graph of a collection is.
func graphFile(data, collection string) string {
	return filepath.Join(data, "collections", "c-"+collection, "vectors.graph")
}

// What fills a collection ends when its graph is there, and says so; what finds
// one that is whole says nothing.
func TestIndexBuildsTheGraph(t *testing.T) {
	dir := t.TempDir()
	data, export := filepath.Join(dir, "data"), filepath.Join(dir, "export.ndjson")
	run := func(stdin string, args ...string) (out, errs string) {
		t.Helper()
		var o, e bytes.Buffer
		if status := Run(t.Context(), args, strings.NewReader(stdin), &o, &e, nil); status != cli.ExitOK {
			t.Fatalf("%q: status %d, %s", args, status, e.String())
		}
		return o.String(), e.String()
	}
	const documents = 5500
	const built = "built the graph of 5,500 vectors in "
	out, errs := run(short(documents), "index", "-d", data, "--vectors", "graph", "-")
	if _, err := os.Stat(graphFile(data, "default")); err != nil || !strings.Contains(errs, built) || strings.Contains(out, "graph") {
		t.Errorf("output %q, notes %q, %v", out, errs, err)
	}
	if _, errs = run(short(documents), "index", "-d", data, "-"); errs != "" {
		t.Errorf("once more: %q", errs)
	}
	run("", "export", "-d", data, "--vectors", "-o", export, "default")
	out, errs = run("", "import", "-d", data, "--json", "whole", export)
	if _, err := os.Stat(graphFile(data, "whole")); err != nil || !strings.Contains(errs, built) || !strings.HasSuffix(out, "}\n") {
		t.Errorf("import: output %q, notes %q, %v", out, errs, err)
	}
	if _, errs = run("", "import", "-d", data, "--quiet", "again", export); errs != "" {
		t.Errorf("import --quiet: %q", errs)
	}
	if _, err := os.Stat(graphFile(data, "again")); err != nil {
		t.Error(err)
	}
	// What an interruption has left is built the next time, by any command that fills.
	if err := os.Remove(graphFile(data, "whole")); err != nil {
		t.Fatal(err)
	}
	if _, errs = run("", "import", "-d", data, "whole", export); !strings.Contains(errs, built) {
		t.Errorf("without its graph: %q", errs)
	}
}

// untilSummary ends the context when the summary is written: while the graph is
// being built.
type untilSummary struct {
	text   bytes.Buffer
	cancel context.CancelFunc
}

func (w *untilSummary) Write(p []byte) (int, error) {
	w.cancel()
	return w.text.Write(p)
}

// Interrupted while the graph is built, a verb says that the documents are stored.
func TestIndexInterruptedBesideTheGraph(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &untilSummary{cancel: cancel}
	var errs bytes.Buffer
	args := []string{"index", "-d", data, "--vectors", "graph", "-"}
	status := Run(ctx, args, strings.NewReader(short(5500)), out, &errs, nil)
	if status != cli.ExitFailed || !strings.Contains(out.text.String(), "5,500 documents created") ||
		!strings.Contains(errs.String(), "semdex: interrupted\nhint: all documents are stored") {
		t.Errorf("status %d, output %q, errors %q", status, out.text.String(), errs.String())
	}
	errs.Reset()
	if status := Run(t.Context(), args, strings.NewReader(""), io.Discard, &errs, nil); status != cli.ExitOK || !strings.Contains(errs.String(), "built the graph of 5,500 vectors") {
		t.Errorf("afterwards: status %d, %q", status, errs.String())
	}
}
