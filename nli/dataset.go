package nli

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"semdex/nli/internal/table"
)

// Errors of corpora. Messages name the file and the line.
var (
	// ErrLayout: the columns of a file cannot be told, or are not those asked
	// for.
	ErrLayout = errors.New("unclear columns")
	// ErrLabel: a label that the label map does not have.
	ErrLabel = errors.New("unknown label")
	// ErrScore: a score that is no number or out of its range.
	ErrScore = errors.New("invalid score")
)

// Kind says what the third column of a corpus of pairs holds.
type Kind int

// The kinds. Any takes labels where a file has both, and numbers else.
const (
	Any Kind = iota
	Labels
	Scores
)

// Quoting says what a quote at the beginning of a field means.
type Quoting string

// The forms of quoting. Comma-separated files are always quoted; for others it
// is found out from the whole file.
const (
	QuotesDetected Quoting = ""
	QuotesCSV      Quoting = "csv"     // fields may be quoted, quotes in them are doubled
	QuotesLiteral  Quoting = "literal" // a quote is a character like any other
)

// Format says how a file is to be read. The zero value finds everything out.
type Format struct {
	Kind    Kind
	Columns []string // of the first text, the second and the label: names, or numbers from 1
	Quotes  Quoting
	// NoHeader says that the first row is data. Otherwise it is a header if it
	// names columns that are known or asked for.
	NoHeader bool
}

// Row is a pair as it stands in a file.
type Row struct {
	A, B string
	Gold string // the label or the score, as written
	ID   string // the corpus' own name of the pair, "" if it has none
	Line int    // where the row begins, from 1; in a JSON list the number of the object
}

// Dataset is a corpus of pairs in memory.
type Dataset struct {
	Path string
	Rows []Row
	// Unlabelled rows ("-": people did not agree) are left out.
	Unlabelled int
	// Columns are the names or numbers of the columns that were taken.
	Columns [3]string
	Header  bool
	Quoted  bool
}

// Read reads a corpus of pairs, plain or gzipped: tab- or comma-separated files
// with or without a header (SNLI, MultiNLI, KorNLI, XNLI, KLUE, STS-B, KorSTS,
// SICK, and files with columns of these names), JSON lists (KLUE), JSON lines
// (SNLI, MultiNLI), and SNLI as three files s1.X, s2.X, labels.X, named by their
// folder and X (snli/dev) or by any of the three. No row is lost: a first row
// that names no known column is data. Errors wrap ErrLayout or fs.ErrNotExist.
func Read(path string, f Format) (*Dataset, error) {
	if len(f.Columns) != 0 && len(f.Columns) != 3 {
		return nil, fmt.Errorf("%w: %d columns are named, want three: text, text, label", ErrLayout, len(f.Columns))
	}
	var d *Dataset
	var err error
	if split, ok := threeFiles(path); ok {
		d, err = readThree(split)
	} else {
		switch strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz"))) {
		case ".json", ".jsonl", ".ndjson":
			d, err = readObjects(path, f)
		default:
			d, err = readTable(path, f)
		}
	}
	if err != nil {
		return nil, err
	}
	d.Path = path
	if err := d.dropUnlabelled(); err != nil {
		return nil, err
	}
	return d, nil
}

// dropUnlabelled removes rows that the annotators did not agree on and refuses
// empty texts and labels.
func (d *Dataset) dropUnlabelled() error {
	all := d.Rows
	d.Rows = all[:0]
	for i := range all {
		r := &all[i]
		if r.Gold = strings.TrimSpace(r.Gold); r.Gold == "-" {
			d.Unlabelled++
			continue
		}
		switch {
		case strings.TrimSpace(r.A) == "" || strings.TrimSpace(r.B) == "":
			return d.errorf(*r, "%w: a text is empty", ErrLayout)
		case r.Gold == "":
			return d.errorf(*r, "%w: the label is empty", ErrLabel)
		}
		d.Rows = append(d.Rows, *r)
	}
	return nil
}

// errorf is an error that names the place of a row.
func (d *Dataset) errorf(r Row, format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, slices.Concat([]any{d.Path, r.Line}, args)...)
}

// LabelMap gives labels of a file, in lower case, the names that they have
// elsewhere: {"0": "entailment"}. Names that it lacks stand for themselves.
type LabelMap map[string]string

// Name is what a label of a file is called, in lower case.
func (m LabelMap) Name(gold string) string {
	gold = strings.ToLower(strings.TrimSpace(gold))
	if name, ok := m[gold]; ok {
		return strings.ToLower(name)
	}
	return gold
}

// Classes gives the number of every row's label among names, which are compared
// without case. A label that is not among them wraps ErrLabel.
func (d *Dataset) Classes(names []string, m LabelMap) ([]int32, error) {
	number := make(map[string]int32, len(names))
	for i, n := range names {
		number[strings.ToLower(n)] = int32(i)
	}
	out := make([]int32, len(d.Rows))
	for i, r := range d.Rows {
		n, ok := number[m.Name(r.Gold)]
		if !ok {
			return nil, d.errorf(r, "%w %q; known are %s", ErrLabel, r.Gold, strings.Join(names, ", "))
		}
		out[i] = n
	}
	return out, nil
}

// Inferences are the rows as pairs of natural language inference. Errors wrap
// ErrLabel.
func (d *Dataset) Inferences(m LabelMap) ([]Inference, error) {
	classes, err := d.Classes(LabelNames(), m)
	if err != nil {
		return nil, err
	}
	out := make([]Inference, len(d.Rows))
	for i, r := range d.Rows {
		out[i] = Inference{r.A, r.B, Label(classes[i])}
	}
	return out, nil
}

// Scored are the rows with their scores, which must lie between low and high.
// Errors wrap ErrScore.
func (d *Dataset) Scored(low, high float64) ([]Scored, error) {
	out := make([]Scored, len(d.Rows))
	for i, r := range d.Rows {
		score, err := strconv.ParseFloat(r.Gold, 64)
		if err != nil || math.IsNaN(score) {
			return nil, d.errorf(r, "%w: %q is not a number", ErrScore, r.Gold)
		}
		if score < low || score > high {
			return nil, d.errorf(r, "%w: %s is not between %g and %g", ErrScore, r.Gold, low, high)
		}
		out[i] = Scored{r.A, r.B, score}
	}
	return out, nil
}

// readTable reads a delimited file.
func readTable(path string, f Format) (*Dataset, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	dialect := dialectOf(path, data, f.Quotes)
	rows, lines, err := rowsOf(path, data, dialect)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Path: path, Quoted: dialect != table.TSV}
	cols, err := columnsOf(path, rows, f)
	if err != nil {
		return nil, err
	}
	first := 0
	if cols.header {
		first, d.Header = 1, true
	}
	d.Columns = cols.names
	d.Rows = make([]Row, 0, len(rows)-first)
	for i := first; i < len(rows); i++ {
		r := Row{Line: lines[i]}
		for c, at := range cols.at {
			if at >= len(rows[i]) {
				return nil, d.errorf(r, "%w: %d columns, no %s", ErrLayout, len(rows[i]), cols.names[c])
			}
		}
		r.A, r.B, r.Gold = rows[i][cols.at[0]], rows[i][cols.at[1]], rows[i][cols.at[2]]
		if cols.id >= 0 && cols.id < len(rows[i]) {
			r.ID = rows[i][cols.id]
		}
		d.Rows = append(d.Rows, r)
	}
	return d, nil
}

// readFile reads a file, plain or gzipped.
func readFile(path string) ([]byte, error) {
	f, err := table.OpenFile(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
