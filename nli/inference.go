package nli

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"semdex/nli/internal/table"
)

// Label says how a hypothesis relates to its premise. The numbers are
// semdex's own and the same for every corpus; files are read by name.
type Label int

// The three labels of natural language inference.
const (
	Entailment Label = iota
	Neutral
	Contradiction
)

// String is the label's name.
func (l Label) String() string {
	if l < Entailment || l > Contradiction {
		return fmt.Sprintf("label(%d)", int(l))
	}
	return [...]string{"entailment", "neutral", "contradiction"}[l]
}

// ParseLabel reads a label's name, in any case.
func ParseLabel(s string) (Label, bool) {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "entailment":
		return Entailment, true
	case "neutral":
		return Neutral, true
	case "contradiction":
		return Contradiction, true
	}
	return 0, false
}

// Inference is a premise, a hypothesis and how they relate.
type Inference struct {
	Premise, Hypothesis string
	Label               Label
}

// columnNames are the headers in use, the best label first: of taxinli's two
// labels "label" is the original one.
var columnNames = [3][]string{
	{"premise", "sentence1", "prem"},
	{"hypothesis", "sentence2", "hyp"},
	{"label", "gold_label"},
}

// ReadInferences reads an NLI corpus, plain or gzipped: .csv and .tsv files
// with a header (premise or sentence1, hypothesis or sentence2, label or
// gold_label), or .json with a list of objects with these keys. Quotes in .tsv
// files are literal unless quoted is set. Rows without a gold label ("-") are
// left out; any other unknown label is an error that names the line.
func ReadInferences(path string, quoted bool) ([]Inference, error) {
	dialect := table.CSV
	switch filepath.Ext(strings.TrimSuffix(path, ".gz")) {
	case ".json":
		return readInferenceList(path)
	case ".tsv":
		dialect = table.TSV
		if quoted {
			dialect = table.QuotedTSV
		}
	}
	r, err := table.Open(path, dialect)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if err := r.Header(); err != nil {
		return nil, err
	}
	var names [3]string
	for i, known := range columnNames {
		for _, n := range known {
			if names[i] == "" && r.Has(n) {
				names[i] = n
			}
		}
		if names[i] == "" {
			return nil, r.Errorf("no column %s in the header", strings.Join(known, " or "))
		}
	}
	var out []Inference
	for {
		f, err := r.Fields(names[:]...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if f[2] == "-" {
			continue
		}
		label, ok := ParseLabel(f[2])
		if !ok {
			return nil, r.Errorf("unknown label %q", f[2])
		}
		out = append(out, Inference{f[0], f[1], label})
	}
}

func readInferenceList(path string) ([]Inference, error) {
	f, err := table.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var rows []map[string]any
	if err := json.NewDecoder(f).Decode(&rows); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := make([]Inference, 0, len(rows))
	for i, row := range rows {
		var v [3]string
		for c, known := range columnNames {
			for _, n := range known {
				if s, ok := row[n].(string); ok && v[c] == "" {
					v[c] = s
				}
			}
		}
		if v[2] == "-" {
			continue
		}
		label, ok := ParseLabel(v[2])
		if !ok || v[0] == "" || v[1] == "" {
			return nil, fmt.Errorf("%s: object %d has no premise, hypothesis and known label", path, i)
		}
		out = append(out, Inference{v[0], v[1], label})
	}
	return out, nil
}
