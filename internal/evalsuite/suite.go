// Package evalsuite describes suites of evaluation sets and holds their results:
// the file that names the sets, the table of every system's figures with the
// score of each item, and the comparison of two systems by the bootstrap. What
// runs the models stands elsewhere.
package evalsuite

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ErrSuite marks a suite file that cannot be used.
var ErrSuite = errors.New("invalid suite")

// Kind is what a set measures.
type Kind string

// The kinds of sets.
const (
	STS       Kind = "sts"       // pairs of sentences with people's scores
	NLI       Kind = "nli"       // labelled or scored pairs, for a cross-encoder
	Retrieval Kind = "retrieval" // a judged collection
	QA        Kind = "qa"        // questions whose answers stand in passages
	Parallel  Kind = "parallel"  // sentences and their translations
)

// Kinds are all kinds, in the order of a report.
func Kinds() []Kind { return []Kind{STS, Parallel, Retrieval, NLI, QA} }

// Modes are the ways to search that a retrieval set may name.
func Modes() []string { return []string{"keyword", "dense", "hybrid"} }

// Suite is a list of evaluation sets.
type Suite struct {
	Name string `yaml:"name"`
	// Dims are the widths to which vectors are cut for sts and parallel sets; none
	// means the model's own.
	Dims []int `yaml:"dims"`
	Sets []Set `yaml:"sets"`
}

// Set is one entry of a suite. Beside Name, Kind and Path an entry has the fields
// of its kind alone.
type Set struct {
	Name string `yaml:"name"` // default: the file's or folder's, without extensions
	Kind Kind   `yaml:"kind"`
	Path string `yaml:"path"` // a file or folder, after Load from where the program runs

	// Of parallel sets: the file whose lines translate those of Path.
	Translation string `yaml:"translation"`

	// Of retrieval sets.
	Split string   `yaml:"split"` // the judgements of a BEIR folder
	Modes []string `yaml:"modes"` // default: all
	Limit int      `yaml:"limit"` // only the first queries; 0: all

	// Of nli sets: how the files are read, and what the baselines learn from.
	Task    string            `yaml:"task"` // nli (default), sts or relevance
	Top     float64           `yaml:"top_score"`
	Columns []string          `yaml:"columns"`
	Labels  map[string]string `yaml:"labels"`
	Train   []string          `yaml:"train"`

	// Of qa sets: only so many questions, drawn by a fixed seed; 0: all.
	Sample int `yaml:"sample"`
}

// Load reads a suite file, YAML or JSON. Paths in it are relative to base, or to
// the file's own folder if base is "". Errors wrap ErrSuite, or are the file's.
func Load(file, base string) (*Suite, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if base == "" {
		base = filepath.Dir(file)
	}
	if s.Name == "" {
		s.Name = stem(file)
	}
	at := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(base, filepath.FromSlash(*path))
		}
	}
	for i := range s.Sets {
		set := &s.Sets[i]
		at(&set.Path)
		at(&set.Translation)
		for j := range set.Train {
			at(&set.Train[j])
		}
	}
	return s, nil
}

// Parse reads the text of a suite file. Errors wrap ErrSuite.
func Parse(data []byte) (*Suite, error) {
	var s Suite
	d := yaml.NewDecoder(bytes.NewReader(data)) // JSON is YAML
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrSuite, err)
	}
	if err := d.Decode(new(Suite)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is more after the first document", ErrSuite)
	}
	if len(s.Sets) == 0 {
		return nil, fmt.Errorf("%w: it names no sets", ErrSuite)
	}
	for _, d := range s.Dims {
		if d < 1 {
			return nil, fmt.Errorf("%w: dims are %v", ErrSuite, s.Dims)
		}
	}
	names := make(map[string]bool)
	for i := range s.Sets {
		set := &s.Sets[i]
		if err := set.check(); err != nil {
			return nil, fmt.Errorf("%w: set %d: %w", ErrSuite, i+1, err)
		}
		if names[set.Name] {
			return nil, fmt.Errorf("%w: two sets are named %q", ErrSuite, set.Name)
		}
		names[set.Name] = true
	}
	return &s, nil
}

// check fills in the defaults and refuses what does not belong together.
func (s *Set) check() error {
	if !slices.Contains(Kinds(), s.Kind) {
		return fmt.Errorf("kind is %q; known are %v", s.Kind, Kinds())
	}
	if s.Path == "" {
		return errors.New("path is missing")
	}
	if s.Name == "" {
		s.Name = stem(s.Path)
	}
	for _, f := range []struct {
		name string
		set  bool
		kind Kind
	}{
		{"translation", s.Translation != "", Parallel},
		{"split", s.Split != "", Retrieval},
		{"modes", len(s.Modes) > 0, Retrieval},
		{"limit", s.Limit != 0, Retrieval},
		{"task", s.Task != "", NLI},
		{"top_score", s.Top != 0, NLI},
		{"columns", len(s.Columns) > 0, NLI},
		{"labels", len(s.Labels) > 0, NLI},
		{"train", len(s.Train) > 0, NLI},
		{"sample", s.Sample != 0, QA},
	} {
		if f.set && f.kind != s.Kind {
			return fmt.Errorf("%s: %s belongs to %s sets, not to %s", s.Name, f.name, f.kind, s.Kind)
		}
	}
	return s.checkKind()
}

func (s *Set) checkKind() error {
	switch {
	case s.Kind == Parallel && s.Translation == "":
		return fmt.Errorf("%s: translation is missing", s.Name)
	case s.Limit < 0 || s.Sample < 0 || s.Top < 0:
		return fmt.Errorf("%s: limit, sample and top_score must not be negative", s.Name)
	case len(s.Columns) != 0 && len(s.Columns) != 3:
		return fmt.Errorf("%s: columns names %d, want three: first text, second text, label", s.Name, len(s.Columns))
	case s.Task != "" && !slices.Contains([]string{"nli", "sts", "relevance"}, s.Task):
		return fmt.Errorf("%s: task is %q; it is nli, sts or relevance", s.Name, s.Task)
	}
	if s.Kind == Retrieval && len(s.Modes) == 0 {
		s.Modes = Modes()
	}
	if s.Kind == NLI && s.Task == "" {
		s.Task = "nli"
	}
	for _, m := range s.Modes {
		if !slices.Contains(Modes(), m) {
			return fmt.Errorf("%s: mode is %q; known are %v", s.Name, m, Modes())
		}
	}
	return nil
}

// Missing are the set's files that are not there, plain or gzipped.
func (s *Set) Missing() []string {
	var out []string
	for _, path := range append([]string{s.Path, s.Translation}, s.Train...) {
		if path != "" && !exists(path) && (s.Kind != NLI || !threeFiles(path)) {
			out = append(out, path)
		}
	}
	return out
}

func exists(path string) bool {
	for _, p := range []string{path, path + ".gz"} {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}

// threeFiles says that path names a part of SNLI in three files: snli/dev stands
// for snli/s1.dev, s2.dev and labels.dev.
func threeFiles(path string) bool {
	return exists(filepath.Join(filepath.Dir(path), "labels."+filepath.Base(path)))
}

// stem is a file's name without folders and extensions: .gz and one before it.
func stem(path string) string {
	name := strings.TrimSuffix(filepath.Base(filepath.FromSlash(path)), ".gz")
	if bare := strings.TrimSuffix(name, filepath.Ext(name)); bare != "" {
		return bare
	}
	return name
}
