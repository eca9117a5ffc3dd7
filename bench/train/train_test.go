package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOurs runs steps of a small model with each loss.
func TestOurs(t *testing.T) {
	for _, loss := range []string{lossMLM, lossSentence} {
		c := cell{loss, 1, shape{"tiny", 32, 2, 64}, size{4, 10}}
		m, b := c.model(), c.batch()
		m.Layers = 1
		var in bytes.Buffer
		enc := json.NewEncoder(&in)
		for _, q := range []request{
			{Do: "step"}, {Do: "load", Threads: 1, Model: m}, {Do: "put", Batch: b}, {Do: "step"}, {Do: "step"}, {Do: "step"},
		} {
			if err := enc.Encode(q); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if err := serve(&in, &out); err != nil {
			t.Fatal(err)
		}
		var all []answer
		for dec := json.NewDecoder(&out); ; {
			var a answer
			if err := dec.Decode(&a); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			all = append(all, a)
		}
		if len(all) != 6 || all[0].Error == "" {
			t.Fatalf("answers %+v", all)
		}
		// Tables, their LayerNorm, one layer and the head.
		want := 24_000*32 + 512*32 + 64 + 4*(32*32+32) + 2*64 + 2*32*64 + 64 + 32
		if loss == lossMLM {
			want += 32*32 + 32 + 64 + 24_000
		}
		if all[1].Parameters != want {
			t.Errorf("%s: %d parameters, want %d", loss, all[1].Parameters, want)
		}
		for i, a := range all[1:] {
			if a.Error != "" || i > 1 && (!(a.Loss > 0) || a.Wall <= 0) {
				t.Errorf("%s: answer %d is %+v", loss, i+1, a)
			}
		}
	}
}

func TestCells(t *testing.T) {
	all := cells()
	if len(all) != 36 || all[0].id() != "mlm/1t/256/64x20" {
		t.Errorf("%d cells, the first is %s", len(all), all[0].id())
	}
	for _, c := range []struct {
		pattern string
		want    int
	}{{"*", 36}, {"mlm", 18}, {"mlm/1t", 9}, {"*/2t/base/8x256", 2}, {"*/*/384", 12}} {
		n := 0
		for _, cell := range all {
			if (&options{cells: c.pattern}).matches(cell) {
				n++
			}
		}
		if n != c.want {
			t.Errorf("%q chooses %d cells, want %d", c.pattern, n, c.want)
		}
	}
	b := all[0].batch()
	if len(b.Rows) != 192 || b.Rows[191] >= 1280 {
		t.Errorf("%d masked tokens up to %d", len(b.Rows), b.Rows[len(b.Rows)-1])
	}
}

func TestResultsAndTable(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "train.json")
	r, err := openResults(file, "a")
	if err != nil {
		t.Fatal(err)
	}
	c := cells()[4]
	m := cellResult{When: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Load: 1.2}
	for _, ms := range []float64{1100, 1000, 1050} {
		m.add(0, answer{CPU: ms / 1e3, Wall: ms / 1e3, Allocs: 300})
		m.add(1, answer{CPU: 1.5 * ms / 1e3, Wall: 1.2 * ms / 1e3})
	}
	r.Cells[c.id()], r.Parameters["mlm/384"] = m, 20_200_000
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	if r, err = openResults(file, "a"); err != nil || !r.has(c) {
		t.Fatalf("has %v, %v", r.Cells, err)
	}
	text := table(r)
	row := "| mlm, 1 | 6/384 (20.2 M) | 16x128 | 1050 | 1575 | **1.50** | 1050 | 1260 | 1.20 | 300 |"
	if !strings.Contains(text, row) || !strings.Contains(text, "2026-01-02") || strings.Contains(text, "other work") {
		t.Errorf("table:\n%s", text)
	}
	if r, err = openResults(file, "b"); err != nil || r.has(c) {
		t.Errorf("another build's results are kept (%v)", err)
	}

	page := filepath.Join(dir, "page.md")
	if err := splice(page, text); err == nil {
		t.Error("a table goes into a file that is not there")
	}
	if err := os.WriteFile(page, []byte("a\n"+markerBegin+"\nold\n"+markerEnd+"\nb\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := splice(page, text); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(page); string(got) != "a\n"+markerBegin+"\n"+text+markerEnd+"\nb\n" {
		t.Errorf("page:\n%s", got)
	}
}
