package nli

import (
	"io"
	"math"
	"path/filepath"
	"strconv"
	"strings"

	"semdex/nli/internal/table"
)

// Scored is a pair of sentences with the similarity that people gave it, 0 to
// 5 in the STS corpora. Only the order of the scores of one set matters.
type Scored struct {
	A, B  string
	Score float64
}

// ReadSTS reads a set of scored pairs, plain or gzipped. A .csv file holds
// sentence1,sentence2,score as STS-B does, with or without a header of these
// names. A .tsv file has a header that names these three columns in any order,
// as KorSTS does, and its quotes are literal. JSON (KLUE-STS) and .txt (SICK) are
// read as Read does. Errors name the line.
func ReadSTS(path string) ([]Scored, error) {
	switch filepath.Ext(strings.TrimSuffix(path, ".gz")) {
	case ".json", ".jsonl", ".txt": // KLUE-STS, SICK
		d, err := Read(path, Format{Kind: Scores})
		if err != nil {
			return nil, err
		}
		return d.Scored(math.Inf(-1), math.MaxFloat64)
	}
	dialect := table.CSV
	if filepath.Ext(strings.TrimSuffix(path, ".gz")) == ".tsv" {
		dialect = table.TSV
	}
	r, err := table.Open(path, dialect)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return readSTS(r, dialect == table.TSV)
}

// readSTS reads rows of the three columns; without a header a first row that
// names them is accepted all the same.
func readSTS(r *table.Reader, header bool) ([]Scored, error) {
	columns := []string{"sentence1", "sentence2", "score"}
	first, err := r.Next()
	if err != nil && err != io.EOF {
		return nil, err
	}
	var out []Scored
	if err = r.SetHeader(first, columns...); err != nil {
		if header || len(first) < 3 {
			return nil, err
		}
		if err := r.SetHeader(columns); err != nil {
			return nil, err
		}
		if out, err = appendScored(out, r, first[:3]); err != nil {
			return nil, err
		}
	}
	for {
		f, err := r.Fields(columns...)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		if out, err = appendScored(out, r, f); err != nil {
			return nil, err
		}
	}
}

func appendScored(out []Scored, r *table.Reader, f []string) ([]Scored, error) {
	score, err := strconv.ParseFloat(strings.TrimSpace(f[2]), 64)
	if err != nil || math.IsNaN(score) || math.IsInf(score, 0) {
		return nil, r.Errorf("score %q is not a number", f[2])
	}
	if strings.TrimSpace(f[0]) == "" || strings.TrimSpace(f[1]) == "" {
		return nil, r.Errorf("a sentence is empty")
	}
	return append(out, Scored{A: f[0], B: f[1], Score: score}), nil
}
