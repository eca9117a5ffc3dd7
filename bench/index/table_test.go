package main

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAt(t *testing.T) {
	curve := []point{{recall: 0.90, qps: 4000}, {recall: 0.96, qps: 1000}, {recall: 0.98, qps: 500}}
	for _, c := range []struct {
		recall, want float64
		ok           bool
	}{
		{0.80, 4000, true}, // faster than that
		{0.93, 2000, true}, // half way: the geometric mean
		{0.96, 1000, true},
		{0.99, 0, false},
	} {
		got, ok := at(curve, c.recall)
		if ok != c.ok || math.Abs(got-c.want) > 1e-6 {
			t.Errorf("recall %v: %v, %v", c.recall, got, ok)
		}
	}
}

func TestMedian(t *testing.T) {
	qps := func(p point) float64 { return p.qps }
	if got := median([]point{{qps: 5}, {qps: 1}, {qps: 3}}, qps); got != 3 {
		t.Errorf("of three: %v", got)
	}
	if got := median([]point{{qps: 5}, {qps: 1}}, qps); got != 3 {
		t.Errorf("of two: %v", got)
	}
}

func TestReport(t *testing.T) {
	r := &report{cells: []*cell{{
		set: &set{kind: "clustered", size: 10_000, dims: 384}, threads: 2,
		subjects: []*subject{
			{name: "hnswlib", buildCPU: 20, buildWall: 10, anon: 170e6, file: 4e6, curve: []point{{recall: 0.9, qps: 2000}, {recall: 0.97, qps: 1000}}},
			{name: "semdex graph", buildCPU: 5, buildWall: 2.5, anon: 60e6, file: 150e6, curve: []point{{recall: 0.97, qps: 3000, p50: 1e-4, p99: 2e-4}}},
		},
	}}}
	text := r.String()
	for _, want := range []string{
		"| clustered 10k x 384 | 2 | semdex graph | 3,000 | - | 0.9700 | 0.10, 0.20 | 2.5, 5.0 | 60 + 150 |",
		"| - | 0.25x | 0.35x |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	path := filepath.Join(t.TempDir(), "doc.md")
	if err := splice(path, text); err == nil {
		t.Error("spliced into a file that is not there")
	}
	old := "before\n" + markerBegin + "\nold\n" + markerEnd + "\nafter\n"
	if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := splice(path, "new\n"); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != strings.Replace(old, "old", "new", 1) {
		t.Errorf("%s", b)
	}
}
