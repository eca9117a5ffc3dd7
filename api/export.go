package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

const ndjsonType = "application/x-ndjson"

// exportCollection streams a collection. What fails before the first bytes is
// answered as usual; later, a last line with the error is all that can be said.
func (s *Server) exportCollection(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	vectors, err := boolParam(c, "vectors", false)
	if err != nil {
		return err
	}
	if c.Request().Method == http.MethodHead {
		if _, err := s.index.Info(c.Request().Context(), name); err != nil {
			return err
		}
		c.Response().Header().Set("Content-Type", ndjsonType)
		c.Response().WriteHeader(http.StatusOK)
		return nil
	}
	ctx, cancel := context.WithCancel(c.Request().Context())
	defer cancel()
	w := &exportWriter{c: c, s: s, cancel: cancel}
	_, err = s.index.Export(ctx, name, w, index.ExportOptions{Vectors: vectors})
	if err == nil || !w.begun {
		return err
	}
	if !w.gone {
		e := failure(err, c)
		c.Set(failureKey, e)
		if line, err := json.Marshal(struct {
			Error *Error `json:"error"`
		}{e}); err == nil {
			_, _ = w.Write(append(line, '\n'))
		}
	}
	return err // for the log
}

// exportWriter begins the answer with the first bytes, and gives a client time
// to read each part of it.
type exportWriter struct {
	c           echo.Context
	s           *Server
	cancel      context.CancelFunc
	begun, gone bool
}

func (w *exportWriter) Write(b []byte) (int, error) {
	out := w.c.Response()
	if !w.begun {
		w.begun = true
		out.Header().Set("Content-Type", ndjsonType)
		out.Header().Set("X-Content-Type-Options", "nosniff")
		out.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(out).SetWriteDeadline(time.Now().Add(w.s.writeTime(len(b))))
	n, err := out.Write(b)
	if err != nil { // whoever hung up does not want the rest
		w.gone = true
		w.cancel()
	}
	return n, err
}
