package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Encoder turns texts into vectors. Implementations are safe for concurrent
// use and give one vector of Dims values for each text, in order; the zero
// vector means that the model finds nothing in the text.
type Encoder interface {
	// EncodePassages encodes texts that are to be found.
	EncodePassages(ctx context.Context, texts []string) ([][]float32, error)
	// EncodeQueries encodes texts to search with; models with prompts treat
	// them differently.
	EncodeQueries(ctx context.Context, texts []string) ([][]float32, error)
	Dims() int
	// Fingerprint identifies the model; vectors of different fingerprints
	// must not meet in one collection.
	Fingerprint() string
}

// ServiceOptions set what new collections are created with. The zero value is
// sensible.
type ServiceOptions struct {
	Split    SplitOptions // DefaultSplit; checked when a collection is made
	Vectors  Vectors      // VectorsAuto
	Analyzer string       // the engine's default
	Reranker Reranker     // nil: queries that ask for reranking are ErrNoReranker
}

// Service is the way in for documents and queries: it splits and encodes
// documents and stores them in an engine, encodes queries and searches. It is
// safe for concurrent use.
type Service struct {
	engine   Engine
	encoder  Encoder
	options  ServiceOptions
	reembeds reembeds
}

// NewService returns a service over an engine, which Close closes, and an
// encoder, which stays the caller's. The encoder may be nil: then documents
// cannot be stored, and only keyword search works.
func NewService(e Engine, enc Encoder, o ServiceOptions) *Service {
	if o.Split.Check() == nil {
		o.Split = o.Split.normal()
	}
	return &Service{engine: e, encoder: enc, options: o}
}

// Create makes an empty collection. Model and Dims are the encoder's, zero
// values of the other settings mean the service's defaults; Fields declares
// kinds that cannot be inferred, such as Time.
func (s *Service) Create(ctx context.Context, collection string, settings Settings) error {
	if err := CheckName(collection); err != nil {
		return err
	}
	for name, kind := range settings.Fields {
		if err := CheckFieldName(name); err != nil {
			return err
		}
		if kind != Keyword && kind != Number && kind != Bool && kind != Time {
			return fmt.Errorf("%w %q: unknown kind %q; there are keyword, number, bool and time", ErrFieldType, name, kind)
		}
	}
	defaults, err := s.settings()
	if err != nil {
		return err
	}
	settings.Model, settings.Dims = defaults.Model, defaults.Dims
	if settings.Analyzer == "" {
		settings.Analyzer = defaults.Analyzer
	}
	if settings.Split.IsZero() {
		settings.Split = defaults.Split
	}
	if err := s.checkSplit(settings.Split); err != nil {
		return err
	}
	settings.Split = settings.Split.normal()
	if settings.Vectors == "" {
		settings.Vectors = defaults.Vectors
	}
	_, err = s.engine.Create(ctx, collection, settings)
	return err
}

// settings are those of a collection created on first use.
func (s *Service) settings() (Settings, error) {
	if s.encoder == nil {
		return Settings{}, fmt.Errorf("%w: no model is loaded", ErrEncoder)
	}
	return Settings{Model: s.encoder.Fingerprint(), Dims: s.encoder.Dims(), Analyzer: s.options.Analyzer, Split: s.options.Split, Vectors: s.options.Vectors}, nil
}

// Get returns a document; ErrCollectionNotFound, ErrDocumentNotFound.
func (s *Service) Get(ctx context.Context, collection, id string) (Document, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return Document{}, err
	}
	return c.Get(ctx, id)
}

// Delete removes documents by id and reports how many existed.
func (s *Service) Delete(ctx context.Context, collection string, ids ...string) (int, error) {
	s.reembeds.writes.RLock()
	defer s.reembeds.writes.RUnlock()
	c, err := s.open(ctx, collection)
	if err != nil {
		return 0, err
	}
	return c.Delete(ctx, ids)
}

