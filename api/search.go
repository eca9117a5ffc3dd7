package api

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"semdex/index"
)

// searchRequest is the body of POST /search.
type searchRequest struct {
	Query      string          `json:"query"`
	Like       string          `json:"like"` // a document's id, instead of a query
	Collection string          `json:"collection"`
	TopK       *int            `json:"top_k"`
	Offset     int             `json:"offset"`
	Mode       string          `json:"mode"`
	Fusion     json.RawMessage `json:"fusion"` // "minmax", or an index.Fusion
	Filter     json.RawMessage `json:"filter"` // a filter's JSON form, or a string with its text form
	MinScore   *float64        `json:"min_score"`
	MinDense   *float64        `json:"min_dense"`
	MinKeyword *float64        `json:"min_keyword"`
	Facets     []string        `json:"facets"`
	FacetLimit *int            `json:"facet_limit"`
	Operators  *bool           `json:"operators"` // nil: true
	Synonyms   *bool           `json:"synonyms"`  // nil: true
	GroupBy    string          `json:"group_by"`
	Correct    bool            `json:"correct"`
	Dedup      bool            `json:"dedup"`
	Highlight  bool            `json:"highlight"`
	Explain    bool            `json:"explain"`
	Rerank     bool            `json:"rerank"`
}

// searchAnswer is index.Result on the wire: every key of a hit is always
// there, and durations are milliseconds.
type searchAnswer struct {
	Hits   []searchHit   `json:"hits"`
	Total  int           `json:"total"`
	Facets *index.Facets `json:"facets,omitempty"`
	Stats  searchStats   `json:"stats"`
}

type searchHit struct {
	ID         string         `json:"id"`
	DocumentID string         `json:"document_id"`
	Score      float64        `json:"score"`
	Text       string         `json:"text"`
	Start      int            `json:"start"`
	End        int            `json:"end"`
	Title      string         `json:"title"`
	Headings   []string       `json:"headings,omitempty"`
	Metadata   map[string]any `json:"metadata"`
	Scores     index.Scores   `json:"scores"`
	Rerank     *float64       `json:"rerank_score,omitempty"` // decided the order
	Highlights []index.Span   `json:"highlights"`
	Explain    string         `json:"explain,omitempty"`
}

type searchStats struct {
	Mode       index.Mode          `json:"mode"`
	Degraded   string              `json:"degraded,omitempty"`
	Fusion     index.FusionMethod  `json:"fusion,omitempty"`
	Alpha      *float64            `json:"alpha,omitempty"`
	Evidence   *index.Evidence     `json:"evidence,omitempty"`
	Dense      *legStats           `json:"dense,omitempty"`
	Keyword    *legStats           `json:"keyword,omitempty"`
	More       bool                `json:"more"`
	Duplicates int                 `json:"duplicates,omitempty"` // left out
	Corrected  map[string]string   `json:"corrected,omitempty"`
	Synonyms   map[string][]string `json:"synonyms,omitempty"` // looked for, too
	Words      []string            `json:"words,omitempty"`    // of the document to be like
	Rerank     *index.RerankStats  `json:"rerank,omitempty"`
	EncodeMS   float64             `json:"encode_ms"`
	SearchMS   float64             `json:"search_ms"`
	TookMS     float64             `json:"took_ms"`
}

type legStats struct {
	Plan       string  `json:"plan"`
	Examined   int     `json:"examined"`
	Candidates int     `json:"candidates"`
	Verified   int     `json:"verified,omitempty"`
	Bounded    bool    `json:"bounded,omitempty"`
	TookMS     float64 `json:"took_ms"`
}

func (s *Server) postSearch(c echo.Context) error {
	var request searchRequest
	if err := s.readJSON(c, &request, strict); err != nil {
		return err
	}
	return s.search(c, request)
}

// getSearch is postSearch for a browser's address line: the same names as
// parameters, q for query, alpha beside fusion, and filters in text form.
func (s *Server) getSearch(c echo.Context) error {
	request, err := searchFromURL(c.QueryParams())
	if err != nil {
		return err
	}
	return s.search(c, request)
}

