package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	jsonType   = "application/json"
	failureKey = "semdex.failure" // echo.Context key of the *Error answered
)

// sendJSON answers with v. The body is complete before the first byte leaves,
// so that a value that JSON cannot hold, such as NaN, is a clean failure.
func (s *Server) sendJSON(c echo.Context, status int, v any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}
	return s.send(c, status, jsonType, body.Bytes())
}

// send answers with body. A client that does not read it in time is cut off.
func (s *Server) send(c echo.Context, status int, contentType string, body []byte) error {
	w := c.Response()
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(s.writeTime(len(body))))
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // whoever hung up does not want to hear of it
	return nil
}

// writeTime allows a client Limits.Idle, and more for what 256 KiB/s take.
func (s *Server) writeTime(bytes int) time.Duration {
	return s.limits.Idle + time.Duration(bytes)*time.Second/(256<<10)
}

// answerFailure is echo's error handler: it turns err into an Error and
// answers in the dialect of the route.
func (s *Server) answerFailure(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	e := failure(err, c)
	c.Set(failureKey, e)
	if e.Retry > 0 {
		c.Response().Header().Set("Retry-After", strconv.Itoa(int((e.Retry+time.Second-1)/time.Second)))
	}
	if e.Status == http.StatusUnauthorized {
		c.Response().Header().Set("WWW-Authenticate", "Bearer")
	}
	shape := native
	if r := routeOf(c); r != nil {
		shape = r.shape
	}
	status, body := shape(e)
	if err := s.sendJSON(c, status, body); err != nil {
		s.log.Error("answer a failure", "error", err)
	}
}

func failure(err error, c echo.Context) *Error {
	if e, ok := errors.AsType[*echo.HTTPError](err); ok {
		return routingFailure(e, c)
	}
	e := asError(err)
	if errors.Is(err, context.Canceled) && context.Cause(c.Request().Context()) == errShuttingDown {
		stop := asError(errShuttingDown)
		stop.Stored, stop.cause = e.Stored, err
		return stop
	}
	return e
}

// routingFailure words what echo itself refuses: a path or a method that no
// route has.
func routingFailure(e *echo.HTTPError, c echo.Context) *Error {
	r := c.Request()
	switch e.Code {
	case http.StatusNotFound:
		return &Error{
			Status:  http.StatusNotFound,
			Type:    "route_not_found",
			Message: fmt.Sprintf("there is no route %s", r.URL.Path),
			Hint:    "GET /openapi.yaml describes all of them",
		}
	case http.StatusMethodNotAllowed:
		return &Error{
			Status:  http.StatusMethodNotAllowed,
			Type:    "method_not_allowed",
			Message: fmt.Sprintf("%s does not answer to %s", r.URL.Path, r.Method),
			Hint:    "it answers to " + c.Response().Header().Get("Allow"),
		}
	}
	return &Error{Status: e.Code, Type: "request_refused", Message: fmt.Sprint(e.Message), cause: e}
}

func milliseconds(d time.Duration) float64 {
	return float64(d.Round(time.Microsecond).Microseconds()) / 1000
}
