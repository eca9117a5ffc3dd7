package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"semdex/api/wire"
	"semdex/embed"
	"semdex/index"
)

// errNoReranker says how to get one; searches that ask for it fail alike.
var errNoReranker = &Error{
	Status: http.StatusNotImplemented, Type: "no_reranker", Message: index.ErrNoReranker.Error(),
	Hint: "start the server with --reranker DIR; semdex train cross --task relevance makes such a model",
}

// postRerank puts texts in the order of their relevance to a query. A body with
// texts is TEI's, one with documents Cohere's and Jina's, on every one of the
// paths; failures have the shape of the body.
func (s *Server) postRerank(c echo.Context) error {
	start := time.Now()
	if s.reranker == nil {
		return errNoReranker
	}
	var request wire.Rerank
	if err := s.readJSON(c, &request, lenient); err != nil {
		return err
	}
	switch {
	case !absent(request.Documents) && !absent(request.Texts):
		return badRequest("invalid_parameter", "documents", "`texts` and `documents` are both there").hint("texts are TEI's, documents Cohere's and Jina's")
	case !absent(request.Documents):
		answerAs(c, cohere)
		return s.rerankDocuments(c, &request)
	case !absent(request.Texts):
		answerAs(c, tei)
		return s.rerankTexts(c, &request, start)
	}
	return badRequest("missing_parameter", "texts", "there are neither `texts` nor `documents`")
}

// answerAs changes the shape of the request's failures.
func answerAs(c echo.Context, d dialect) {
	r := *routeOf(c)
	r.shape = d
	c.Set(routeKey, &r)
}

// rerankTexts answers as TEI.
func (s *Server) rerankTexts(c echo.Context, request *wire.Rerank, start time.Time) error {
	options, err := predictOptions(request.Truncate, request.TruncationDirection)
	if err != nil {
		return err
	}
	texts, err := s.rerankInputs("texts", request.Query, request.Texts)
	if err != nil {
		return err
	}
	began := time.Now()
	r, err := s.predict(c.Request().Context(), s.reranker, pairsWith(request.Query, texts), options)
	if err != nil {
		return err
	}
	teiHeaders(c, start, characters(texts)+utf8.RuneCountInString(request.Query), sum(r.Tokens), r.Waited, time.Since(began))
	answer := make([]wire.TEIRank, len(texts))
	for i, logits := range r.Logits {
		answer[i] = wire.TEIRank{Index: i, Score: float32(embed.Probabilities(logits)[0])}
		if request.RawScores {
			answer[i].Score = logits[0]
		}
		if request.ReturnText {
			answer[i].Text = &texts[i]
		}
	}
	// By logits: probabilities near 1 may be equal where they are not.
	slices.SortStableFunc(answer, func(a, b wire.TEIRank) int {
		return descending(r.Logits[a.Index][0], r.Logits[b.Index][0])
	})
	return s.sendJSON(c, http.StatusOK, answer)
}

// rerankDocuments answers as Cohere and Jina.
func (s *Server) rerankDocuments(c echo.Context, request *wire.Rerank) error {
	if name := s.reranker.Name(); request.Model != "" && !strings.EqualFold(request.Model, name) {
		e := badRequest("model_not_found", "model", "the model %q is not served here", request.Model).hint("use %q", name)
		e.Status = http.StatusNotFound
		return e
	}
	if request.TopN != nil && *request.TopN < 1 {
		return badRequest("invalid_parameter", "top_n", "top_n is %d, it must be at least 1", *request.TopN)
	}
	texts, err := s.rerankInputs("documents", request.Query, request.Documents)
	if err != nil {
		return err
	}
	r, err := s.predict(c.Request().Context(), s.reranker, pairsWith(request.Query, texts), embed.PredictOptions{})
	if err != nil {
		return err
	}
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return descending(r.Logits[a][0], r.Logits[b][0]) })
	if request.TopN != nil {
		order = order[:min(*request.TopN, len(order))]
	}
	tokens := sum(r.Tokens)
	answer := wire.CohereRanks{
		ID: c.Response().Header().Get(requestIDHeader), Model: s.reranker.Name(), Results: make([]wire.CohereRank, len(order)),
		Meta:  wire.CohereMeta{APIVersion: wire.CohereVersion{Version: "2"}, BilledUnits: wire.CohereUnits{SearchUnits: 1}},
		Usage: wire.CohereUsage{PromptTokens: tokens, TotalTokens: tokens},
	}
	for rank, i := range order {
		answer.Results[rank] = wire.CohereRank{Index: i, Relevance: float32(embed.Probabilities(r.Logits[i])[0])}
		if request.ReturnDocuments {
			answer.Results[rank].Document = &wire.CohereDocument{Text: texts[i]}
		}
	}
	return s.sendJSON(c, http.StatusOK, answer)
}

// rerankInputs reads the texts and refuses none, too many, and an empty query.
func (s *Server) rerankInputs(field, query string, raw []byte) ([]string, error) {
	if strings.TrimSpace(query) == "" {
		return nil, badRequest("missing_parameter", "query", "query is missing or empty")
	}
	if len(query) > index.MaxQueryBytes {
		return nil, badRequest("invalid_query", "query", "the query has %d bytes, at most %d are allowed", len(query), index.MaxQueryBytes)
	}
	texts, err := wire.ParseTexts(field, raw)
	if err != nil {
		return nil, inputFailure(err)
	}
	if len(texts) == 0 {
		return nil, badRequest("empty_input", field, "`%s` cannot be empty", field)
	}
	return texts, s.checkPairs(field, len(texts))
}

func pairsWith(query string, texts []string) []embed.Pair {
	out := make([]embed.Pair, len(texts))
	for i, t := range texts {
		out[i] = embed.Pair{A: query, B: t}
	}
	return out
}

// checkReranker refuses a model that does not give one score.
func checkReranker(p Predictor) error {
	if p != nil && len(p.Labels()) != 1 {
		return errors.New("api: a reranker gives one score, this model has the labels " + strings.Join(p.Labels(), ", "))
	}
	return nil
}

// cohere is the shape of Cohere's failures.
func cohere(e *Error) (int, any) {
	body := wire.CohereError{Message: e.Message}
	if e.Hint != "" {
		body.Message += "; " + e.Hint
	}
	return e.Status, body
}
