package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"
)

// Thesaurus is the part of an Index that keeps synonyms.
type Thesaurus interface {
	// SetSynonyms replaces a collection's synonyms and counts their rules.
	SetSynonyms(ctx context.Context, collection, text string) (rules int, err error)
	// Synonyms returns their text.
	Synonyms(ctx context.Context, collection string) (string, error)
}

// putSynonyms takes the text as it is, whatever its content type.
func (s *Server) putSynonyms(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	body, err := s.readBody(c)
	if err != nil {
		return err
	}
	rules, err := s.index.SetSynonyms(c.Request().Context(), name, string(body))
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Synonyms int `json:"synonyms"`
	}{rules})
}

func (s *Server) getSynonyms(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	text, err := s.index.Synonyms(c.Request().Context(), name)
	if err != nil {
		return err
	}
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	return s.send(c, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

func (s *Server) deleteSynonyms(c echo.Context) error {
	name, err := pathParam(c, "collection")
	if err != nil {
		return err
	}
	if _, err := s.index.SetSynonyms(c.Request().Context(), name, ""); err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Deleted string `json:"deleted"`
	}{name})
}
