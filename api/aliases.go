package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

// Aliases is the part of an Index that keeps other names of collections.
type Aliases interface {
	// SetAlias makes an alias or moves it, in one step.
	SetAlias(ctx context.Context, alias, collection string) error
	// DeleteAlias forgets an alias.
	DeleteAlias(ctx context.Context, alias string) error
	// Aliases lists them, ordered by name.
	Aliases(ctx context.Context) ([]index.Alias, error)
}

func (s *Server) listAliases(c echo.Context) error {
	list, err := s.index.Aliases(c.Request().Context())
	if err != nil {
		return err
	}
	if list == nil {
		list = []index.Alias{}
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Aliases []index.Alias `json:"aliases"`
	}{list})
}

// aliasRequest is the body of PUT /aliases/{alias}.
type aliasRequest struct {
	Collection string `json:"collection"`
}

func (s *Server) putAlias(c echo.Context) error {
	alias, err := pathParam(c, "alias")
	if err != nil {
		return err
	}
	body, err := s.readBody(c)
	if err != nil {
		return err
	}
	var request aliasRequest
	if err := unmarshal(body, &request, strict); err != nil {
		return err
	}
	if request.Collection == "" {
		return badRequest("missing_parameter", "collection", "the collection that the alias leads to is missing")
	}
	if err := s.index.SetAlias(c.Request().Context(), alias, request.Collection); err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, index.Alias{Name: alias, Collection: request.Collection})
}

func (s *Server) deleteAlias(c echo.Context) error {
	alias, err := pathParam(c, "alias")
	if err != nil {
		return err
	}
	if err := s.index.DeleteAlias(c.Request().Context(), alias); err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Deleted string `json:"deleted"`
	}{alias})
}
