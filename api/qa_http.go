package api

import (
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"
)

// qaRequest is the body of POST /qa.
type qaRequest struct {
	Question   string          `json:"question"`
	Collection string          `json:"collection"`
	Passages   json.RawMessage `json:"passages"` // how many to search for, or the passages themselves
	Answers    *int            `json:"answers"`
	Filter     json.RawMessage `json:"filter"`
	MinScore   *float64        `json:"min_score"`
	Cache      *bool           `json:"cache"` // nil: true
}

func (s *Server) postQA(c echo.Context) error {
	if s.options.Reader == nil {
		e := &Error{Status: http.StatusNotImplemented, Type: "no_reader", Message: "the server has no model that reads answers"}
		return e.hint("start it without --reader none. POST /search finds passages without one")
	}
	var request qaRequest
	if err := s.readJSON(c, &request, strict); err != nil {
		return err
	}
	q, err := request.question()
	if err != nil {
		return err
	}
	if q.Given == nil && q.Collection == "" {
		q.Collection = s.options.DefaultCollection
	}
	if err := q.withDefaults().check(); err != nil {
		return err
	}
	release, err := s.searches.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "qa")
		return err
	}
	defer release()
	answers, err := s.ask(c.Request().Context(), q, request.Cache == nil || *request.Cache)
	if err != nil {
		return err
	}
	if answers.Stats.Degraded != "" {
		s.metrics.degraded.Add(1)
	}
	return s.sendJSON(c, http.StatusOK, answers)
}

// question turns the request into Ask's terms; what was given as 0 is not a
// default.
func (r qaRequest) question() (Question, error) {
	q := Question{Text: r.Question, Collection: r.Collection, MinScore: r.MinScore}
	if r.Answers != nil {
		if q.Answers = *r.Answers; q.Answers < 1 {
			return q, badRequest("invalid_query", "answers", "answers is %d, it must be between 1 and %d", q.Answers, MaxAnswers)
		}
	}
	var err error
	if q.Filter, err = parseFilter(r.Filter); err != nil {
		return q, err
	}
	return q, q.readPassages(r.Passages)
}

// readPassages reads a number, or a list of texts or of objects with one.
func (q *Question) readPassages(raw json.RawMessage) error {
	wrong := func() error {
		return badRequest("wrong_type", "passages", "passages must be how many to read, or a list of texts, or of objects with a text")
	}
	if absent(raw) {
		return nil
	}
	if raw[0] != '[' {
		if unmarshal(raw, &q.Passages, strict) != nil {
			return wrong()
		}
		if q.Passages < 1 {
			return badRequest("invalid_query", "passages", "passages is %d, it must be between 1 and %d", q.Passages, MaxPassages)
		}
		return nil
	}
	var list []json.RawMessage
	if err := unmarshal(raw, &list, strict); err != nil {
		return err
	}
	q.Given = make([]GivenText, len(list))
	for i, item := range list {
		switch item[0] {
		case '"':
			if err := unmarshal(item, &q.Given[i].Text, strict); err != nil {
				return err
			}
		case '{':
			if err := unmarshal(item, &q.Given[i], strict); err != nil {
				return within("passages", err)
			}
		default:
			return wrong()
		}
	}
	return nil
}
