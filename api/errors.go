package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"semdex/embed"
	"semdex/index"
)

// Errors of an Embedder that the caller of a route can mend, or that pass with
// time. Any other error of an Embedder counts as a failure of the encoder. An
// Index may wrap those that pass, too.
var (
	ErrTextTooLong    = errors.New("text is longer than the model reads")
	ErrUnknownPrompt  = errors.New("unknown prompt")
	ErrInvalidDims    = errors.New("invalid dimensions")
	ErrInvalidTokenID = errors.New("invalid token id")

	ErrEncoderBusy   = errors.New("too many texts wait for the encoder")
	ErrEncoderClosed = errors.New("the encoder is closed")
)

// Errors of the server itself.
var (
	errShuttingDown = errors.New("the server is shutting down")
	errOverloaded   = errors.New("too many requests are in flight")
	errBodyTimeout  = errors.New("the request body stopped arriving")
	errEncoder      = errors.New("encoder failed")
	errPredictor    = errors.New("the model that judges texts failed")
)

// statusClientGone is what the log shows for a request whose client hung up
// before the answer; nobody receives it.
const statusClientGone = 499

// Error is a request's failure as a client sees it. Type is stable and meant
// for programs, Message names the thing at fault, Hint says what to do next.
type Error struct {
	Status  int    `json:"-"`
	Type    string `json:"type"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Where

	// Stored reports the documents that a request stored before it failed.
	Stored *Stored `json:"-"`
	// Retry asks the client to come back after this long.
	Retry time.Duration `json:"-"`
	cause error
}

// Where points at the part of a request that is at fault, as far as known.
type Where struct {
	Field    string `json:"field,omitempty"`
	Offset   int64  `json:"offset,omitempty"`      // bytes up to the fault, of the body or of the document or line in it
	Line     int    `json:"line,omitempty"`        // of an NDJSON body, from 1
	Position int    `json:"position,omitempty"`    // of a document within the body, from 1
	Document string `json:"document_id,omitempty"` // its id
}

// Stored is what a request stored before it failed: the first Documents of its
// body, and what became of them. The rest can be sent again.
type Stored struct {
	Documents int `json:"documents"`
	index.PutResult
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.cause }

// badRequest is a 400 about one field of the request ("" for none).
func badRequest(kind, field, format string, args ...any) *Error {
	return &Error{
		Status:  http.StatusBadRequest,
		Type:    kind,
		Message: fmt.Sprintf(format, args...),
		Where:   Where{Field: field},
	}
}

func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

func (e *Error) wrap(cause error) *Error {
	e.cause = cause
	return e
}

// mappings is the one place that turns sentinel errors into answers. The first
// row whose error matches decides; opaque rows keep the cause for the log.
var mappings = []struct {
	err    error
	status int
	kind   string
	hint   string
	opaque bool
}{
	{err: errShuttingDown, status: 503, kind: "shutting_down", hint: "send the request again, to another replica if there is one"},
	{err: errOverloaded, status: 429, kind: "overloaded", hint: "send the request again after the time in Retry-After"},
	{err: ErrEncoderBusy, status: 429, kind: "overloaded", hint: "send the request again after the time in Retry-After"},
	{err: ErrEncoderClosed, status: 503, kind: "unavailable", hint: "send the request again"},
	{err: syscall.ENOSPC, status: 507, kind: "disk_full", hint: "free space on the disk of the data folder; nothing stored before is lost", opaque: true},

	{err: index.ErrCollectionNotFound, status: 404, kind: "collection_not_found", hint: "GET /collections lists them; PUT /collections/{collection} creates one"},
	{err: index.ErrDocumentNotFound, status: 404, kind: "document_not_found"},
	{err: index.ErrAliasNotFound, status: 404, kind: "alias_not_found", hint: "GET /aliases lists them"},
	{err: index.ErrAliased, status: 409, kind: "collection_aliased", hint: "PUT /aliases/{alias} moves an alias to another collection, DELETE /aliases/{alias} forgets it"},
	{err: index.ErrCollectionExists, status: 409, kind: "collection_exists", hint: "documents can be put into it as it is"},
	{err: index.ErrModelMismatch, status: 409, kind: "model_mismatch", hint: "serve the model that the collection was built with, or index its documents again into a new collection"},
	{err: index.ErrInvalidName, status: 400, kind: "invalid_name"},
	{err: index.ErrUnknownField, status: 400, kind: "unknown_field", hint: "GET /collections/{collection} lists the fields of a collection"},
	{err: index.ErrFieldType, status: 400, kind: "field_type", hint: "GET /collections/{collection} lists the fields of a collection with their kinds"},
	{err: index.ErrInvalidFilter, status: 400, kind: "invalid_filter", hint: `filters look like {"field": "lang", "eq": "ko"}, or as a string like lang = "ko" and year >= 2000`},
	{err: index.ErrInvalidSetting, status: 400, kind: "invalid_setting"},
	{err: index.ErrInvalidSynonyms, status: 400, kind: "invalid_synonyms", hint: "a line is car, auto, automobile or tv => television"},
	{err: index.ErrInvalidDocument, status: 400, kind: "invalid_document"},
	{err: index.ErrInvalidVector, status: 400, kind: "invalid_vector"},
	{err: index.ErrInvalidQuery, status: 400, kind: "invalid_query"},
	{err: ErrTextTooLong, status: 400, kind: "text_too_long", hint: "send a shorter text, or allow truncation"},
	{err: ErrUnknownPrompt, status: 400, kind: "unknown_prompt"},
	{err: ErrInvalidDims, status: 400, kind: "invalid_dimensions"},
	{err: ErrInvalidTokenID, status: 400, kind: "invalid_token_id"},

	{err: index.ErrReadOnly, status: 503, kind: "read_only", hint: "searches still work; the server's log says why writing stopped", opaque: true},
	{err: index.ErrReplaced, status: 503, kind: "unavailable", hint: "send the request again"},
	{err: index.ErrClosed, status: 503, kind: "unavailable", hint: "send the request again"},
	{err: index.ErrLocked, status: 503, kind: "locked", opaque: true},
	{err: index.ErrNewerFormat, status: 500, kind: "newer_format", hint: "serve the data with the version that wrote it, or a newer one", opaque: true},
	{err: index.ErrCorrupt, status: 500, kind: "data_damaged", hint: "run the check command on the data folder", opaque: true},
	{err: errBodyTimeout, status: 408, kind: "body_timeout", hint: "send the body without long pauses"},
	{err: context.DeadlineExceeded, status: 503, kind: "timeout", hint: "ask for less at once, or send the request again later"},
	{err: context.Canceled, status: statusClientGone, kind: "client_gone"},
	{err: index.ErrEncoder, status: 500, kind: "encoder_failed", hint: "mode \"keyword\" searches without the encoder", opaque: true},
	{err: index.ErrNoReranker, status: errNoReranker.Status, kind: errNoReranker.Type, hint: errNoReranker.Hint},
	{err: embed.ErrTooLong, status: 400, kind: "text_too_long", hint: "send a shorter text, or allow truncation"},
	{err: embed.ErrClosed, status: 503, kind: "unavailable", hint: "send the request again"},
	{err: index.ErrReranker, status: 500, kind: "reranker_failed", hint: "without \"rerank\" the search works", opaque: true},
	{err: errPredictor, status: 500, kind: "predictor_failed", opaque: true},
	{err: errEncoder, status: 500, kind: "encoder_failed", opaque: true},
}

// asError turns any error into an answer.
func asError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if e, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return bodyTooLarge(e.Limit)
	}
	for _, m := range mappings {
		if !errors.Is(err, m.err) {
			continue
		}
		e := &Error{Status: m.status, Type: m.kind, Message: err.Error(), Hint: m.hint, cause: err}
		if m.opaque {
			e.Message = m.err.Error()
		}
		if m.status == http.StatusTooManyRequests || m.status == http.StatusServiceUnavailable {
			e.Retry = time.Second
		}
		return e
	}
	return &Error{
		Status:  http.StatusInternalServerError,
		Type:    "internal",
		Message: "the server failed to answer this request",
		Hint:    "its log holds the cause under the request id of this answer",
		cause:   err,
	}
}

func bodyTooLarge(limit int64) *Error {
	return &Error{
		Status:  http.StatusRequestEntityTooLarge,
		Type:    "body_too_large",
		Message: fmt.Sprintf("the request body is larger than %d bytes", limit),
		Hint:    "send less at once",
	}
}
