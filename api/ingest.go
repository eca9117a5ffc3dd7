package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"semdex/index"
)

// ingest stores what r yields and returns how far it came. If a document is
// malformed, those before it are stored and the error says where it stands.
func ingest(ctx context.Context, x Index, collection string, r documentReader) (index.Progress, error) {
	var fault error
	var done index.Progress
	progress := func(p index.Progress) { done = p }
	// A fault ends the stream in good order, so that what came before it is
	// stored, and is reported afterwards.
	_, err := x.PutStream(ctx, collection, documents(r, &fault), progress)
	if err == nil || fault != nil && errors.Is(err, context.Canceled) {
		return done, fault // a connection that fails cancels the context, too
	}
	return done, locate(err)
}

// documents yields the documents of r up to the first malformed one, whose
// error goes to fault.
func documents(r documentReader, fault *error) iter.Seq2[index.Document, error] {
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

// locate moves what the index knows about a document at fault into Where.
func locate(err error) error {
	if d, ok := errors.AsType[*index.DocumentError](err); ok {
		return Where{Position: d.Position, Document: d.ID}.in(d.Err)
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
