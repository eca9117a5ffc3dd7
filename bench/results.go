package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// results is what has been measured, kept in a file so that a long run can be
// done in parts.
type results struct {
	path string

	// Build identifies this program, and with it the encoder inside: results of
	// another one are dropped.
	Build   string  `json:"build"`
	Machine machine `json:"machine"`
	// Peaks are the operations per second of the vector units, by precision and
	// threads (f32/1t); every group of cells adds one.
	Peaks     map[string][]float64   `json:"peaks"`
	Cells     map[string]cellResult  `json:"cells"`
	Starts    map[string]startResult `json:"starts"`
	Agreement map[string]agreement   `json:"agreement"`
}

// machine is where the measuring was done.
type machine struct {
	Processor string            `json:"processor"`
	CPUs      int               `json:"cpus"`
	Platform  string            `json:"platform"`
	Go        string            `json:"go"`
	Peer      string            `json:"peer"`
	Engines   map[string]string `json:"engines"` // of semdex, by model and precision
}

// cellResult is one cell.
type cellResult struct {
	When       time.Time `json:"when"`
	Sentences  int       `json:"sentences"`
	Operations float64   `json:"operations"` // useful ones, of all sentences
	Ours       timing    `json:"ours"`
	// Peer is by policy.
	Peer map[string]timing `json:"peer"`
	// Others is how many processors other programs used meanwhile; below 0 if
	// it is not known.
	Others float64 `json:"others"`
}

// startResult is the start of both programs up to the first vector.
type startResult struct {
	Ours, Peer       timing
	OursRSS, PeerRSS []float64 // highest resident memory in bytes; 0 if it is not known
}

// timing is the seconds of each round.
type timing []float64

func (t timing) median() float64 { return median(t) }

// spread is the distance between the second fastest and the second slowest
// round as a part of the median: one round out of five may be disturbed.
func (t timing) spread() float64 {
	if len(t) < 3 {
		return 0
	}
	s := slices.Sorted(slices.Values(t))
	return (s[len(s)-2] - s[1]) / median(s)
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(values))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// best is the peer's fastest policy.
func (c cellResult) best() (name string, t timing) {
	for policy, times := range c.Peer {
		if t == nil || times.median() < t.median() || times.median() == t.median() && policy < name {
			name, t = policy, times
		}
	}
	return name, t
}

// peak is the highest one measured: 0 if there is none.
func (r *results) peak(precision string, threads int) float64 {
	all := r.Peaks[fmt.Sprintf("%s/%dt", precision, threads)]
	if len(all) == 0 {
		return 0
	}
	return slices.Max(all)
}

// openResults reads the results of this build, or begins with none.
func openResults(path, build string) (*results, error) {
	r := &results{}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, r)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("results %s: %w", path, err)
	}
	if r.Build != build {
		r = &results{Build: build}
	}
	r.path = path
	r.init()
	return r, nil
}

func (r *results) init() {
	if r.Peaks == nil {
		r.Peaks = map[string][]float64{}
	}
	if r.Cells == nil {
		r.Cells = map[string]cellResult{}
	}
	if r.Starts == nil {
		r.Starts = map[string]startResult{}
	}
	if r.Agreement == nil {
		r.Agreement = map[string]agreement{}
	}
	if r.Machine.Engines == nil {
		r.Machine.Engines = map[string]string{}
	}
}

// has reports whether a cell has been measured.
func (r *results) has(c cell) bool {
	if c.workload.Name == startName {
		_, ok := r.Starts[c.group.id()]
		return ok
	}
	_, ok := r.Cells[c.id()]
	return ok
}

// drop forgets the cells that are chosen, to measure them again.
func (r *results) drop(p patterns) {
	for id := range r.Cells {
		if p.match(id) {
			delete(r.Cells, id)
		}
	}
	for id := range r.Starts {
		if p.match(id + "/" + startName) {
			delete(r.Starts, id)
		}
	}
	for name := range r.Agreement {
		if p.match(name) {
			delete(r.Agreement, name)
		}
	}
	if len(p) == 0 {
		clear(r.Peaks)
	}
}

func (r *results) save() error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	temp := r.path + ".tmp"
	if err := os.WriteFile(temp, raw, 0o644); err != nil {
		return err
	}
	return os.Rename(temp, r.path)
}

// splice replaces what stands between the markers in a Markdown file.
func splice(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), markerBegin+"\n")
	_, after, ok2 := strings.Cut(rest, markerEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s: no lines %s and %s", filepath.Base(path), markerBegin, markerEnd)
	}
	return os.WriteFile(path, []byte(before+markerBegin+"\n"+text+markerEnd+after), 0o644)
}

const (
	markerBegin = "<!-- bench-peers: begin -->"
	markerEnd   = "<!-- bench-peers: end -->"
)
