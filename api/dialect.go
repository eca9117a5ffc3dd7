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

// teiTypes are the failures to which TEI gives a status of its own.
var teiTypes = map[string]struct {
	status int
	kind   wire.TEIErrorType
}{
	"empty_input":      {http.StatusBadRequest, wire.TEIEmpty},
	"malformed_json":   {http.StatusBadRequest, wire.TEIValidation},
	"invalid_token_id": {http.StatusUnprocessableEntity, wire.TEITokenizer},
	"invalid_utf8":     {http.StatusUnprocessableEntity, wire.TEITokenizer},
	"overloaded":       {http.StatusTooManyRequests, wire.TEIOverloaded},
	"encoder_failed":   {http.StatusFailedDependency, wire.TEIBackend},
	"internal":         {http.StatusFailedDependency, wire.TEIBackend},
	"timeout":          {http.StatusServiceUnavailable, wire.TEIUnhealthy},
	"shutting_down":    {http.StatusServiceUnavailable, wire.TEIUnhealthy},
	"unavailable":      {http.StatusServiceUnavailable, wire.TEIUnhealthy},
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
	status := e.Status
	if status == http.StatusBadRequest {
		status = http.StatusUnprocessableEntity
	}
	return status, wire.TEIError{Error: message, ErrorType: wire.TEIValidation}
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
