package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"

	"semdex/index"
)

// ingest stores what r yields and returns how far it came. If a document is
// malformed, those before it are stored and the error says where it stands.
func ingest(ctx context.Context, x Index, collection string, r documentReader) (index.Progress, error) {
	var fault error
	var lines lineMap
	var done index.Progress
	progress := func(p index.Progress) { done = p }
	// A fault ends the stream in good order, so that what came before it is
	// stored, and is reported afterwards.
	_, err := x.PutStream(ctx, collection, documents(r, &lines, &fault), progress)
	if err == nil || fault != nil && errors.Is(err, context.Canceled) {
		return done, fault // a connection that fails cancels the context, too
	}
	return done, locate(err, lines)
}

// documents yields the documents of r up to the first malformed one, whose
// error goes to fault, and notes their lines.
func documents(r documentReader, lines *lineMap, fault *error) iter.Seq2[index.Document, error] {
	return func(yield func(index.Document, error) bool) {
		for {
			raw, at, err := r.next()
			if err == io.EOF {
				return
			}
			var d index.Document
			if err == nil {
				d, err = parseDocument(raw)
				at.Document = d.ID
			}
			if err != nil {
				*fault = at.in(err)
				return
			}
			lines.add(at)
			if !yield(d, nil) {
				return
			}
		}
	}
}

// parseDocument decodes and checks one document.
func parseDocument(raw []byte) (index.Document, error) {
	var d index.Document
	if err := unmarshal(raw, &d, strict); err != nil {
		if e, ok := err.(*Error); ok && e.Type == "unknown_parameter" {
			return d, e.hint("a document has id, title, text and metadata; other fields belong under metadata")
		}
		return d, err
	}
	return d, index.CheckDocument(d)
}

// lineMap knows the lines of the documents of an NDJSON body. It keeps only
// those that do not follow the document before on the next line.
type lineMap []Where

func (m *lineMap) add(at Where) {
	if at.Line != 0 && m.line(at.Position) != at.Line {
		*m = append(*m, at)
	}
}

// line is that of the document in a position, 0 if the body has no lines.
func (m lineMap) line(position int) int {
	after, found := slices.BinarySearchFunc(m, position, func(w Where, p int) int { return w.Position - p })
	if found {
		after++
	}
	if after == 0 {
		return 0
	}
	mark := m[after-1]
	return mark.Line + position - mark.Position
}

// locate moves what the index knows about a document at fault into Where.
func locate(err error, lines lineMap) error {
	if d, ok := errors.AsType[*index.DocumentError](err); ok {
		return Where{Line: lines.line(d.Position), Position: d.Position, Document: d.ID}.in(d.Err)
	}
	return err
}

// in turns err into an answer that says it happened at w.
func (w Where) in(err error) error {
	e := asError(err)
	if e.Status >= http.StatusInternalServerError || e.Status == statusClientGone {
		return err // no document is at fault
	}
	if w.Line > 0 {
		e.Message = fmt.Sprintf("line %d: %s", w.Line, e.Message)
	} else {
		e.Message = fmt.Sprintf("document %d: %s", w.Position, e.Message)
	}
	w.Field, w.Offset = e.Field, e.Offset
	e.Where = w
	return e
}
