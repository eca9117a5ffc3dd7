package nli

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"semdex/nli/internal/table"
)

// The names that columns have in the corpora in use, the best first: of
// TaxiNLI's two labels "label" is the original one.
var (
	firstNames  = []string{"premise", "sentence1", "sentence_a", "prem", "text_a", "query", "question"}
	secondNames = []string{"hypothesis", "sentence2", "sentence_b", "hyp", "text_b", "passage", "document", "text"}
	labelNames  = []string{"label", "gold_label", "entailment_label", "entailment_judgment"}
	scoreNames  = []string{"score", "relatedness_score", "similarity", "relevance", "labels.real-label", "labels.label", "real-label", "label"}
	idNames     = []string{"guid", "pairid", "pair_id", "uid", "id", "idx", "index"}
)

// goldNames are the names of the third column.
func goldNames(k Kind) []string {
	switch k {
	case Labels:
		return labelNames
	case Scores:
		return scoreNames
	}
	return slices.Concat(labelNames, scoreNames[:len(scoreNames)-1]) // both have "label"
}

// canonical is a column's name as the lists above have it.
func canonical(name string) string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), " ", "_")
}

// dialectOf finds out how a file is cut into fields.
func dialectOf(path string, data []byte, q Quoting) table.Dialect {
	head, _, _ := bytes.Cut(data, []byte("\n"))
	tabs := bytes.Count(head, []byte("\t"))
	if strings.ToLower(filepath.Ext(strings.TrimSuffix(path, ".gz"))) == ".csv" && tabs < 2 {
		return table.CSV
	}
	if q == QuotesCSV || q == QuotesDetected && quotedTSV(path, data) {
		return table.QuotedTSV
	}
	return table.TSV
}

// quotedTSV says that quotes in a tab-separated file are those of a
// spreadsheet or data frame: it can be read that way, every row is of one width,
// and some field needs its quotes, or all have them. A sentence that merely
// stands in quotation marks proves nothing.
func quotedTSV(path string, data []byte) bool {
	quotes := bytes.Count(data, []byte(`"`))
	if quotes == 0 {
		return false
	}
	r := table.New(path, bytes.NewReader(data), table.QuotedTSV)
	width, fields, needed := 0, 0, false
	for {
		row, err := r.Next()
		if err == io.EOF {
			return needed || quotes == 2*fields
		}
		if err != nil || width > 0 && len(row) != width {
			return false
		}
		width = len(row)
		fields += width
		needed = needed || slices.ContainsFunc(row, func(f string) bool { return strings.ContainsAny(f, "\"\t\n") })
	}
}

// rowsOf cuts a file into rows and says at which line each begins.
func rowsOf(path string, data []byte, d table.Dialect) (rows [][]string, lines []int, err error) {
	r := table.New(path, bytes.NewReader(data), d)
	for {
		row, err := r.Next()
		if err == io.EOF {
			return rows, lines, nil
		}
		if err != nil {
			return nil, nil, err
		}
		rows, lines = append(rows, row), append(lines, r.Line())
	}
}

// columns says where the parts of a row stand.
type columns struct {
	at     [3]int
	id     int // -1: nowhere
	names  [3]string
	header bool
}

// columnsOf settles the columns of a file: those asked for, those that its
// header names, or those that their contents tell.
func columnsOf(path string, rows [][]string, f Format) (columns, error) {
	if len(rows) == 0 {
		return columns{}, fmt.Errorf("%s: %w: the file is empty", path, ErrLayout)
	}
	if numbers := columnNumbers(f.Columns); numbers != nil {
		c := columns{at: *numbers, id: -1, names: [3]string(f.Columns)}
		c.header = !f.NoHeader && namesColumns(rows[0])
		return c, nil
	}
	if len(f.Columns) > 0 && f.NoHeader {
		return columns{}, fmt.Errorf("%s: %w: a file without a header has numbers for columns, not names", path, ErrLayout)
	}
	if len(f.Columns) > 0 || !f.NoHeader && namesColumns(rows[0]) {
		return namedColumns(path, rows[0], f)
	}
	return guessColumns(path, rows, f.Kind)
}

