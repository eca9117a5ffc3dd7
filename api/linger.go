package api

import (
	"context"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

// connKey is the key under which a request's context has its connection.
type connKey struct{}

// keepConn is http.Server's ConnContext.
func keepConn(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, conn)
}

// lingerTime is how long a stopping server reads on.
const lingerTime = time.Second

// linger gives clients their answer when the server stops in the middle of what
// they send. A connection that is closed while data waits in it is reset, and
// what was sent last may be lost with it (RFC 9112, section 9.6): the answer,
// which says how much was stored. So the rest is read for a moment.
func (s *Server) linger(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		r := c.Request()
		body, ok := r.Body.(*patientBody)
		if !ok || body.read || context.Cause(r.Context()) != errShuttingDown || !c.Response().Committed {
			return err
		}
		if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok && http.NewResponseController(c.Response()).Flush() == nil {
			_ = conn.SetReadDeadline(time.Now().Add(lingerTime))
			_, _ = io.Copy(io.Discard, conn) // until the client has its answer and hangs up
		}
		return err
	}
}
