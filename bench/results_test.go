package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"semdex/embed/workload"
)

// serveScript answers requests with a function.
func serveScript(r io.Reader, w io.Writer, answerTo func(request) answer) error {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var q request
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return err
		}
		if err := json.NewEncoder(w).Encode(answerTo(q)); err != nil {
			return err
		}
	}
	return lines.Err()
}

func TestTiming(t *testing.T) {
	for _, c := range []struct {
		t              timing
		median, spread float64
	}{
		{timing{}, 0, 0},
		{timing{3}, 3, 0},
		{timing{4, 2}, 3, 0},
		{timing{9, 2, 1.5, 2.5, 2}, 2, 0.25},
	} {
		if m, s := c.t.median(), c.t.spread(); m != c.median || s != c.spread {
			t.Errorf("%v: median %v, spread %v", c.t, m, s)
		}
	}
}

// TestResultsFile: results come back, but not for another build; what is
// chosen is dropped.
func TestResultsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "results.json")
	r, err := openResults(path, "one")
	if err != nil {
		t.Fatal(err)
	}
	r.Cells["A/f32/1t/1x16"] = cellResult{Sentences: 1, Ours: timing{1}}
	r.Cells["B/f32/1t/1x16"] = cellResult{Sentences: 1}
	r.Starts["A/f32/1t"] = startResult{}
	r.Agreement["A"] = agreement{Difference: 1e-6}
	if err := r.save(); err != nil {
		t.Fatal(err)
	}
	same, err := openResults(path, "one")
	if err != nil || len(same.Cells) != 2 || same.Cells["A/f32/1t/1x16"].Ours.median() != 1 || same.Agreement["A"].Difference != 1e-6 {
		t.Errorf("%+v, %v", same, err)
	}
	s := &subject{name: "A"}
	start := cell{group{subject: s, precision: "f32", threads: 1, starts: true}, workload.Workload{Name: startName}}
	if !same.has(start) {
		t.Error("the start is lost")
	}
	same.drop(patterns{"A"})
	if len(same.Cells) != 1 || same.has(start) || len(same.Agreement) != 0 {
		t.Errorf("after dropping A: %+v", same)
	}
	if other, err := openResults(path, "two"); err != nil || len(other.Cells) != 0 {
		t.Errorf("another build: %+v, %v", other, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openResults(path, "one"); err == nil {
		t.Error("a damaged file is read")
	}
}

func TestSplice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.md")
	if err := os.WriteFile(path, []byte("no markers\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := splice(path, "table"); err == nil {
		t.Error("a file without markers is changed")
	}
}

// TestTable compares the report of made-up results with a golden file.
func TestTable(t *testing.T) {
	a := &subject{name: "A", about: "a small model"}
	a.config.MaxPositions = 512
	s := &subject{name: "S", about: "a table", static: true}
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	steady := func(seconds float64) timing { return timing{seconds, seconds, seconds, seconds, seconds} }
	r := &results{}
	r.init()
	r.Machine = machine{
		Processor: "Some CPU", CPUs: 2, Platform: "linux/amd64", Go: "go1.26", Peer: "onnxruntime-node 1.30.0, node 20",
		Engines: map[string]string{"A/f32": "packed f32", "A/int8": "packed int8"},
	}
	r.Peaks = map[string][]float64{"f32/1t": {90e9, 100e9}, "int8/2t": {800e9}}
	r.Cells = map[string]cellResult{
		"A/f32/1t/1x16":      {When: when, Sentences: 1, Operations: 5e8, Ours: steady(0.01), Peer: map[string]timing{whole: steady(0.015)}},
		"A/int8/2t/1x16":     {When: when, Sentences: 1, Operations: 5e8, Ours: steady(0.001), Peer: map[string]timing{whole: {0.001, 0.0015, 0.002, 0.002, 0.003}}, Others: 0.5},
		"A/f32/1t/sentences": {When: when, Sentences: 128, Operations: 4e10, Ours: steady(0.5), Peer: map[string]timing{sortedBy32: steady(1), arrivalBy32: steady(1.5)}},
		"A/f32/1t/passages":  {When: when, Sentences: 24, Operations: 8e10, Ours: steady(2), Peer: map[string]timing{one: steady(2.5), sortedBy4: {4}, sortedBy8: steady(2.6)}},
		"S/f32/1t/32x16":     {When: when, Sentences: 32, Ours: steady(0.001), Peer: map[string]timing{whole: steady(0.01)}},
	}
	r.Starts = map[string]startResult{"A/f32/2t": {Ours: steady(0.1), Peer: steady(0.3), OursRSS: []float64{9e7}, PeerRSS: []float64{2e8}}}
	r.Agreement = map[string]agreement{"A": {2e-6, cosines{0.9991, 0.9995}, cosines{0.999, 0.9994}}, "S": {Difference: 1e-7}}
	got := (&report{results: r, subjects: []*subject{a, s}, threads: []int{1, 2}}).String()

	golden := filepath.Join("testdata", "table.md")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("report:\n%s", got)
	}
}

// TestUsage: this process counts as its own.
func TestUsage(t *testing.T) {
	u := watch()
	for start := time.Now(); time.Since(start) < 30*time.Millisecond; {
	}
	if others := u.others(); u.known && others < 0 {
		t.Errorf("others %v", others)
	}
	if u.known && peakMemory(os.Getpid()) < 1<<20 {
		t.Error("this process has no memory")
	}
	if watch(-1).others() != -1 {
		t.Error("a process that is not there is known")
	}
}
