package source

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sampleRows is how many rows decide the kinds of columns that become
// metadata.
const sampleRows = 500

// row is a line of a table; line counts from 1.
type row struct {
	fields []string
	line   int
	err    error
}

// rows yields the rows of a table; io.EOF ends it. An error inside a row lets
// the next call go on.
type rows interface{ next() (row, error) }

func readCSV(in *input, r *reading) error {
	table, err := openTable(in)
	if err != nil {
		return err
	}
	head, err := table.next()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		return err
	}
	if head.err != nil {
		return fmt.Errorf("header: %w", head.err)
	}
	columns := head.fields
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	sample, err := readSample(table)
	if err != nil {
		return err
	}
	kinds := columnKinds(columns, sample, in.opt.Fields)
	for {
		var next row
		if len(sample) > 0 {
			next, sample = sample[0], sample[1:]
		} else if next, err = table.next(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if !r.row(in, columns, kinds, next) {
			return nil
		}
	}
}

func openTable(in *input) (rows, error) {
	head, err := in.Peek(window)
	if err != nil && err != io.EOF {
		return nil, err
	}
	delimiter := in.opt.Delimiter
	if delimiter == 0 {
		delimiter = '\t'
		if in.format != TSV {
			delimiter = sniffDelimiter(head)
		}
	}
	if delimiter == '\t' && !quoted(head, err == io.EOF) {
		return &splitRows{in: in}, nil
	}
	table := csv.NewReader(in)
	table.Comma = delimiter
	table.FieldsPerRecord = -1
	return &csvRows{r: table}, nil
}

// sniffDelimiter counts the candidates in the header line, outside quotes.
func sniffDelimiter(head []byte) rune {
	counts := map[rune]int{}
	inQuotes := false
scan:
	for _, c := range string(head) {
		switch {
		case c == '"':
			inQuotes = !inQuotes
		case inQuotes:
		case c == '\n':
			break scan
		default:
			counts[c]++
		}
	}
	best := ','
	for _, c := range []rune{';', '\t', '|'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}

// quoted reports whether a tab-separated file uses quotes as CSV does: it has
// some, and its beginning parses that way into rows of equal length. Most such
// files use none, and a quote in them is a plain character.
func quoted(head []byte, whole bool) bool {
	if !whole {
		head = head[:bytes.LastIndexByte(head, '\n')+1]
	}
	if !bytes.ContainsRune(head, '"') {
		return false
	}
	table := csv.NewReader(bytes.NewReader(head))
	table.Comma = '\t'
	for {
		_, err := table.Read()
		if err == io.EOF {
			return true
		}
		if err != nil {
			// A quoted field may run past the window.
			return !whole && errors.Is(err, csv.ErrQuote) && bytes.Count(head, []byte{'"'})%2 == 1
		}
	}
}

type csvRows struct {
	r *csv.Reader
}

func (t *csvRows) next() (row, error) {
	fields, err := t.r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return row{line: parse.StartLine, err: parse.Err}, nil
	}
	if err != nil {
		return row{}, err
	}
	line, _ := t.r.FieldPos(0)
	return row{fields: fields, line: line}, nil
}

// splitRows reads lines split at tabs.
type splitRows struct {
	in *input
}

func (t *splitRows) next() (row, error) {
	for {
		line, err := t.in.readLine()
		if err != nil {
			return row{}, err
		}
		if len(line) > 0 {
			return row{fields: strings.Split(string(line), "\t"), line: t.in.line}, nil
		}
	}
}

func readSample(table rows) ([]row, error) {
	var sample []row
	for len(sample) < sampleRows {
		next, err := table.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		sample = append(sample, next)
	}
	return sample, nil
}

// columnKinds finds the columns whose every cell is a number, or true or
// false. Numbers that would not come back as written (007, 1e400) stay words.
func columnKinds(columns []string, sample []row, fields Fields) map[string]Kind {
	kinds := map[string]Kind{}
	for i, name := range columns {
		numbers, bools, cells := true, true, 0
		for _, r := range sample {
			if i >= len(r.fields) || r.fields[i] == "" {
				continue
			}
			cells++
			cell := r.fields[i]
			numbers = numbers && isPlainNumber(cell)
			bools = bools && (strings.EqualFold(cell, "true") || strings.EqualFold(cell, "false"))
		}
		switch {
		case cells == 0:
		case numbers:
			kinds[name] = Number
		case bools:
			kinds[name] = Bool
		}
	}
	for _, f := range fields.Meta {
		if f.Kind != "" {
			delete(kinds, f.Name) // what the user says is applied later
		}
	}
	return kinds
}

func isPlainNumber(s string) bool {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(x, 0) || math.IsNaN(x) || !exact(json.Number(s), x) {
		return false
	}
	digits := strings.TrimPrefix(s, "-")
	return len(digits) == 1 || digits[0] != '0' || digits[1] == '.'
}

// row hands on one row as a record of strings, numbers and bools.
func (r *reading) row(in *input, columns []string, kinds map[string]Kind, next row) bool {
	if next.err != nil {
		return r.bad(next.line, next.err)
	}
	if len(next.fields) != len(columns) {
		return r.bad(next.line, fmt.Errorf("%d columns where the header has %d", len(next.fields), len(columns)))
	}
	rec := make(map[string]any, len(columns))
	for i, name := range columns {
		cell := next.fields[i]
		if !utf8.ValidString(cell) {
			return r.bad(next.line, errNotUTF8)
		}
		rec[name] = cell
	}
	typed := func(name string) (any, error) { return typeCell(rec[name].(string), kinds[name]) }
	d, err := in.opt.Fields.cells(rec, typed, fmt.Sprintf("%s:%d", in.name, next.line))
	if err != nil {
		return r.bad(next.line, err)
	}
	return r.doc(next.line, d)
}

// cells maps a row: id, title and text as they stand, metadata typed.
func (f *Fields) cells(rec map[string]any, typed func(string) (any, error), fallbackID string) (Document, error) {
	used := map[string]bool{}
	var d Document
	var err error
	if d.ID, err = f.identity(rec, fallbackID, used); err != nil {
		return d, err
	}
	if d.Title, err = f.title(rec, used); err != nil {
		return d, err
	}
	if d.Text, err = f.text(rec, used); err != nil {
		return d, err
	}
	for name := range rec {
		if used[name] {
			continue
		}
		value, err := typed(name)
		if err != nil {
			return d, fmt.Errorf("column %q: %w", name, err)
		}
		rec[name] = value
	}
	d.Metadata, err = f.metadata(rec, used)
	return d, err
}

// typeCell turns a cell into the value that JSON would have; an empty one is
// absent.
func typeCell(cell string, kind Kind) (any, error) {
	if cell == "" {
		return nil, nil
	}
	switch kind {
	case Number:
		if !isPlainNumber(cell) {
			return nil, fmt.Errorf("%q is not a number as in the rows before; say --meta NAME:keyword to keep the column as words", cell)
		}
		return json.Number(cell), nil
	case Bool:
		b, err := convertBool(cell)
		if err != nil {
			return nil, fmt.Errorf("%w as in the rows before; say --meta NAME:keyword to keep the column as words", err)
		}
		return b, nil
	}
	return cell, nil
}
