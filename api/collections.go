package api

import (
	"bytes"
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

func (s *Server) listCollections(c echo.Context) error {
	infos, err := s.index.List(c.Request().Context())
	if err != nil {
		return err
	}
	if infos == nil {
		infos = []index.Info{}
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Collections []index.Info `json:"collections"`
	}{infos})
}

// createRequest is the body of PUT /collections/{collection}. The rest of the
// settings follows from the model.
type createRequest struct {
	Split   *index.SplitOptions        `json:"split"`
	Vectors index.Vectors              `json:"vectors"`
	Fields  map[string]index.FieldKind `json:"fields"`
}

func (s *Server) putCollection(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	body, err := s.readBody(c)
	if err != nil {
		return err
	}
	var request createRequest
	if len(bytes.TrimSpace(body)) > 0 {
		if err := unmarshal(body, &request, strict); err != nil {
			return err
		}
	}
	settings := index.Settings{Vectors: request.Vectors, Fields: request.Fields}
	if request.Split != nil {
		settings.Split = *request.Split
	}
	ctx := c.Request().Context()
	if err := s.index.Create(ctx, name, settings); err != nil {
		return err
	}
	info, err := s.index.Info(ctx, name)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusCreated, info)
}

// Tunable is the part of an Index that changes settings of a collection.
type Tunable interface {
	// SetVectors changes how a collection's vectors are searched.
	SetVectors(ctx context.Context, collection string, v index.Vectors) error
}

// settingsRequest is the body of PATCH /collections/{collection}.
type settingsRequest struct {
	Vectors index.Vectors `json:"vectors"`
}

func (s *Server) patchCollection(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	var request settingsRequest
	if err := s.readJSON(c, &request, strict); err != nil {
		return err
	}
	if request.Vectors == "" {
		return badRequest("missing_parameter", "vectors", "there is nothing to change").hint("vectors can be changed later; the rest needs a new collection")
	}
	if err := s.index.SetVectors(c.Request().Context(), name, request.Vectors); err != nil {
		return err
	}
	return s.sendInfo(c, name)
}

func (s *Server) getCollection(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	return s.sendInfo(c, name)
}

func (s *Server) sendInfo(c echo.Context, name string) error {
	info, err := s.index.Info(c.Request().Context(), name)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, info)
}

func (s *Server) deleteCollection(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	if err := s.index.Drop(c.Request().Context(), name); err != nil {
		return err
	}
	if s.answers != nil {
		s.answers.Forget(name, "")
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Deleted string `json:"deleted"`
	}{name})
}
