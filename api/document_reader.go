package api

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
)

// documentReader takes the documents of a body apart.
type documentReader interface {
	// next returns the JSON of one document, valid until the next call, and
	// where it stands; io.EOF after the last.
	next() ([]byte, Where, error)
}

// newDocumentReader reads NDJSON if the content type says so, otherwise what
// the first byte tells: a JSON array, or objects one after the other (one
// document, or NDJSON under a wrong name). An array may have up to limits.Body
// bytes, each document of the other forms limits.Document.
func newDocumentReader(w http.ResponseWriter, request *http.Request, limits Limits) (documentReader, error) {
	r := bufio.NewReaderSize(request.Body, 64<<10)
	if isNDJSON(request.Header.Get("Content-Type")) {
		return &lineReader{r: r, limit: limits.Document}, nil
	}
	first, skipped, err := skipSpace(r)
	switch {
	case err == io.EOF:
		return nil, badRequest("malformed_json", "", "the request body is empty").hint(documentForms)
	case err != nil:
		return nil, readFailure(err)
	case first == '[' && request.ContentLength > limits.Body:
		return nil, arrayTooLarge(limits.Body)
	case first == '[':
		return newValueReader(http.MaxBytesReader(w, io.NopCloser(r), limits.Body), skipped, limits.Document, true)
	case first == '{':
		return newValueReader(r, skipped, limits.Document, false)
	}
	return nil, badRequest("malformed_json", "", "the request body begins with %q", string(first)).hint(documentForms)
}

const documentForms = "send a JSON array of documents, one document, or one document per line as application/x-ndjson"

func isNDJSON(contentType string) bool {
	mediaType, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	switch mediaType {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonl", "application/jsonlines", "application/x-jsonlines":
		return true
	}
	return false
}

// skipSpace skips white space and a byte order mark and returns the byte that
// follows, still unread.
func skipSpace(r *bufio.Reader) (first byte, skipped int64, err error) {
	for {
		b, err := r.ReadByte()
		if err != nil {
			return 0, skipped, err
		}
		switch {
		case b == ' ' || b == '\t' || b == '\r' || b == '\n':
			skipped++
			continue
		case b == byteOrderMark[0] && skipped == 0:
			if rest, _ := r.Peek(2); bytes.Equal(rest, byteOrderMark[1:]) {
				_, _ = r.Discard(2)
				skipped += 3
				continue
			}
		}
		return b, skipped, r.UnreadByte()
	}
}

var byteOrderMark = []byte("\ufeff")

// lineReader reads NDJSON: one document per line, empty lines between them.
type lineReader struct {
	r        *bufio.Reader
	limit    int64
	line     int
	position int
	buf      []byte
}

func (l *lineReader) next() ([]byte, Where, error) {
	for {
		l.line++
		at := Where{Line: l.line, Position: l.position + 1}
		err := l.readLine()
		if l.line == 1 {
			l.buf = bytes.TrimPrefix(l.buf, byteOrderMark)
		}
		line := bytes.TrimSpace(l.buf)
		switch {
		case err != nil && err != io.EOF:
			return nil, at, err
		case len(line) > 0: // a last line without a newline counts, too
			l.position++
			return line, at, nil
		case err == io.EOF:
			return nil, at, io.EOF
		}
	}
}

// readLine reads a line of at most limit bytes into buf.
func (l *lineReader) readLine() error {
	l.buf = l.buf[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if int64(len(l.buf)+len(part)) > l.limit {
			return documentTooLarge(l.limit)
		}
		l.buf = append(l.buf, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

// valueReader reads JSON values: the elements of an array, or one after the
// other.
type valueReader struct {
	decoder  *json.Decoder
	budget   *budgetReader
	limit    int64
	skipped  int64 // bytes before what decoder sees
	array    bool
	position int
	raw      json.RawMessage
}

func newValueReader(r io.Reader, skipped, limit int64, array bool) (*valueReader, error) {
	v := &valueReader{budget: &budgetReader{r: r, limit: limit}, limit: limit, skipped: skipped, array: array}
	v.decoder = json.NewDecoder(v.budget)
	if array {
		v.budget.allowed = limit
		if _, err := v.decoder.Token(); err != nil { // the bracket
			return nil, v.failure(err)
		}
	}
	return v, nil
}

func (v *valueReader) next() ([]byte, Where, error) {
	at := Where{Position: v.position + 1}
	v.budget.allowed = v.decoder.InputOffset() + v.limit
	if v.array && !v.decoder.More() {
		return nil, at, v.end()
	}
	switch err := v.decoder.Decode(&v.raw); {
	case err == io.EOF && !v.array:
		return nil, at, io.EOF
	case err != nil:
		return nil, at, v.failure(err)
	}
	v.position++
	return v.raw, at, nil
}

// end reads the closing bracket and makes sure that nothing follows.
func (v *valueReader) end() error {
	if _, err := v.decoder.Token(); err != nil {
		return v.failure(err)
	}
	switch _, err := v.decoder.Token(); {
	case err == io.EOF:
		return io.EOF
	case err != nil:
		return v.failure(err)
	}
	return badRequest("malformed_json", "", "there is more after the array of documents")
}

func (v *valueReader) failure(err error) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at := e.Offset + v.skipped
		out := badRequest("malformed_json", "", "malformed JSON at byte %d: %v", at, e)
		out.Offset = at
		return out
	}
	if v.budget.ended && (err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF)) {
		return badRequest("malformed_json", "", "malformed JSON: it ends in the middle, after %d bytes", v.budget.read+v.skipped)
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return arrayTooLarge(e.Limit)
	}
	return readFailure(err)
}

// arrayTooLarge points to the form without this limit.
func arrayTooLarge(limit int64) *Error {
	return bodyTooLarge(limit).hint("send the documents as application/x-ndjson, one per line: those are limited one by one, not in total")
}

// budgetReader stops a decoder that reads more than it is allowed.
type budgetReader struct {
	r             io.Reader
	read, allowed int64
	limit         int64
	ended         bool // r has told io.EOF: the body is complete
}

func (b *budgetReader) Read(p []byte) (int, error) {
	if b.read >= b.allowed {
		return 0, documentTooLarge(b.limit)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.allowed-b.read)])
	b.read += int64(n)
	b.ended = b.ended || err == io.EOF
	return n, err
}

func documentTooLarge(limit int64) *Error {
	return &Error{
		Status:  http.StatusRequestEntityTooLarge,
		Type:    "document_too_large",
		Message: fmt.Sprintf("a document is larger than %d bytes", limit),
		Hint:    "split it into several documents",
	}
}
