package evalsuite

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
)

// ErrResults marks results that cannot be read or compared.
var ErrResults = errors.New("unusable results")

// version is that of the form of results.
const version = 1

// Table is the results of a suite. It holds nothing that changes from run to run.
type Table struct {
	Version int       `json:"version"`
	Suite   string    `json:"suite"`
	Models  []Model   `json:"models"`
	Sets    []Results `json:"sets"`
	Missing []Missing `json:"missing,omitempty"`
}

// Model is what was measured.
type Model struct {
	Role        string `json:"role"` // encoder, reranker, classifier or reader
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint,omitempty"` // of encoders
}

// Missing is a set that was skipped and the files that it lacks.
type Missing struct {
	Set   string   `json:"set"`
	Paths []string `json:"paths"`
}

// Results are the figures of one set.
type Results struct {
	Set   string `json:"set"`
	Kind  Kind   `json:"kind"`
	Items int    `json:"items"` // pairs, queries or questions
	// Digest changes with any of the items: figures compare only where it is the
	// same.
	Digest string `json:"digest"`
	// Gold is what people said of each item, where a statistic needs it.
	Gold []float64 `json:"gold,omitempty"`
	Rows []Row     `json:"rows"`
}

// The roles of rows that are no model's.
const (
	Baseline = "baseline"
	Ceiling  = "ceiling" // what cannot be surpassed
)

// Row is one system on one set.
type Row struct {
	By     string `json:"by"`               // the model's or the baseline's name
	System string `json:"system,omitempty"` // how the model was used: a mode of search, a width
	Role   string `json:"role,omitempty"`   // "" for models
	// Figures are in the order in which they are shown.
	Figures []Figure `json:"figures"`
	// Items are lists with one number per item, by name: what Figures are
	// computed from. Baselines have none.
	Items map[string][]float64 `json:"items,omitempty"`
}

// Figure is one measure.
type Figure struct {
	Measure   string    `json:"measure"`
	Value     float64   `json:"value"`               // 1 is perfect
	Statistic Statistic `json:"statistic,omitempty"` // of the list Of
	Of        string    `json:"of,omitempty"`
}

// Mean makes a figure of a list of scores, which it puts among the row's items.
func (r *Row) Mean(measure string, scores []float64) {
	r.Keep(measure, scores)
	r.Figures = append(r.Figures, Figure{Measure: measure, Value: mean(scores), Statistic: Mean, Of: measure})
}

// Add adds a figure computed from the list of items that is named so.
func (r *Row) Add(measure string, value float64, s Statistic, of string) {
	r.Figures = append(r.Figures, Figure{Measure: measure, Value: value, Statistic: s, Of: of})
}

// Keep adds a list of items.
func (r *Row) Keep(name string, items []float64) {
	if r.Items == nil {
		r.Items = make(map[string][]float64)
	}
	r.Items[name] = items
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// Digest is a checksum of the items of a set.
type Digest struct{ h hash.Hash }

// NewDigest makes one of nothing.
func NewDigest() *Digest { return &Digest{sha256.New()} }

// Add adds texts, whose borders count.
func (d *Digest) Add(texts ...string) {
	for _, s := range texts {
		_, _ = d.h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
		_, _ = io.WriteString(d.h, s)
	}
}

// String is the checksum.
func (d *Digest) String() string { return hex.EncodeToString(d.h.Sum(nil)[:8]) }

// WriteJSON writes t in a form that ReadTable reads.
func (t *Table) WriteJSON(w io.Writer) error {
	t.Version = version
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(t)
}

// ReadTable reads results that WriteJSON has written. Errors wrap ErrResults, or
// are the file's.
func ReadTable(path string) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var t Table
	if err := json.NewDecoder(f).Decode(&t); err != nil {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrResults, err)
	}
	if t.Version != version || len(t.Sets) == 0 {
		return nil, fmt.Errorf("%s: %w: version %d with %d sets; want version %d of semdex eval suite", path, ErrResults, t.Version, len(t.Sets), version)
	}
	return &t, nil
}
