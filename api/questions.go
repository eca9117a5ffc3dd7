package api

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

// errNoAnswerCache says how to get one.
var errNoAnswerCache = (&Error{
	Status: http.StatusNotImplemented, Type: "no_answer_cache", Message: "the server does not remember questions",
}).hint("start it with --answer-cache N and a --reader")

// Limits of GET /collections/{collection}/questions.
const (
	defaultQuestions = 10
	maxQuestions     = 1000
)

// questionParams reads the parameters of a request about past questions.
func (s *Server) questionParams(c echo.Context, known ...string) (*params, string, error) {
	if s.answers == nil {
		return nil, "", errNoAnswerCache
	}
	values := c.QueryParams()
	for name, v := range values {
		if !slices.Contains(known, name) {
			return nil, "", badRequest("unknown_parameter", name, "unknown parameter %q", name).hint("known parameters: %s", strings.Join(known, ", "))
		}
		if len(v) > 1 {
			return nil, "", badRequest("invalid_parameter", name, "the parameter %q stands %d times", name, len(v))
		}
		if len(v[0]) > index.MaxQueryBytes {
			return nil, "", badRequest("invalid_parameter", name, "%s has %d bytes, at most %d are allowed", name, len(v[0]), index.MaxQueryBytes)
		}
	}
	collection, err := pathParam(c, "collection")
	return &params{values: values}, collection, err
}

// listQuestions gives the questions of the past that are similar to one, or the
// last ones.
func (s *Server) listQuestions(c echo.Context) error {
	p, collection, err := s.questionParams(c, "like", "limit", "filter")
	if err != nil {
		return err
	}
	limit := param(p, "limit", "an integer", strconv.Atoi)
	if p.err != nil {
		return p.err
	}
	n := defaultQuestions
	if limit != nil {
		if n = *limit; n < 1 || n > maxQuestions {
			return badRequest("invalid_parameter", "limit", "limit is %d, it must be between 1 and %d", n, maxQuestions)
		}
	}
	var filter index.Filter
	if text := p.values.Get("filter"); text != "" {
		if filter, err = index.ParseFilter(text); err != nil {
			return err
		}
	}
	ctx := c.Request().Context()
	info, err := s.index.Info(ctx, collection)
	if err != nil {
		return err
	}
	place := placeOf(info, filter)
	answer := struct {
		Questions []PastQuestion `json:"questions"`
	}{}
	like := p.values.Get("like")
	if strings.TrimSpace(like) == "" {
		answer.Questions = pastQuestions(s.answers.Recent(place, n), false)
		return s.sendJSON(c, http.StatusOK, answer)
	}
	release, err := s.searches.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "questions")
		return err
	}
	defer release()
	vector, err := s.index.QueryVector(ctx, info.Name, like)
	if err != nil && (ctx.Err() != nil || !errors.Is(err, index.ErrEncoder)) {
		return err
	}
	answer.Questions = pastQuestions(s.answers.Typed(place, like, vector, n), vector != nil)
	return s.sendJSON(c, http.StatusOK, answer)
}

// forgetQuestions forgets a collection's questions, or one of them.
func (s *Server) forgetQuestions(c echo.Context) error {
	p, collection, err := s.questionParams(c, "question")
	if err != nil {
		return err
	}
	question := p.values.Get("question")
	if p.values.Has("question") && strings.TrimSpace(question) == "" {
		return badRequest("missing_parameter", "question", "question is empty").hint("leave it out to forget all questions of the collection")
	}
	info, err := s.index.Info(c.Request().Context(), collection)
	if err != nil {
		return err
	}
	return s.sendJSON(c, http.StatusOK, struct {
		Forgotten int `json:"forgotten"`
	}{s.answers.Forget(info.Name, question)})
}