func (s *Server) search(c echo.Context, request searchRequest) error {
	start := time.Now()
	collection := request.Collection
	if collection == "" {
		collection = s.options.DefaultCollection
	}
	if collection == "" {
		return badRequest("missing_parameter", "collection", "collection is missing").hint("GET /collections lists them")
	}
	query, err := request.query()
	if err != nil {
		return err
	}
	release, err := s.searches.acquire()
	if err != nil {
		s.metrics.rejected.Add(1, "search")
		return err
	}
	defer release()
	result, err := s.index.Search(c.Request().Context(), collection, query)
	if err != nil {
		return err
	}
	if result.Stats.Degraded != "" {
		s.metrics.degraded.Add(1)
	}
	return s.sendJSON(c, http.StatusOK, newSearchAnswer(result, time.Since(start)))
}

// query turns the request into the index's terms; the index checks the values.
func (r searchRequest) query() (index.Query, error) {
	q := index.Query{
		Text:      r.Query,
		Like:      r.Like,
		Operators: r.Operators == nil || *r.Operators,
		Offset:    r.Offset,

		NoSynonyms: r.Synonyms != nil && !*r.Synonyms,
		Mode:       index.Mode(r.Mode),
		Facets:     r.Facets,
		MinScore:   r.MinScore,
		MinDense:   r.MinDense, MinKeyword: r.MinKeyword,
		GroupBy:   index.Grouping(r.GroupBy),
		Correct:   r.Correct,
		Dedup:     r.Dedup,
		Highlight: r.Highlight,
		Explain:   r.Explain,
		Rerank:    r.Rerank,
	}
	if r.Like == "" && strings.TrimSpace(r.Query) == "" {
		return q, badRequest("missing_parameter", "query", "query is missing or empty")
	}
	if r.TopK != nil {
		if q.TopK = *r.TopK; q.TopK < 1 {
			return q, badRequest("invalid_query", "top_k", "top_k is %d, it must be at least 1", q.TopK)
		}
	}
	if r.FacetLimit != nil {
		if q.FacetLimit = *r.FacetLimit; q.FacetLimit < 1 {
			return q, badRequest("invalid_query", "facet_limit", "facet_limit is %d, it must be at least 1", q.FacetLimit)
		}
	}
	var err error
	if q.Fusion, err = parseFusion(r.Fusion); err != nil {
		return q, err
	}
	q.Filter, err = parseFilter(r.Filter)
	return q, err
}

// parseFusion reads "rrf" or {"method":"rrf","alpha":0.5}.
func parseFusion(raw json.RawMessage) (index.Fusion, error) {
	var f index.Fusion
	switch {
	case absent(raw):
		return f, nil
	case raw[0] == '"':
		return f, unmarshal(raw, &f.Method, strict)
	case raw[0] == '{':
		return f, within("fusion", unmarshal(raw, &f, strict))
	}
	return f, badRequest("wrong_type", "fusion", "fusion must be \"minmax\", \"rrf\" or an object with method and alpha")
}

// parseFilter reads a filter's JSON form, or its text form in a JSON string.
func parseFilter(raw json.RawMessage) (index.Filter, error) {
	if absent(raw) {
		return nil, nil
	}
	if raw[0] != '"' {
		return index.ParseFilterJSON(raw)
	}
	var text string
	if err := unmarshal(raw, &text, strict); err != nil {
		return nil, err
	}
	return index.ParseFilter(text)
}

func absent(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(raw, []byte("null"))
}

// within puts the name of the object around it before the field that an error
// names.
func within(object string, err error) error {
	e, ok := err.(*Error)
	if !ok || e.Field == "" {
		return err
	}
	e.Message = strings.Replace(e.Message, e.Field, object+"."+e.Field, 1)
	e.Field = object + "." + e.Field
	return e
}

// urlParams are the parameters of GET /search.
var urlParams = []string{"q", "like", "collection", "top_k", "offset", "mode", "fusion", "alpha", "filter", "min_score", "min_dense", "min_keyword", "facets", "facet_limit", "operators", "synonyms", "correct", "group_by", "dedup", "highlight", "explain", "rerank"}

