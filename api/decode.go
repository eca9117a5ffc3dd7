package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
)

// Whether a route refuses fields that it does not know. Its own routes do, for
// a mistyped option would otherwise be an option silently ignored.
const (
	strict  = true
	lenient = false
)

// readJSON decodes the request's body into v.
func (s *Server) readJSON(c echo.Context, v any, strict bool) error {
	body, err := s.readBody(c)
	if err != nil {
		return err
	}
	return unmarshal(body, v, strict)
}

// readBody reads a body of at most Limits.Body bytes.
func (s *Server) readBody(c echo.Context) ([]byte, error) {
	r := c.Request()
	if r.ContentLength > s.limits.Body {
		return nil, bodyTooLarge(s.limits.Body)
	}
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, 1<<20)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(c.Response(), r.Body, s.limits.Body))
	return body.Bytes(), readFailure(err)
}

// readFailure words what goes wrong while a body arrives.
func readFailure(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errBodyTimeout
	case errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("truncated_body", "", "the request body ends before its announced length").wrap(err)
	}
	return err
}

// unmarshal decodes exactly one JSON value. Its errors name the byte, or the
// field and what it should be. A number without a type, in metadata, stays a
// json.Number, so that the index sees the digits that were sent.
func unmarshal(data []byte, v any, strict bool) error {
	if len(bytes.TrimSpace(data)) == 0 {
		return badRequest("malformed_json", "", "the JSON is empty")
	}
	if at := invalidUTF8(data); at >= 0 {
		e := badRequest("invalid_utf8", "", "byte %d is not valid UTF-8", at)
		e.Offset = int64(at)
		return e.hint("send text as UTF-8")
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if strict {
		decoder.DisallowUnknownFields()
	}
	if err := decoder.Decode(v); err != nil {
		return decodeFailure(err, data, v)
	}
	if _, err := decoder.Token(); err != io.EOF {
		at := decoder.InputOffset()
		e := badRequest("malformed_json", "", "there is more after the JSON value, at %s", place(data, at))
		e.Offset = at
		return e
	}
	return nil
}

// decodeFailure words an error of encoding/json.
func decodeFailure(err error, data []byte, v any) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		out := badRequest("malformed_json", "", "malformed JSON at %s: %v", place(data, e.Offset), e)
		out.Offset = e.Offset
		return out
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		what := e.Field
		if what == "" {
			what = "the JSON value"
		}
		out := badRequest("wrong_type", e.Field, "%s must be %s, not %s", what, typeName(e.Type), valueName(e.Value))
		out.Offset = e.Offset
		return out
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		out := badRequest("malformed_json", "", "malformed JSON: it ends in the middle, after %d bytes", len(data))
		out.Offset = int64(len(data))
		return out
	}
	// encoding/json has no error type for this one.
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return badRequest("unknown_parameter", name, "unknown field %q", name).hint("known fields: %s", strings.Join(fieldNames(v), ", "))
	}
	return badRequest("malformed_json", "", "malformed JSON: %v", err)
}

// place names the byte before offset, where a decoder found fault.
func place(data []byte, offset int64) string {
	before := data[:min(max(offset-1, 0), int64(len(data)))]
	line := bytes.Count(before, []byte{'\n'}) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	if !bytes.ContainsRune(bytes.TrimSpace(data), '\n') {
		return fmt.Sprintf("column %d", column)
	}
	return fmt.Sprintf("line %d, column %d", line, column)
}

// typeName says what JSON value a Go type wants.
func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return typeName(t.Elem())
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	}
	return "an object"
}

// valueName says in words what encoding/json found instead.
func valueName(found string) string {
	switch found {
	case "string", "number":
		return "a " + found
	case "bool":
		return "a boolean"
	case "array":
		return "a list"
	case "object":
		return "an object"
	}
	return strings.TrimPrefix(found, "number ") // "number 1e999"
}

// fieldNames lists the JSON names of the struct that v points to.
func fieldNames(v any) []string {
	t := reflect.TypeOf(v)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	var names []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// invalidUTF8 is the offset of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	if utf8.Valid(data) {
		return -1
	}
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
