package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"semdex/internal/answercache"
)

// Options configure a Server. Index and Embedder are required; the zero value
// of everything else works.
type Options struct {
	Index    Index
	Embedder Embedder
	// Reader answers POST /qa; without one the route says how to get one.
	Reader Reader
	// Reranker gives texts a score for a query: POST /rerank. Searches are
	// reranked by the index.
	Reranker Predictor
	// Classifier answers POST /predict; nil means Reranker.
	Classifier Predictor

	// Version is what GET /version tells.
	Version Version
	// Log receives a line per request and the causes of failures; nil means
	// slog.Default.
	Log *slog.Logger
	// APIKey, if set, must come with every request but those for the health
	// and description of the server, as a bearer token or in X-Api-Key.
	APIKey string
	// Origins are the web origins, such as "https://example.org", whose pages
	// may use the server; a page of any other origin is refused.
	Origins []string
	// Local says that the listener is on the loopback interface. Without a key
	// a request must then name the server by an address, as localhost, or by
	// the host of one of Origins: a name that someone else points at this
	// machine (DNS rebinding) would let any web page in.
	Local bool
	// AnswerCache remembers questions with their answers, if it has entries.
	AnswerCache AnswerCache
	// DefaultCollection is searched by requests that name none.
	DefaultCollection string
	// Warm, if set, runs once when Run starts. /readyz says no until it has
	// returned; its error ends Run.
	Warm func(context.Context) error

	Limits Limits
}

// Limits bound what requests may ask for. A zero field means its default.
type Limits struct {
	Body     int64 // bytes of a JSON body: 32 MiB
	Document int64 // bytes of one document's JSON: 32 MiB
	Inputs   int   // texts of an embedding request: 2048
	Pairs    int   // texts or pairs of a request to rerank or predict: 1000

	Searches int // searches and embeddings in flight: 64
	Writers  int // bodies with documents in flight: 8

	Timeout time.Duration // for a whole request but a stream of documents: 60 s
	Idle    time.Duration // for a client that stops sending or reading: 30 s
	Drain   time.Duration // for requests in flight when the server stops: 30 s
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Body, 32<<20)
	setDefault(&l.Document, 32<<20)
	setDefault(&l.Inputs, 2048)
	setDefault(&l.Pairs, 1000)
	setDefault(&l.Searches, 64)
	setDefault(&l.Writers, 8)
	setDefault(&l.Timeout, 60*time.Second)
	setDefault(&l.Idle, 30*time.Second)
	setDefault(&l.Drain, 30*time.Second)
	return l
}

func setDefault[T ~int | ~int64](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	index    Index
	embedder Embedder
	model    Model // what embedder.Model says, which may be dear to ask
	options  Options
	limits   Limits
	log      *slog.Logger
	echo     *echo.Echo
	origins  *http.CrossOriginProtection
	apiKey   []byte // SHA-256 of Options.APIKey, nil for none

	reranker, classifier Predictor // or nil

	answers *answercache.Cache // or nil

	searches permits
	writers  permits
	metrics  *serverMetrics
	state    atomic.Int32 // one of the states
}

// The states of a server, as /readyz tells them.
const (
	starting int32 = iota
	ready
	draining
)

// New returns a server over o.Index and o.Embedder, which stay the caller's to
// close once Run has returned.
func New(o Options) (*Server, error) {
	if o.Index == nil || o.Embedder == nil {
		return nil, errors.New("api: an index and an embedder are required")
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Server{
		index:    o.Index,
		embedder: o.Embedder,
		model:    o.Embedder.Model(),
		options:  o,
		limits:   o.Limits.withDefaults(),
		log:      o.Log,
		origins:  http.NewCrossOriginProtection(),
		apiKey:   hashKey(o.APIKey),

		reranker: o.Reranker, classifier: o.Classifier,
	}
	if s.classifier == nil {
		s.classifier = o.Reranker
	}
	if err := checkReranker(o.Reranker); err != nil {
		return nil, err
	}
	for _, origin := range o.Origins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("api: %w", err)
		}
	}
	s.searches = newPermits(s.limits.Searches)
	s.writers = newPermits(s.limits.Writers)
	s.metrics = newServerMetrics(o.Version.Version)
	var err error
	if s.answers, err = o.AnswerCache.open(); err != nil {
		return nil, err
	}
	if s.answers != nil {
		s.metrics.answerCache(s.answers)
	}
	s.metrics.reembeddings(s.index)
	if queued, ok := o.Embedder.(Queued); ok {
		s.metrics.queue(queued)
	}
	s.echo = s.newEcho()
	return s, nil
}

// Handler returns the server's routes for a test or another server. Without
// Run, /readyz stays at "starting".
func (s *Server) Handler() http.Handler { return s.echo }

// Run serves connections of l until ctx ends, then drains: it takes no new
// connections, /readyz says no, and requests in flight may finish within
// Limits.Drain. Those that take longer are cancelled; a stream of documents
// then answers which of them are stored. When Run returns nil, no handler is
// running any more, so that the caller may close the index.
func (s *Server) Run(ctx context.Context, l net.Listener) error {
	base, cancelRequests := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancelRequests(nil)
	httpServer := &http.Server{
		Handler:           s.echo,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       keepConn,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    256 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 2)
	go func() { failed <- httpServer.Serve(l) }()
	warmed := make(chan struct{})
	go func() {
		defer close(warmed)
		if err := s.warm(base); err != nil {
			failed <- fmt.Errorf("warm up: %w", err)
		}
	}()

	var err error
	select {
	case err = <-failed:
		cancelRequests(errShuttingDown)
	case <-ctx.Done():
	}
	s.state.Store(draining)
	s.log.Info("shutting down", "in_flight", s.metrics.inFlight.Load(), "drain", s.limits.Drain.String())
	err = errors.Join(err, s.drain(ctx, httpServer, cancelRequests))
	<-warmed
	return err
}

// warm makes the server ready, after Options.Warm if there is one.
func (s *Server) warm(ctx context.Context) error {
	if s.options.Warm != nil {
		if err := s.options.Warm(ctx); err != nil {
			return err
		}
	}
	s.state.CompareAndSwap(starting, ready)
	return nil
}

// drain waits for the requests in flight: first for them to finish, then, with
// their contexts cancelled, for them to notice.
func (s *Server) drain(ctx context.Context, hs *http.Server, cancelRequests context.CancelCauseFunc) error {
	const grace = 10 * time.Second
	ctx = context.WithoutCancel(ctx)
	patient, cancel := context.WithTimeout(ctx, s.limits.Drain)
	defer cancel()
	err := hs.Shutdown(patient)
	cancelRequests(errShuttingDown)
	if err == nil {
		return nil
	}
	s.log.Warn("cancelling requests that outlast the drain", "in_flight", s.metrics.inFlight.Load())
	last, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := hs.Shutdown(last); err != nil {
		return errors.Join(fmt.Errorf("%d requests did not end: %w", s.metrics.inFlight.Load(), err), hs.Close())
	}
	return nil
}