// columnNumbers reads columns given by number, from 1; nil if they are names.
func columnNumbers(list []string) *[3]int {
	if len(list) == 0 {
		return nil
	}
	var at [3]int
	for i, s := range list {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil
		}
		at[i] = n - 1
	}
	return &at
}

// namesColumns says that a row is a header: two of its cells are known names of
// different parts.
func namesColumns(row []string) bool {
	parts := 0
	for _, known := range [][]string{firstNames, secondNames, goldNames(Any)} {
		if find(row, known) >= 0 {
			parts++
		}
	}
	return parts >= 2
}

// find gives the cell of row with the best of the names, -1 for none.
func find(row, names []string) int {
	for _, n := range names {
		if i := slices.IndexFunc(row, func(cell string) bool { return canonical(cell) == n }); i >= 0 {
			return i
		}
	}
	return -1
}

// namedColumns finds the columns in a header.
func namedColumns(path string, header []string, f Format) (columns, error) {
	c := columns{header: true, id: find(header, idNames)}
	for i, known := range [][]string{firstNames, secondNames, goldNames(f.Kind)} {
		if len(f.Columns) > 0 {
			known = []string{canonical(f.Columns[i])}
		}
		if c.at[i] = find(header, known); c.at[i] < 0 {
			return c, fmt.Errorf("%s:1: %w: no column %s in the header (%s)", path, ErrLayout, strings.Join(known, " or "), strings.Join(header, ", "))
		}
		c.names[i] = header[c.at[i]]
	}
	return c, nil
}

// sampleRows is how many rows decide about columns without names.
const sampleRows = 1000

// guessColumns tells the columns of a file without a header by what they hold:
// one with labels (or scores between 0 and 5) and the two with the longest texts,
// in their order. It refuses where two columns could be meant.
func guessColumns(path string, rows [][]string, k Kind) (columns, error) {
	unclear := func(format string, args ...any) (columns, error) {
		return columns{}, fmt.Errorf("%s: %w: no header, and %s", path, ErrLayout, fmt.Sprintf(format, args...))
	}
	sample := rows[:min(sampleRows, len(rows))]
	width := len(sample[0])
	for _, r := range sample {
		width = min(width, len(r))
	}
	if width < 3 {
		return unclear("%d columns, want a text, a text and a label", width)
	}
	var gold []int
	length := make([]int, width)
	for c := range width {
		if isGold(sample, c, k) {
			gold = append(gold, c)
		}
		for _, r := range sample {
			length[c] += utf8.RuneCountInString(r[c])
		}
	}
	if len(gold) != 1 {
		return unclear("%d columns hold %s", len(gold), [...]string{"labels or scores", "labels", "scores"}[k])
	}
	order := make([]int, 0, width)
	for c := range width {
		if c != gold[0] {
			order = append(order, c)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return length[b] - length[a] })
	if len(order) > 2 && 3*length[order[2]] > length[order[1]] {
		return unclear("columns %d and %d both hold long texts", order[1]+1, order[2]+1)
	}
	a, b := min(order[0], order[1]), max(order[0], order[1])
	c := columns{at: [3]int{a, b, gold[0]}, id: -1}
	for i, at := range c.at {
		c.names[i] = strconv.Itoa(at + 1)
	}
	return c, nil
}

// isGold says that a column holds nothing but labels, by name or as single
// digits, or nothing but scores of kind k.
func isGold(sample [][]string, c int, k Kind) bool {
	names, digits, scores := true, true, true
	for _, r := range sample {
		cell := strings.TrimSpace(r[c])
		if _, ok := ParseLabel(cell); !ok && cell != "-" {
			names = false
		}
		if len(cell) != 1 || cell[0] < '0' || cell[0] > '9' {
			digits = false
		}
		if x, err := strconv.ParseFloat(cell, 64); err != nil || x < 0 || x > 5 {
			scores = false
		}
	}
	return (names || digits) && k != Scores || scores && k != Labels
}
