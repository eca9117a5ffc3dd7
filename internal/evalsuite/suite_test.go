package evalsuite

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "suite.yaml", `
dims: [256, 64]
sets:
  - {kind: sts, path: sts/dev.tsv.gz}
  - {name: pages, kind: retrieval, path: wiki, limit: 5}
  - {kind: parallel, path: a.en, translation: a.ko}
  - {name: snli, kind: nli, path: snli/dev, train: [train.tsv], labels: {"0": entailment}}
  - {name: squad, kind: qa, path: `+filepath.ToSlash(filepath.Join(dir, "dev.json"))+`, sample: 3}
`)
	for _, name := range []string{"sts/dev.tsv.gz", "dev.json.gz", "snli/labels.dev.gz", "a.ko"} {
		write(t, dir, name, "")
	}
	s, err := Load(filepath.Join(dir, "suite.yaml"), "")
	if err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	want := []Set{
		{Name: "dev", Kind: STS, Path: at("sts/dev.tsv.gz")},
		{Name: "pages", Kind: Retrieval, Path: at("wiki"), Limit: 5, Modes: Modes()},
		{Name: "a", Kind: Parallel, Path: at("a.en"), Translation: at("a.ko")},
		{},
		{Name: "squad", Kind: QA, Path: at("dev.json"), Sample: 3},
	}
	want[3] = s.Sets[3] // looked at below
	if s.Name != "suite" || !reflect.DeepEqual(s.Dims, []int{256, 64}) || !reflect.DeepEqual(s.Sets, want) {
		t.Errorf("got %+v", s)
	}
	if n := s.Sets[3]; n.Path != at("snli/dev") || n.Train[0] != at("train.tsv") || n.Labels["0"] != "entailment" {
		t.Errorf("nli: %+v", n)
	}
	var missing []string
	for i := range s.Sets {
		missing = append(missing, s.Sets[i].Missing()...)
	}
	if want := []string{at("wiki"), at("a.en"), at("train.tsv")}; !reflect.DeepEqual(missing, want) {
		t.Errorf("missing %v, want %v", missing, want)
	}
	if s, err = Load(filepath.Join(dir, "suite.yaml"), filepath.Join(dir, "data")); err != nil || s.Sets[1].Path != at("data/wiki") {
		t.Errorf("another base: %v, %v", s, err)
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "names no sets",
		"sets: []":                             "names no sets",
		"{":                                    "invalid suite",
		"sets: [{kind: sts, path: a, pth: b}]": "pth",
		"sets: [{kind: stsb, path: a}]":        `kind is "stsb"`,
		"sets: [{kind: sts}]":                  "path is missing",
		"sets: [{kind: sts, path: a.tsv}, {kind: sts, path: b/a.csv.gz}]":   `two sets are named "a"`,
		"sets: [{kind: sts, path: a, split: dev}]":                          "split belongs to retrieval sets",
		"sets: [{kind: parallel, path: a}]":                                 "translation is missing",
		"sets: [{kind: retrieval, path: a, modes: [fuzzy]}]":                `mode is "fuzzy"`,
		"sets: [{kind: qa, path: a, sample: -1}]":                           "must not be negative",
		"sets: [{kind: nli, path: a, task: rank}]":                          `task is "rank"`,
		"sets: [{kind: nli, path: a, columns: [b]}]":                        "columns names 1",
		"dims: [0]\nsets: [{kind: sts, path: a}]":                           "dims are [0]",
		"sets: [{kind: sts, path: a}]\n---\nsets: [{kind: sts, path: b}]\n": "more after the first",
	} {
		_, err := Parse([]byte(text))
		if !errors.Is(err, ErrSuite) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := Parse([]byte(`{"sets": [{"kind": "sts", "path": "a"}]}`)); err != nil {
		t.Errorf("JSON: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: x\ndims: [64]\nsets:\n  - {kind: sts, path: a.tsv}\n"))
	f.Add([]byte(`{"sets": [{"kind": "retrieval", "path": "b", "modes": ["dense"], "limit": 3}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Parse(data)
		if err != nil {
			if !errors.Is(err, ErrSuite) {
				t.Fatalf("%v is no ErrSuite", err)
			}
			return
		}
		for i := range s.Sets {
			if s.Sets[i].Name == "" || s.Sets[i].Path == "" {
				t.Fatalf("set %d is not whole: %+v", i, s.Sets[i])
			}
		}
	})
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// The suites that the documentation names are whole.
func TestReleasedSuites(t *testing.T) {
	files, err := filepath.Glob("../../testdata/suites/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, file := range files {
		if _, err := Load(file, "data"); err != nil {
			t.Error(err)
		}
	}
}
