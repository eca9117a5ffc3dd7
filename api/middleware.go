package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

const (
	requestIDHeader = "X-Request-Id"
	routeKey        = "semdex.route" // echo.Context key of the *route being served
)

var saneRequestID = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// identify gives every request an id: the client's own if it is short and
// plain, otherwise a random one. The answer and the log carry it.
func identify(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(requestIDHeader)
		if !saneRequestID.MatchString(id) {
			var b [12]byte
			_, _ = rand.Read(b[:]) // never fails
			id = hex.EncodeToString(b[:])
			c.Request().Header.Set(requestIDHeader, id)
		}
		c.Response().Header().Set(requestIDHeader, id)
		return next(c)
	}
}

// observe answers failures, then writes the access log and the metrics.
func (s *Server) observe() echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		HandleError:      true,
		LogLatency:       true,
		LogMethod:        true,
		LogURIPath:       true,
		LogRequestID:     true,
		LogRemoteIP:      true,
		LogContentLength: true,
		LogResponseSize:  true,
		BeforeNextFunc:   func(echo.Context) { s.metrics.inFlight.Add(1) },
		LogValuesFunc: func(c echo.Context, v middleware.RequestLoggerValues) error {
			s.metrics.inFlight.Add(-1)
			status := c.Response().Status
			s.metrics.request(routeOf(c), v.Method, status, v.Latency)
			attrs := []slog.Attr{
				slog.String("method", v.Method),
				slog.String("path", v.URIPath),
				slog.Int("status", status),
				slog.Float64("took_ms", milliseconds(v.Latency)),
				slog.String("bytes_in", v.ContentLength),
				slog.Int64("bytes_out", v.ResponseSize),
				slog.String("remote_ip", v.RemoteIP),
				slog.String("request_id", v.RequestID),
			}
			if e, ok := c.Get(failureKey).(*Error); ok {
				attrs = append(attrs, slog.String("error", e.Type), slog.String("message", e.Message))
				if e.cause != nil && status >= 500 {
					attrs = append(attrs, slog.String("cause", e.cause.Error()))
				}
			}
			s.log.LogAttrs(context.WithoutCancel(c.Request().Context()), logLevel(c, status), "request", attrs...)
			return nil
		},
	})
}

func logLevel(c echo.Context, status int) slog.Level {
	switch r := routeOf(c); {
	case r != nil && r.quiet && status == http.StatusServiceUnavailable:
		return slog.LevelDebug // a probe that comes before the server is ready
	case status >= 500 && status != http.StatusNotImplemented: // the operator chose to do without
		return slog.LevelError
	case status == http.StatusTooManyRequests:
		return slog.LevelWarn
	case r != nil && r.quiet:
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// survive turns a panic of a handler into a failure and logs its stack.
func (s *Server) survive() echo.MiddlewareFunc {
	return middleware.RecoverWithConfig(middleware.RecoverConfig{
		StackSize:           16 << 10,
		DisableStackAll:     true,
		DisableErrorHandler: true,
		LogErrorFunc: func(c echo.Context, err error, stack []byte) error {
			s.log.Error("panic", "error", err, "request_id", c.Request().Header.Get(requestIDHeader), "stack", string(stack))
			return errors.Join(errors.New("panic"), err)
		},
	})
}

func hashKey(key string) []byte {
	if key == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(key))
	return sum[:]
}

// authorize checks the API key; comparing hashes takes the same time for
// every wrong key.
func (s *Server) authorize(r *http.Request) error {
	if s.apiKey == nil {
		return nil
	}
	key := r.Header.Get("X-Api-Key")
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		key = strings.TrimSpace(token)
	}
	sum := sha256.Sum256([]byte(key))
	if subtle.ConstantTimeCompare(sum[:], s.apiKey) == 1 {
		return nil
	}
	e := &Error{
		Status:  http.StatusUnauthorized,
		Type:    "unauthorized",
		Message: "the API key is wrong",
		Hint:    "send it as \"Authorization: Bearer KEY\" or \"X-Api-Key: KEY\"",
	}
	if key == "" {
		e.Message = "this server wants an API key"
	}
	return e
}

