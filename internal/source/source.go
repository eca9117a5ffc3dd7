// Package source reads documents from files: JSON lines, JSON, CSV and TSV,
// plain text, Markdown and HTML, compressed or not, one by one or by the
// folder, and standard input. Open finds the files, Documents streams them.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync/atomic"
)

// Format names how a file holds documents.
type Format string

// The formats. Auto, the zero value, goes by the file's name.
const (
	Auto     Format = ""
	JSONL    Format = "jsonl"    // one object a line
	JSON     Format = "json"     // an array of objects, or objects one after another
	CSV      Format = "csv"      // a header line, then one document a row
	TSV      Format = "tsv"      // CSV with tabs
	Text     Format = "text"     // one document a file, or a line with Options.Lines
	Markdown Format = "markdown" // one document a file; front matter is metadata
	HTML     Format = "html"     // one document a file; the main text only
)

// ParseFormat turns a name as users write it into a Format.
func ParseFormat(name string) (Format, error) {
	switch f := Format(strings.ToLower(name)); f {
	case Auto, JSONL, JSON, CSV, TSV, Text, Markdown, HTML:
		return f, nil
	case "ndjson":
		return JSONL, nil
	case "txt":
		return Text, nil
	case "md":
		return Markdown, nil
	case "htm":
		return HTML, nil
	}
	return Auto, fmt.Errorf("unknown format %q: know jsonl, json, csv, tsv, text, markdown, html", name)
}

// Options say how files become documents. The zero value reads every known
// file by its extension, finds the usual field names and stops at the first
// record it cannot read.
type Options struct {
	Format    Format
	Fields    Fields
	Lines     bool   // plain text: a document per line instead of per file
	Blocks    bool   // plain text: a document per run of lines without an empty one
	Delimiter rune   // CSV; 0 finds it in the header line
	Encoding  string // a name of the WHATWG list, "cp949" or "uhc"; "" detects it
	// SkipBad goes on after a record that cannot be read; OnBad, if set, is
	// told of each.
	SkipBad bool
	OnBad   func(error)
	// Check, if set, refuses documents; its error makes the record a bad one.
	Check func(Document) error
	// Stdin is what the path "-" reads.
	Stdin io.Reader
}

// ErrNoFiles says that the paths hold nothing to read.
var ErrNoFiles = errors.New("no files to read")

// RecordError locates what cannot be read: a file and, where there is one, a
// line from 1.
type RecordError struct {
	File string
	Line int
	Err  error
}

func (e *RecordError) Error() string {
	if e.Line > 0 {
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.File, e.Err)
}

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// Source is a set of files to read once, in a fixed order. Its counters may be
// read while Documents runs.
type Source struct {
	opt     Options
	files   []file
	size    int64
	ignored int

	read  atomic.Int64
	bad   atomic.Int64
	blank atomic.Int64
}

// Open resolves paths: files, folders (walked in order of names, hidden
// entries and unknown extensions left out) and "-" for standard input. The
// files themselves are opened by Documents.
func Open(paths []string, opt Options) (*Source, error) {
	if opt.Encoding != "" {
		if _, err := lookupEncoding(opt.Encoding); err != nil {
			return nil, err
		}
	}
	files, ignored, err := resolve(paths, opt)
	if err != nil {
		return nil, err
	}
	s := &Source{opt: opt, files: files, ignored: ignored}
	for _, f := range files {
		if f.size < 0 {
			s.size = -1
			break
		}
		s.size += f.size
	}
	return s, nil
}

// Size is the number of bytes in all files as stored, -1 if that is not known.
func (s *Source) Size() int64 { return s.size }

// Read is how many of those bytes have been read.
func (s *Source) Read() int64 { return s.read.Load() }

// Files is how many files there are.
func (s *Source) Files() int { return len(s.files) }

// Ignored is how many files were left out because of their extension.
func (s *Source) Ignored() int { return s.ignored }

// Bad is how many records could not be read and were skipped.
func (s *Source) Bad() int { return int(s.bad.Load()) }

// Blank is how many records had neither title nor text and were left out.
func (s *Source) Blank() int { return int(s.blank.Load()) }

// Documents streams the documents in order. A pair with an error is the last
// one; with SkipBad, only files that cannot be read at all end the stream.
func (s *Source) Documents(ctx context.Context) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, f := range s.files {
			run := &reading{source: s, file: f, ctx: ctx, yield: yield}
			err := run.all()
			if run.stopped {
				return
			}
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(Document{}, err)
				return
			}
		}
	}
}

// reading is the state of one file's pass.
type reading struct {
	source  *Source
	file    file
	ctx     context.Context
	yield   func(Document, error) bool
	stopped bool // the consumer has had enough, or has its error
}

func (r *reading) all() error {
	in, closeInput, err := r.source.openInput(r.file)
	if err != nil {
		return err
	}
	defer closeInput()
	format := r.file.format
	if format == Auto { // only standard input comes without a name
		if format, err = sniffStdin(in); err != nil {
			return &RecordError{File: r.file.path, Err: err}
		}
	}
	err = readers[format](in, r)
	if err != nil && !r.stopped {
		var located *RecordError
		if !errors.As(err, &located) {
			err = &RecordError{File: r.file.path, Err: err}
		}
	}
	return err
}

// doc hands on the document of a line. It reports whether to go on reading.
func (r *reading) doc(line int, d Document) bool {
	if r.stopped || r.ctx.Err() != nil {
		return false
	}
	if strings.TrimSpace(d.Text) == "" && strings.TrimSpace(d.Title) == "" {
		r.source.blank.Add(1)
		return true
	}
	if check := r.source.opt.Check; check != nil {
		if err := check(d); err != nil {
			return r.bad(line, err)
		}
	}
	if !r.yield(d, nil) {
		r.stopped = true
	}
	return !r.stopped
}

// bad reports a record that cannot be read. It reports whether to go on.
func (r *reading) bad(line int, err error) bool {
	if r.stopped || r.ctx.Err() != nil {
		return false
	}
	err = &RecordError{File: r.file.path, Line: line, Err: err}
	if !r.source.opt.SkipBad {
		r.yield(Document{}, err)
		r.stopped = true
		return false
	}
	r.source.bad.Add(1)
	if r.source.opt.OnBad != nil {
		r.source.opt.OnBad(err)
	}
	return true
}

// readers turn a file's text into calls of doc and bad. The error they return
// means that the file cannot be read on.
var readers = map[Format]func(*input, *reading) error{
	JSONL:    readJSONL,
	JSON:     readJSON,
	CSV:      readCSV,
	TSV:      readCSV,
	Text:     readText,
	Markdown: readMarkdown,
	HTML:     readHTML,
}