// DeleteWhere removes the documents that the filter accepts. Removing all of
// them is Drop; a nil filter is ErrInvalidFilter.
func (s *Service) DeleteWhere(ctx context.Context, collection string, f Filter) (int, error) {
	if f == nil {
		return 0, fmt.Errorf("%w: deleting needs a condition", ErrInvalidFilter)
	}
	s.reembeds.writes.RLock()
	defer s.reembeds.writes.RUnlock()
	c, f, err := s.openFiltered(ctx, collection, f)
	if err != nil {
		return 0, err
	}
	return c.DeleteWhere(ctx, f)
}

// Count reports how many documents and passages the filter accepts; nil counts
// all.
func (s *Service) Count(ctx context.Context, collection string, f Filter) (documents, passages int, err error) {
	c, f, err := s.openFiltered(ctx, collection, f)
	if err != nil {
		return 0, 0, err
	}
	return c.Count(ctx, f)
}

// Info describes a collection.
func (s *Service) Info(ctx context.Context, collection string) (Info, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return Info{}, err
	}
	info, err := c.Info(ctx)
	info.Reembed = s.reembeds.of(info.Name)
	return info, err
}

// List describes all collections, ordered by name.
func (s *Service) List(ctx context.Context) ([]Info, error) {
	infos, err := s.engine.List(ctx)
	for i := range infos {
		infos[i].Reembed = s.reembeds.of(infos[i].Name)
	}
	return infos, err
}

// Drop deletes a collection and everything in it.
func (s *Service) Drop(ctx context.Context, collection string) error {
	if err := CheckName(collection); err != nil {
		return err
	}
	return s.engine.Drop(ctx, collection)
}

// Check verifies a collection's storage.
func (s *Service) Check(ctx context.Context, collection string) (Report, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return Report{}, err
	}
	return c.Check(ctx)
}

// Close closes the engine.
func (s *Service) Close() error { return s.engine.Close() }

func (s *Service) open(ctx context.Context, collection string) (Collection, error) {
	if err := CheckName(collection); err != nil {
		return nil, err
	}
	return s.engine.Open(ctx, collection)
}

func (s *Service) openFiltered(ctx context.Context, collection string, f Filter) (Collection, Filter, error) {
	c, err := s.open(ctx, collection)
	if err != nil || f == nil {
		return c, nil, err
	}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, nil, err
	}
	f, err = Resolve(f, info.Settings.Fields)
	return c, f, err
}

// checkModel compares a collection's model with the encoder's.
func (s *Service) checkModel(name string, settings Settings) error {
	have, dims := s.encoder.Fingerprint(), s.encoder.Dims()
	if settings.Model == have && settings.Dims == dims {
		return nil
	}
	return fmt.Errorf("%w: collection %q has vectors of %.12s (%d values), the loaded model is %.12s (%d values)",
		ErrModelMismatch, name, settings.Model, settings.Dims, have, dims)
}

// Search answers a query from a collection. If the mode needs a vector and the
// query has none, its text is encoded. When that fails, or the model finds
// nothing in the text, hybrid search answers from keywords and says so in
// Stats.Degraded, and dense search is ErrEncoder or ErrInvalidQuery.
// A collection that was built with another model is ErrModelMismatch unless
// the mode is KeywordOnly. A query that asks for reranking is ErrNoReranker
// without a reranker. A collection that PlanReembed or Reembed has found answers
// hybrid searches from keywords until it has the model. See also the function
// Search.
func (s *Service) Search(ctx context.Context, collection string, q Query) (Result, error) {
	for attempt := 1; ; attempt++ {
		result, err := s.searchOnce(ctx, collection, q)
		if attempt == 3 || !replacedMeanwhile(err) {
			return result, err
		}
	}
}

// replacedMeanwhile says that a call which opened a collection may have failed for
// another having taken its place since. A model that does not fit may be that of
// the one before, too: the next try tells.
func replacedMeanwhile(err error) bool {
	return errors.Is(err, ErrReplaced) || errors.Is(err, ErrModelMismatch)
}

