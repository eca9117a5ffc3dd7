package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/labstack/gommon/log"
)

// A route is one line of the table below. Its path is written as in
// net/http: {name} is a segment, {name...} the rest of the path.
type route struct {
	method string
	path   string
	handle echo.HandlerFunc

	shape  dialect // of failures; nil means native
	public bool    // needs no API key
	stream bool    // takes as long as its body takes to arrive
	quiet  bool    // is logged for debugging only
}

func (s *Server) routes() []route {
	return []route{
		{method: "GET", path: "/", handle: s.getRoot, public: true},
		{method: "GET", path: "/healthz", handle: s.getHealth, public: true, quiet: true},
		{method: "GET", path: "/readyz", handle: s.getReady, public: true, quiet: true},
		{method: "GET", path: "/version", handle: s.getVersion, public: true},
		{method: "GET", path: "/openapi.yaml", handle: s.getOpenAPI, public: true},
		{method: "GET", path: "/metrics", handle: s.getMetrics, quiet: true},

		{method: "POST", path: "/search", handle: s.postSearch},
		{method: "GET", path: "/search", handle: s.getSearch},
		{method: "POST", path: "/qa", handle: s.postQA},

		{method: "GET", path: "/collections", handle: s.listCollections},
		{method: "PUT", path: "/collections/{collection}", handle: s.putCollection},
		{method: "GET", path: "/collections/{collection}", handle: s.getCollection},
		{method: "PATCH", path: "/collections/{collection}", handle: s.patchCollection},
		{method: "DELETE", path: "/collections/{collection}", handle: s.deleteCollection},
		{method: "PUT", path: "/collections/{collection}/documents", handle: s.putDocuments, stream: true},
		{method: "GET", path: "/collections/{collection}/documents/{id...}", handle: s.getDocument},
		{method: "DELETE", path: "/collections/{collection}/documents/{id...}", handle: s.deleteDocument},
		{method: "GET", path: "/collections/{collection}/export", handle: s.exportCollection, stream: true},
		{method: "PUT", path: "/collections/{collection}/synonyms", handle: s.putSynonyms},
		{method: "GET", path: "/collections/{collection}/synonyms", handle: s.getSynonyms},
		{method: "DELETE", path: "/collections/{collection}/synonyms", handle: s.deleteSynonyms},
		{method: "POST", path: "/collections/{collection}/delete", handle: s.deleteDocuments},
		{method: "GET", path: "/collections/{collection}/questions", handle: s.listQuestions},
		{method: "DELETE", path: "/collections/{collection}/questions", handle: s.forgetQuestions},

		{method: "GET", path: "/aliases", handle: s.listAliases},
		{method: "PUT", path: "/aliases/{alias}", handle: s.putAlias},
		{method: "DELETE", path: "/aliases/{alias}", handle: s.deleteAlias},

		{method: "POST", path: "/rerank", handle: s.postRerank, shape: tei},
		{method: "POST", path: "/v1/rerank", handle: s.postRerank, shape: cohere},
		{method: "POST", path: "/v2/rerank", handle: s.postRerank, shape: cohere},
		{method: "POST", path: "/predict", handle: s.postPredict, shape: tei},

		{method: "POST", path: "/embed", handle: s.postEmbed, shape: tei},
		{method: "POST", path: "/v1/embeddings", handle: s.postOpenAIEmbeddings, shape: openai},
		{method: "GET", path: "/v1/models", handle: s.listOpenAIModels, shape: openai},
		{method: "GET", path: "/v1/models/{model...}", handle: s.getOpenAIModel, shape: openai},
	}
}

func (s *Server) newEcho() *echo.Echo {
	e := echo.New()
	e.Logger.SetLevel(log.OFF)
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = s.answerFailure
	e.Use(s.linger, identify, s.observe(), s.survive(), s.resetDeadlines)
	if len(s.options.Origins) > 0 {
		e.Use(middleware.CORSWithConfig(middleware.CORSConfig{AllowOrigins: s.options.Origins}))
	}
	for _, r := range s.routes() {
		if r.shape == nil {
			r.shape = native
		}
		e.Add(r.method, echoPath(r.path), s.serve(&r))
		if r.method == http.MethodGet {
			e.Add(http.MethodHead, echoPath(r.path), s.serve(&r))
		}
	}
	return e
}

// serve is what every route does before its own work.
func (s *Server) serve(r *route) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Set(routeKey, r)
		if !r.public {
			if err := s.authorize(c.Request()); err != nil {
				return err
			}
		}
		if err := s.guardOrigin(c.Request()); err != nil {
			return err
		}
		if err := checkEncoding(c.Request()); err != nil {
			return err
		}
		if !r.stream {
			ctx, cancel := context.WithTimeout(c.Request().Context(), s.limits.Timeout)
			defer cancel()
			c.SetRequest(c.Request().WithContext(ctx))
		}
		defer watchBody(c, s.limits.Idle)()
		return r.handle(c)
	}
}

// routeOf returns the route that c matched, nil for none.
func routeOf(c echo.Context) *route {
	r, _ := c.Get(routeKey).(*route)
	return r
}

// echoPath writes a route's path as echo wants it.
func echoPath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		name, ok := strings.CutPrefix(segment, "{")
		switch {
		case !ok:
		case strings.HasSuffix(name, "...}"):
			segments[i] = "*"
		default:
			segments[i] = ":" + strings.TrimSuffix(name, "}")
		}
	}
	return strings.Join(segments, "/")
}

// pathParam returns a parameter of the path, decoded; "*" is the rest of the
// path. Echo matches the raw path where it differs from the decoded one.
func pathParam(c echo.Context, name string) (string, error) {
	value := c.Param(name)
	if c.Request().URL.RawPath != "" {
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return "", badRequest("invalid_path", "", "the path is not properly escaped: %v", err)
		}
		value = decoded
	}
	return value, nil
}