// guardOrigin refuses writes by web pages of other origins, which a browser
// would otherwise send to a server on the user's own machine.
func (s *Server) guardOrigin(r *http.Request) error {
	e := &Error{
		Status:  http.StatusForbidden,
		Type:    "cross_origin",
		Message: "a web page of another origin sent this request",
		Hint:    "allow its origin in the server's settings (--origin)",
	}
	switch {
	case s.origins.Check(r) != nil:
		return e
	case s.options.Local && s.apiKey == nil && !s.ownHost(r.Host):
		e.Message = fmt.Sprintf("this server is not known as %q", r.Host)
		return e
	}
	return nil
}

// ownHost reports whether a Host header names this machine itself: an address,
// localhost, or the host of an allowed origin.
func (s *Server) ownHost(hostport string) bool {
	u := url.URL{Host: hostport}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host) != nil {
		return true
	}
	return slices.ContainsFunc(s.options.Origins, func(origin string) bool {
		o, err := url.Parse(origin)
		return err == nil && strings.EqualFold(o.Hostname(), host)
	})
}

// checkEncoding refuses compressed bodies, which would otherwise look like
// broken JSON.
func checkEncoding(r *http.Request) error {
	encoding := r.Header.Get("Content-Encoding")
	if encoding == "" || strings.EqualFold(encoding, "identity") {
		return nil
	}
	return &Error{
		Status:  http.StatusUnsupportedMediaType,
		Type:    "unsupported_encoding",
		Message: fmt.Sprintf("a body with Content-Encoding %q is not accepted", encoding),
		Hint:    "send it uncompressed",
	}
}

// patientBody reads a request's body from a client that may be slow but not
// silent: each Read may take as long as idle. When the request's context ends,
// a Read in progress ends too.
type patientBody struct {
	io.ReadCloser
	ctx  context.Context
	conn *http.ResponseController
	idle time.Duration
	err  error // why an earlier Read failed
	read bool  // all of it
}

// watchBody makes the body of c's request patient, until unwatch is called.
func watchBody(c echo.Context, idle time.Duration) (unwatch func()) {
	r := c.Request()
	conn := http.NewResponseController(c.Response())
	r.Body = &patientBody{ReadCloser: r.Body, ctx: r.Context(), conn: conn, idle: idle}
	interrupted := make(chan struct{})
	stop := context.AfterFunc(r.Context(), func() {
		defer close(interrupted)
		_ = conn.SetReadDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stop() {
			<-interrupted // it must not touch the connection's next request
		}
	}
}

// Read ignores that recorders in tests and HTTP/2 know no deadlines.
func (b *patientBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle))
	if b.ctx.Err() != nil { // after setting the deadline, or it might undo the watch's
		return 0, context.Cause(b.ctx)
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil:
	case err == io.EOF:
		b.read = true
		// From here on net/http waits for the client to hang up; a deadline
		// would look like that.
		_ = b.conn.SetReadDeadline(time.Time{})
	default:
		err = b.reason(err)
		b.err = err
	}
	return n, err
}

// reason is why a Read failed. A failure of the connection itself cancels the
// context too, so that a plain cancellation says nothing about a timeout.
func (b *patientBody) reason(err error) error {
	cause := context.Cause(b.ctx)
	if cause == nil || cause == context.Canceled && errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return cause
}

// resetDeadlines undoes what the request before on this connection set.
func (s *Server) resetDeadlines(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		conn := http.NewResponseController(c.Response())
		_ = conn.SetWriteDeadline(time.Time{})
		if c.Request().ContentLength != 0 {
			_ = conn.SetReadDeadline(time.Now().Add(s.limits.Idle))
		}
		return next(c)
	}
}
