package api

import (
	"net/http"

	"semdex/api/wire"
)

// A dialect gives a failure the status and the body that the clients of a
// route expect.
type dialect func(*Error) (status int, body any)

// native is the shape of this project's own routes.
func native(e *Error) (int, any) {
	return e.Status, struct {
		Error  *Error  `json:"error"`
		Stored *Stored `json:"stored,omitempty"`
	}{e, e.Stored}
}

// teiTypes are the failures whose class does not follow from the status.
var teiTypes = map[string]struct {
	status int
	kind   wire.TEIErrorType
}{
	"empty_input":      {http.StatusBadRequest, wire.TEIEmpty},
	"malformed_json":   {http.StatusBadRequest, wire.TEIValidation},
	"invalid_token_id": {http.StatusUnprocessableEntity, wire.TEITokenizer},
	"invalid_utf8":     {http.StatusUnprocessableEntity, wire.TEITokenizer},
	"overloaded":       {http.StatusTooManyRequests, wire.TEIOverloaded},
}

// tei is the shape of TEI's failures: a bad request is a 422.
func tei(e *Error) (int, any) {
	message := e.Message
	if e.Hint != "" {
		message += "; " + e.Hint
	}
	if t, ok := teiTypes[e.Type]; ok {
		return t.status, wire.TEIError{Error: message, ErrorType: t.kind}
	}
	status, kind := e.Status, wire.TEIValidation
	switch {
	case status == http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	case status == http.StatusInternalServerError:
		status, kind = http.StatusFailedDependency, wire.TEIBackend
	case status == http.StatusServiceUnavailable:
		kind = wire.TEIUnhealthy
	case status > http.StatusInternalServerError:
		kind = wire.TEIBackend
	}
	return status, wire.TEIError{Error: message, ErrorType: kind}
}

// openai is the shape of OpenAI's failures.
func openai(e *Error) (int, any) {
	body := wire.OpenAIErrorBody{Message: e.Message, Type: "invalid_request_error", Code: &e.Type}
	if e.Hint != "" {
		body.Message += "; " + e.Hint
	}
	if e.Field != "" {
		body.Param = &e.Field
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		body.Type = "rate_limit_error"
	case e.Status >= http.StatusInternalServerError:
		body.Type = "server_error"
	}
	return e.Status, wire.OpenAIError{Error: body}
}
