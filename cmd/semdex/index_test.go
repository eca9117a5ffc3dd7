package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/internal/cli"
)

// interrupted is a source that ends the context after some bytes, as Ctrl-C
// would.
type interrupted struct {
	r      io.Reader
	left   int
	cancel context.CancelFunc
}

func (i *interrupted) Read(p []byte) (int, error) {
	n, err := i.r.Read(p[:min(len(p), 4096)])
	if i.left -= n; i.left < 0 {
		i.cancel()
	}
	return n, err
}

func corpus(n int) string {
	var b strings.Builder
	rest := strings.Repeat(" It says no more than that.", 40)
	for i := range n {
		fmt.Fprintf(&b, "{\"id\": \"%d\", \"text\": \"Document %d is about number %d.%s\"}\n", i, i, i*i, rest)
	}
	return b.String()
}

// TestIndexResumes: after an interruption the same command goes on, and the
// collection is as if nothing had happened.
func TestIndexResumes(t *testing.T) {
	const documents = 1500
	all := corpus(documents)
	data := filepath.Join(t.TempDir(), "data")
	args := []string{"index", "--json", "--data", data, "-"}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	status := Run(ctx, args, &interrupted{strings.NewReader(all), len(all) * 4 / 5, cancel}, &out, &errs, nil)
	if status != cli.ExitFailed || out.Len() > 0 || !strings.Contains(errs.String(), "semdex: interrupted\nhint: run the same command again") {
		t.Fatalf("status %d, output %q, errors %q", status, out.String(), errs.String())
	}

	status = Run(t.Context(), args, strings.NewReader(all), &out, &errs, nil)
	var summary indexed
	if err := json.Unmarshal(out.Bytes(), &summary); err != nil || status != cli.ExitOK {
		t.Fatalf("status %d, %v, %s", status, err, errs.String())
	}
	if summary.Created+summary.Unchanged != documents || summary.Unchanged == 0 || summary.Updated != 0 {
		t.Errorf("after the interruption: %+v", summary)
	}
	out.Reset()
	if status := Run(t.Context(), []string{"check", "--json", "--data", data}, nil, &out, &errs, nil); status != cli.ExitOK ||
		!strings.Contains(out.String(), fmt.Sprintf(`"documents": %d`, documents)) {
		t.Errorf("check: %d %s %s", status, out.String(), errs.String())
	}
}

// TestCheckFindsDamage: a flipped bit is named, and the status is 1.
func TestCheckFindsDamage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	var out, errs bytes.Buffer
	for _, collection := range []string{"damaged", "sound"} {
		args := []string{"index", "--data", data, "--collection", collection, "-"}
		if status := Run(t.Context(), args, strings.NewReader(corpus(10)), &out, &errs, nil); status != cli.ExitOK {
			t.Fatalf("index: %d %s", status, errs.String())
		}
	}
	logs, err := filepath.Glob(filepath.Join(data, "collections", "*damaged", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no log: %v, %v", logs, err)
	}
	raw, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)/2] ^= 1
	if err := os.WriteFile(logs[0], raw, 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	status := Run(t.Context(), []string{"check", "--data", data}, nil, &out, &errs, nil)
	if status != cli.ExitFailed || !strings.Contains(out.String(), "1 problem\n") || !strings.Contains(out.String(), "sound\n") ||
		!strings.Contains(out.String(), "damaged: ") || !strings.Contains(errs.String(), "collections drop") {
		t.Errorf("check: %d\n%s\n%s", status, out.String(), errs.String())
	}
	if status := Run(t.Context(), []string{"collections", "drop", "--data", data, "damaged"}, nil, &out, &errs, nil); status != cli.ExitOK {
		t.Errorf("drop: %d %s", status, errs.String())
	}
	if status := Run(t.Context(), []string{"check", "--data", data}, nil, &out, &errs, nil); status != cli.ExitOK {
		t.Errorf("check after the drop: %d %s", status, errs.String())
	}
}
