package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// results are what has been measured with one build of this program.
type results struct {
	Build      string                `json:"build"`
	Ours       string                `json:"ours"`
	Peer       string                `json:"peer"`
	Settings   map[string][]string   `json:"settings"`   // the peer's best, by the number of threads
	Parameters map[string]int        `json:"parameters"` // by loss/shape
	Cells      map[string]cellResult `json:"cells"`

	path string
}

// cellResult is a cell's figures, semdex's first and the peer's second.
type cellResult struct {
	When   time.Time    `json:"when"`
	Load   float64      `json:"load"` // the system's load average before
	Loss   [2]float64   `json:"loss"` // of the first step
	CPU    [2][]float64 `json:"cpu"`  // seconds
	Wall   [2][]float64 `json:"wall"` // seconds
	Allocs []float64    `json:"allocs"`
}

func (c *cellResult) add(side int, a answer) {
	c.CPU[side] = append(c.CPU[side], a.CPU)
	c.Wall[side] = append(c.Wall[side], a.Wall)
	if side == 0 {
		c.Allocs = append(c.Allocs, float64(a.Allocs))
	}
}

// ratios are how many times faster semdex is, by medians.
func (c *cellResult) ratios() (cpu, wall float64) {
	return median(c.CPU[1]) / median(c.CPU[0]), median(c.Wall[1]) / median(c.Wall[0])
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// openResults reads the results of a build, or starts new ones.
func openResults(path, build string) (*results, error) {
	r := new(results)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if err := json.Unmarshal(raw, r); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if r.Build != build {
		*r = results{Build: build}
	}
	r.path = path
	if r.Cells == nil {
		r.Settings, r.Parameters, r.Cells = map[string][]string{}, map[string]int{}, map[string]cellResult{}
	}
	return r, nil
}

func (r *results) has(c cell) bool { _, ok := r.Cells[c.id()]; return ok }

func (r *results) save() error {
	raw, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(r.path+".new", raw, 0o644); err != nil {
		return err
	}
	return os.Rename(r.path+".new", r.path)
}

// self is this program's file and a name for what is in it.
func self() (exe, build string, err error) {
	if exe, err = os.Executable(); err != nil {
		return "", "", err
	}
	f, err := os.Open(exe)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", "", err
	}
	return exe, fmt.Sprintf("%x", h.Sum(nil)[:6]), nil
}

// The lines of a Markdown file between which the table stands.
const (
	markerBegin = "<!-- bench-train: begin -->"
	markerEnd   = "<!-- bench-train: end -->"
)

// splice puts text between the markers of a file.
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
