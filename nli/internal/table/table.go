// Package table reads the delimited text files that corpora of sentence pairs
// come as: plain or gzipped, with or without a header, quoted or not.
package table

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// Dialect says how a line is cut into fields.
type Dialect int

// The dialects. Corpora in TSV mostly write quotes literally, but those saved
// by a spreadsheet or a data frame quote as CSV does: it has to be known.
const (
	CSV       Dialect = iota // commas; quoted fields may hold commas and newlines
	TSV                      // tabs; a quote is a character like any other
	QuotedTSV                // tabs; quoted as CSV
)

// Reader reads one file row by row.
type Reader struct {
	path string
	file io.Closer
	next func() ([]string, int, error) // a row, the line it begins at
	line int
	cols map[string]int
}

// OpenFile opens path or, if it is not there, path.gz; a name that ends in .gz
// is unpacked. The error of a missing file wraps fs.ErrNotExist.
func OpenFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(path, ".gz") {
		if g, gzErr := os.Open(path + ".gz"); gzErr == nil {
			f, err, path = g, nil, path+".gz"
		}
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(path, ".gz") {
		return f, nil
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<16))
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &unpacked{z, f}, nil
}

type unpacked struct {
	*gzip.Reader
	file *os.File
}

func (u *unpacked) Close() error { return errors.Join(u.Reader.Close(), u.file.Close()) }

// Open opens the file at path, plain or gzipped.
func Open(path string, d Dialect) (*Reader, error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, err
	}
	r := New(path, f, d)
	r.file = f
	return r, nil
}

// New reads from r; path names it in errors.
func New(path string, r io.Reader, d Dialect) *Reader {
	b := bufio.NewReaderSize(r, 1<<16)
	if head, _ := b.Peek(3); string(head) == "\ufeff" {
		_, _ = b.Discard(3) // peeked, so it is there
	}
	t := &Reader{path: path}
	if d == TSV {
		t.next = literalRows(b)
	} else {
		t.next = quotedRows(b, d)
	}
	return t
}

func quotedRows(b *bufio.Reader, d Dialect) func() ([]string, int, error) {
	c := csv.NewReader(b)
	c.FieldsPerRecord = -1
	if d == QuotedTSV {
		c.Comma = '\t'
	}
	return func() ([]string, int, error) {
		row, err := c.Read()
		if len(row) == 0 {
			return nil, 0, err
		}
		line, _ := c.FieldPos(0)
		return row, line, err
	}
}

func literalRows(b *bufio.Reader) func() ([]string, int, error) {
	line := 0
	return func() ([]string, int, error) {
		for {
			s, err := b.ReadString('\n')
			if err != nil && (err != io.EOF || s == "") {
				return nil, line, err
			}
			line++
			s = strings.TrimSuffix(strings.TrimSuffix(s, "\n"), "\r")
			if s != "" {
				return strings.Split(s, "\t"), line, nil
			}
		}
	}
}

// Next gives the next row, io.EOF after the last one. Empty lines are skipped.
func (r *Reader) Next() ([]string, error) {
	row, line, err := r.next()
	if err == io.EOF {
		return nil, err
	}
	if err != nil { // encoding/csv names the line itself
		return nil, fmt.Errorf("%s: %w", r.path, err)
	}
	r.line = line
	for i, f := range row {
		if !utf8.ValidString(f) {
			return nil, r.Errorf("column %d is not valid UTF-8", i+1)
		}
	}
	return row, nil
}

// Header takes the next row as the names of the columns and wants each of the
// given ones among them.
func (r *Reader) Header(want ...string) error {
	row, err := r.Next()
	if err == io.EOF {
		return fmt.Errorf("%s: empty, want a header with %s", r.path, strings.Join(want, ", "))
	}
	if err != nil {
		return err
	}
	return r.SetHeader(row, want...)
}

// SetHeader is Header for a row that has been read already.
func (r *Reader) SetHeader(row []string, want ...string) error {
	r.cols = make(map[string]int, len(row))
	for i, name := range row {
		r.cols[strings.TrimSpace(name)] = i
	}
	for _, name := range want {
		if _, ok := r.cols[name]; !ok {
			return r.Errorf("no column %q in the header (%s)", name, strings.Join(row, ", "))
		}
	}
	return nil
}

// Has says whether the header named the column.
func (r *Reader) Has(name string) bool { _, ok := r.cols[name]; return ok }

// Fields gives the named columns of the next row, io.EOF after the last.
func (r *Reader) Fields(names ...string) ([]string, error) {
	row, err := r.Next()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(names))
	for i, name := range names {
		c, ok := r.cols[name]
		if !ok || c >= len(row) {
			return nil, r.Errorf("%d columns, no %q", len(row), name)
		}
		out[i] = row[c]
	}
	return out, nil
}

// Line is where the last row began, from 1.
func (r *Reader) Line() int { return r.line }

// Errorf is an error that names the file and the line of the last row.
func (r *Reader) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d: "+format, slices.Concat([]any{r.path, r.line}, args)...)
}

// Close closes the file.
func (r *Reader) Close() error {
	if r.file == nil {
		return nil
	}
	return r.file.Close()
}