func searchFromURL(values url.Values) (searchRequest, error) {
	for name, v := range values {
		if !slices.Contains(urlParams, name) {
			return searchRequest{}, badRequest("unknown_parameter", name, "unknown parameter %q", name).hint("known parameters: %s", strings.Join(urlParams, ", "))
		}
		if len(v) > 1 {
			return searchRequest{}, badRequest("invalid_parameter", name, "the parameter %q stands %d times", name, len(v))
		}
	}
	p := params{values: values}
	r := searchRequest{
		Query:      values.Get("q"),
		Like:       values.Get("like"),
		Collection: values.Get("collection"),
		Mode:       values.Get("mode"),
		GroupBy:    values.Get("group_by"),
		TopK:       param(&p, "top_k", "an integer", strconv.Atoi),
		MinScore:   param(&p, "min_score", "a number", parseFinite),
		MinDense:   param(&p, "min_dense", "a number", parseFinite),
		MinKeyword: param(&p, "min_keyword", "a number", parseFinite),
		FacetLimit: param(&p, "facet_limit", "an integer", strconv.Atoi),
		Operators:  param(&p, "operators", "true or false", strconv.ParseBool),
		Synonyms:   param(&p, "synonyms", "true or false", strconv.ParseBool),
		Correct:    deref(param(&p, "correct", "true or false", strconv.ParseBool)),
		Dedup:      deref(param(&p, "dedup", "true or false", strconv.ParseBool)),
		Highlight:  deref(param(&p, "highlight", "true or false", strconv.ParseBool)),
		Explain:    deref(param(&p, "explain", "true or false", strconv.ParseBool)),
		Rerank:     deref(param(&p, "rerank", "true or false", strconv.ParseBool)),
		Offset:     deref(param(&p, "offset", "an integer", strconv.Atoi)),
	}
	if values.Has("facets") {
		r.Facets = strings.Split(values.Get("facets"), ",")
	}
	alpha := param(&p, "alpha", "a number", parseFinite)
	if values.Has("fusion") || alpha != nil {
		method := values.Get("fusion")
		r.Fusion, _ = json.Marshal(index.Fusion{Method: index.FusionMethod(method), Alpha: alpha}) // alpha is finite
	}
	if values.Has("filter") {
		r.Filter, _ = json.Marshal(values.Get("filter")) // a string always marshals
	}
	return r, p.err
}

// params reads typed parameters and keeps the first error.
type params struct {
	values url.Values
	err    error
}

// param returns a parameter's value, nil if it is absent or malformed.
func param[T any](p *params, name, want string, parse func(string) (T, error)) *T {
	if !p.values.Has(name) {
		return nil
	}
	v, err := parse(p.values.Get(name))
	if err != nil {
		if p.err == nil {
			p.err = badRequest("wrong_type", name, "%s must be %s, not %q", name, want, p.values.Get(name))
		}
		return nil
	}
	return &v
}

func parseFinite(s string) (float64, error) {
	x, err := strconv.ParseFloat(s, 64)
	if err == nil && (x != x || x-x != 0) {
		err = strconv.ErrRange
	}
	return x, err
}

func deref[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}

func newSearchAnswer(r index.Result, took time.Duration) searchAnswer {
	a := searchAnswer{Hits: make([]searchHit, len(r.Hits)), Total: r.Total, Facets: r.Facets}
	for i, h := range r.Hits {
		a.Hits[i] = searchHit{
			ID: h.ID, DocumentID: h.DocumentID, Score: h.Score,
			Text: h.Text, Start: h.Start, End: h.End,
			Title: h.Title, Headings: h.Headings, Metadata: h.Metadata,
			Scores: h.Scores, Highlights: h.Highlights, Explain: h.Explain, Rerank: h.RerankScore,
		}
		if h.Metadata == nil {
			a.Hits[i].Metadata = map[string]any{}
		}
		if h.Highlights == nil {
			a.Hits[i].Highlights = []index.Span{}
		}
	}
	a.Stats = searchStats{
		Mode: r.Stats.Mode, Degraded: r.Stats.Degraded, Fusion: r.Stats.Fusion,
		Dense: newLegStats(r.Stats.Dense), Keyword: newLegStats(r.Stats.Keyword),
		More: r.Stats.More, Words: r.Stats.Words, Corrected: r.Stats.Corrected, Synonyms: r.Stats.Synonyms, Duplicates: r.Stats.Duplicates, Rerank: r.Stats.Rerank,
		EncodeMS: milliseconds(r.Stats.Encode), SearchMS: milliseconds(r.Stats.Search), TookMS: milliseconds(took),
	}
	if r.Stats.Mode == index.Hybrid {
		a.Stats.Alpha, a.Stats.Evidence = &r.Stats.Alpha, r.Stats.Evidence
	}
	return a
}

func newLegStats(l *index.LegStats) *legStats {
	if l == nil {
		return nil
	}
	return &legStats{Plan: l.Plan, Examined: l.Examined, Candidates: l.Candidates, Verified: l.Verified, Bounded: l.Bounded, TookMS: milliseconds(l.Took)}
}