func (s *Service) searchOnce(ctx context.Context, collection string, q Query) (Result, error) {
	q, err := q.prepare()
	if err != nil {
		return Result{}, err
	}
	if q.Rerank && s.options.Reranker == nil {
		return Result{}, ErrNoReranker
	}
	c, err := s.open(ctx, collection)
	if err != nil {
		return Result{}, err
	}
	if q, err = q.correct(ctx, c); err != nil {
		return Result{}, err
	}
	var noVector string
	begin := time.Now()
	if q.Mode != KeywordOnly && q.Like == "" {
		switch q.Vector, err = s.queryVector(ctx, collection, c, q); {
		case err == nil:
		case ctx.Err() != nil:
			return Result{}, ctx.Err()
		case q.Mode == Hybrid && (errors.Is(err, ErrEncoder) || errors.Is(err, errNoMeaning) || errors.Is(err, errReembedding)):
			noVector = err.Error()
		case errors.Is(err, errNoMeaning):
			return Result{}, fmt.Errorf("%w: %w", ErrInvalidQuery, err)
		default:
			return Result{}, err
		}
	}
	encode := time.Since(begin)
	result, err := search(ctx, c, q, noVector)
	result.Stats.Encode = encode
	result.Stats.Total += encode
	if err == nil && q.Rerank {
		err = rerank(ctx, s.options.Reranker, q.Text, &result)
	}
	return result, err
}

// QueryVector is the vector that a search of the collection has for a text: one
// of length 1, or nil if the model finds nothing in it. ErrModelMismatch as for
// Search, ErrEncoder.
func (s *Service) QueryVector(ctx context.Context, collection, text string) ([]float32, error) {
	c, err := s.open(ctx, collection)
	if err != nil {
		return nil, err
	}
	v, err := s.queryVector(ctx, collection, c, Query{Text: text})
	if errors.Is(err, errNoMeaning) {
		err = nil
	}
	return v, err
}

// errNoMeaning: the model has no vector for a query's text.
var errNoMeaning = errors.New("the model finds nothing in the text")

// queryVector is the query's own vector or that of its text.
func (s *Service) queryVector(ctx context.Context, collection string, c Collection, q Query) ([]float32, error) {
	if q.Vector != nil {
		return unit32(q.Vector), nil
	}
	if s.encoder == nil {
		return nil, fmt.Errorf("%w: no model is loaded", ErrEncoder)
	}
	info, err := c.Info(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkModel(collection, info.Settings); err != nil {
		if s.reembeds.of(info.Name) != nil {
			err = fmt.Errorf("%w: %w", errReembedding, err)
		}
		return nil, err
	}
	vectors, err := s.encode(ctx, s.encoder.EncodeQueries, []string{q.Text})
	if err != nil {
		return nil, err
	}
	if vectors[0] == nil {
		return nil, errNoMeaning
	}
	return vectors[0], nil
}

// encode calls one of the encoder's methods and checks what comes back; zero
// vectors become nil. Every error is ErrEncoder.
func (s *Service) encode(ctx context.Context, encode func(context.Context, []string) ([][]float32, error), texts []string) ([][]float32, error) {
	return s.checked(len(texts), func() ([][]float32, error) { return encode(ctx, texts) })
}

// checked is encode for any call of the encoder that gives n vectors.
func (s *Service) checked(n int, encode func() ([][]float32, error)) ([][]float32, error) {
	vectors, err := encode()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncoder, err)
	}
	if len(vectors) != n {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrEncoder, len(vectors), n)
	}
	for i, v := range vectors {
		if len(v) == s.encoder.Dims() && isZero(v) {
			vectors[i] = nil
			continue
		}
		if err := CheckVector(v, s.encoder.Dims()); err != nil {
			return nil, fmt.Errorf("%w: text %d: %w", ErrEncoder, i, err)
		}
		vectors[i] = unit32(v)
	}
	return vectors, nil
}

func isZero(v []float32) bool {
	for _, x := range v {
		if x != 0 {
			return false
		}
	}
	return true
}

// unit32 brings a vector to length 1. One that is that long already, to
// rounding, stays as it is, bit for bit.
func unit32(v []float32) []float32 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) || math.Abs(sum-1) < 1e-5 {
		return v
	}
	scale := 1 / math.Sqrt(sum)
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(float64(x) * scale)
	}
	return out
}
