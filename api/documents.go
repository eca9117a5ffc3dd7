package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

// putDocuments stores the documents of the body as they arrive. When it fails
// on the way, what was read before the fault is stored, and the answer counts
// it.
func (s *Server) putDocuments(c echo.Context) error {
	start := time.Now()
	collection, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	r := c.Request()
	release, err := s.writers.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "write")
		return err
	}
	defer release()
	if err := s.checkTarget(c, collection); err != nil {
		return err
	}
	reader, err := newDocumentReader(c.Response(), r, s.limits)
	if err != nil {
		return err
	}
	done, err := ingest(r.Context(), s.index, collection, reader)
	s.metrics.stored(done)
	if err != nil {
		return withStored(err, done)
	}
	return s.sendJSON(c, http.StatusOK, struct {
		index.PutResult
		TookMS float64 `json:"took_ms"`
	}{done.PutResult, milliseconds(time.Since(start))})
}

// checkTarget fails before a long body does: for a bad name, and with
// create=false for a collection that does not exist.
func (s *Server) checkTarget(c echo.Context, collection string) error {
	if err := index.CheckName(collection); err != nil {
		return err
	}
	create, err := boolParam(c, "create", true)
	if err != nil || create {
		return err
	}
	_, err = s.index.Info(c.Request().Context(), collection)
	return err
}

// withStored adds to a failure what was stored before it.
func withStored(err error, done index.Progress) error {
	e := asError(err)
	e.Stored = &Stored{Documents: done.Read, PutResult: done.PutResult}
	return e
}

func boolParam(c echo.Context, name string, absent bool) (bool, error) {
	text := c.QueryParam(name)
	if text == "" {
		return absent, nil
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		return false, badRequest("wrong_type", name, "%s must be true or false, not %q", name, text)
	}
	return value, nil
}

func (s *Server) getDocument(c echo.Context) error {
	collection, id, err := documentPath(c)
	if err != nil {
		return err
	}
	document, err := s.index.Get(c.Request().Context(), collection, id)
	if err != nil {
		return aboutDocument(err, id)
	}
	return s.sendJSON(c, http.StatusOK, document)
}

func (s *Server) deleteDocument(c echo.Context) error {
	start := time.Now()
	collection, id, err := documentPath(c)
	if err != nil {
		return err
	}
	n, err := s.index.Delete(c.Request().Context(), collection, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return aboutDocument(fmt.Errorf("%w: %q", index.ErrDocumentNotFound, id), id)
	}
	return s.sendDeleted(c, n, start)
}

// aboutDocument adds the id to an answer that there is no such document.
func aboutDocument(err error, id string) error {
	if !errors.Is(err, index.ErrDocumentNotFound) {
		return err
	}
	e := asError(err)
	e.Document = id
	return e
}

func documentPath(c echo.Context) (collection, id string, err error) {
	if collection, err = pathParam(c, "collection"); err != nil {
		return "", "", err
	}
	if id, err = pathParam(c, "*"); err != nil {
		return "", "", err
	}
	return collection, id, index.CheckID(id)
}

// deleteRequest is the body of POST /collections/{collection}/delete: either
// ids or a filter.
type deleteRequest struct {
	IDs    json.RawMessage `json:"ids"`
	Filter json.RawMessage `json:"filter"`
}

func (s *Server) deleteDocuments(c echo.Context) error {
	start := time.Now()
	collection, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	var request deleteRequest
	if err := s.readJSON(c, &request, strict); err != nil {
		return err
	}
	if absent(request.IDs) == absent(request.Filter) {
		return badRequest("invalid_parameter", "", "give either ids or a filter").
			hint("to delete everything, DELETE /collections/%s", collection)
	}
	n, err := s.deleteRequested(c.Request().Context(), collection, request)
	if err != nil {
		return err
	}
	return s.sendDeleted(c, n, start)
}

func (s *Server) deleteRequested(ctx context.Context, collection string, r deleteRequest) (int, error) {
	if absent(r.IDs) {
		filter, err := parseFilter(r.Filter)
		if err != nil {
			return 0, err
		}
		return s.index.DeleteWhere(ctx, collection, filter)
	}
	var ids []string
	if err := json.Unmarshal(r.IDs, &ids); err != nil {
		return 0, badRequest("wrong_type", "ids", "ids must be a list of strings")
	}
	return s.index.Delete(ctx, collection, ids...)
}

func (s *Server) sendDeleted(c echo.Context, n int, start time.Time) error {
	s.metrics.deleted.Add(uint64(n))
	return s.sendJSON(c, http.StatusOK, struct {
		Deleted int     `json:"deleted"`
		TookMS  float64 `json:"took_ms"`
	}{n, milliseconds(time.Since(start))})
}
