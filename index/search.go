package index

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits and defaults of a query.
const (
	DefaultTopK   = 10
	MaxDepth      = 10000   // Offset + TopK
	MaxQueryBytes = 1 << 16 // Query.Text
)

// Search answers a query from one collection: it runs the legs that the mode
// asks for side by side, fuses them, groups, pages, and reads the hits' text.
// In hybrid mode without a vector it answers from keywords alone and says so in
// Stats.Degraded. Errors: ErrInvalidQuery, ErrUnknownField, ErrFieldType,
// ErrInvalidFilter, ErrInvalidVector, ErrNoReranker (a Service has one) and the
// engine's own.
func Search(ctx context.Context, c Collection, q Query) (Result, error) {
	if q.Rerank {
		return Result{}, ErrNoReranker
	}
	return search(ctx, c, q, "the query has no vector")
}

// search is Search; noVector says why a hybrid query has no vector.
func search(ctx context.Context, c Collection, q Query, noVector string) (Result, error) {
	begin := time.Now()
	q, err := q.prepare()
	if err != nil {
		return Result{}, err
	}
	if q.Filter != nil || len(q.Facets) > 0 {
		info, err := c.Info(ctx)
		if err != nil {
			return Result{}, err
		}
		if q.Filter, err = Resolve(q.Filter, info.Settings.Fields); err != nil {
			return Result{}, err
		}
		if err := checkFacetFields(q.Facets, info.Settings.Fields); err != nil {
			return Result{}, err
		}
	}
	if q, err = q.correct(ctx, c); err != nil {
		return Result{}, err
	}
	s := &searcher{c: c, q: q}
	s.stats.Corrected = q.corrected
	if q.Like != "" {
		if noVector, err = s.like(ctx); err != nil {
			return Result{}, err
		}
		q = s.q
	}
	if q.Mode == DenseOnly && q.Vector == nil {
		return Result{}, fmt.Errorf("%w: dense search needs a vector; %s", ErrInvalidQuery, noVector)
	}
	s.stats.Mode = q.Mode
	switch {
	case q.Mode == Hybrid && q.Vector == nil:
		s.stats.Mode, s.stats.Degraded = KeywordOnly, noVector
		s.stats.Fusion = q.Fusion.Method
	case q.Mode == Hybrid:
		s.stats.Fusion = q.Fusion.Method
	}
	if err := s.expand(ctx); err != nil {
		return Result{}, err
	}
	if err := s.open(ctx); err != nil {
		return Result{}, err
	}
	ranking, err := s.ranking(ctx)
	if err != nil {
		return Result{}, err
	}
	result := Result{Total: len(ranking)}
	if result.Hits, err = s.page(ctx, ranking); err != nil {
		return Result{}, err
	}
	if result.Facets, err = s.facets(ctx); err != nil {
		return Result{}, err
	}
	s.stats.Search = time.Since(begin)
	s.stats.Total = s.stats.Search
	result.Stats = s.stats
	return result, nil
}

// prepare fills what the zero value leaves open, checks the query, and takes
// the operators out of its text. A prepared query stays as it is.
func (q Query) prepare() (Query, error) {
	q = q.withDefaults()
	err := q.check()
	if err == nil && q.Operators {
		q.Text, q.wording, err = ParseWording(q.Text)
		q.Operators = false
	}
	return q, err
}

// withDefaults fills what the zero value leaves open.
func (q Query) withDefaults() Query {
	if q.TopK == 0 {
		q.TopK = DefaultTopK
	}
	if q.Mode == "" {
		q.Mode = Hybrid
	}
	if q.Fusion.Method == "" {
		q.Fusion.Method = MinMax
	}
	if q.GroupBy == "" {
		q.GroupBy = ByDocument
	}
	return q
}

// check reports ErrInvalidQuery; only the vector is left to the engine.
func (q Query) check() error {
	invalid := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrInvalidQuery}, args...)...)
	}
	alpha := q.Fusion.Alpha
	switch {
	case q.Mode != Hybrid && q.Mode != DenseOnly && q.Mode != KeywordOnly:
		return invalid("mode %q; there are hybrid, dense and keyword", q.Mode)
	case q.Fusion.Method != MinMax && q.Fusion.Method != RRF:
		return invalid("fusion %q; there are minmax and rrf", q.Fusion.Method)
	case alpha != nil && !(*alpha >= 0 && *alpha <= 1):
		return invalid("alpha is %v, it must be between 0 and 1", *alpha)
	case q.GroupBy != ByDocument && q.GroupBy != ByPassage:
		return invalid("group_by %q; there are document and passage", q.GroupBy)
	case q.TopK < 0 || q.Offset < 0:
		return invalid("top_k %d and offset %d must not be negative", q.TopK, q.Offset)
	case q.TopK > MaxDepth || q.Offset > MaxDepth-q.TopK:
		return invalid("offset %d and top_k %d reach deeper than %d hits", q.Offset, q.TopK, MaxDepth)
	case q.MinScore != nil && math.IsNaN(*q.MinScore):
		return invalid("min_score is not a number")
	case q.MinDense != nil && math.IsNaN(*q.MinDense) || q.MinKeyword != nil && math.IsNaN(*q.MinKeyword):
		return invalid("a leg's least score is not a number")
	case q.MinDense != nil && q.Mode == KeywordOnly:
		return invalid("min_dense has no meaning in mode keyword, which has no dense leg")
	case q.MinKeyword != nil && q.Mode == DenseOnly:
		return invalid("min_keyword has no meaning in mode dense, which has no keyword leg")
	case q.Like == "" && (q.Mode != DenseOnly || q.Vector == nil) && strings.TrimSpace(q.Text) == "":
		return invalid("the text is empty")
	case len(q.Text) > MaxQueryBytes:
		return invalid("the text has %d bytes, at most %d are allowed", len(q.Text), MaxQueryBytes)
	case !utf8.ValidString(q.Text):
		return invalid("the text has invalid UTF-8 at byte %d", invalidUTF8(q.Text))
	}
	if err := q.checkLike(); err != nil {
		return err
	}
	return q.checkFacets()
}

// searcher carries one query through its steps.
type searcher struct {
	c     Collection
	q     Query
	words Words // of q.Text
	stats Stats

	dense, keyword *descent       // nil where the mode does without
	likePassages   int            // of the document q.Like
	digests        map[Ref]digest // of passages' texts, for Dedup
	window         []string       // documents of the first step, for facets
}

// depthStep is how much deeper a search goes when what it has is not enough.
const depthStep = 4

// ranking returns all groups (or passages) above the minimum score among the
// candidates, going deeper until the page is full or nothing more can come. The
// steps are the same for every page, so that a later page goes on where an
// earlier one ended.
func (s *searcher) ranking(ctx context.Context) ([]fused, error) {
	need := s.q.Offset + s.q.TopK
	for depth := Window; ; depth *= depthStep {
		if err := s.deepen(ctx, depth); err != nil {
			return nil, err
		}
		if depth == Window {
			s.weigh()
		}
		ranking := s.fuse(s.dense.top(depth), s.keyword.top(depth))
		enough := s.cut(&ranking)
		if depth == Window && len(s.q.Facets) > 0 {
			s.window = documentsOf(ranking)
		}
		if s.q.Dedup {
			var err error
			if ranking, err = s.distinct(ctx, ranking); err != nil {
				return nil, err
			}
		}
		if s.q.GroupBy == ByDocument {
			ranking = groupByDocument(ranking)
		}
		more := !enough && (s.dense.deeper(depth) || s.keyword.deeper(depth))
		s.stats.More = more || s.bounded()
		if len(ranking) >= need || !more {
			return ranking, nil
		}
	}
}

// bounded reports whether a leg stopped early.
func (s *searcher) bounded() bool {
	return s.dense != nil && s.dense.bounded || s.keyword != nil && s.keyword.bounded
}

// cut drops what is below the minimum score. It reports whether anything that
// deeper candidates could bring would be dropped too: single legs fall, and
// beyond the window the fused score is 0.
func (s *searcher) cut(ranking *[]fused) (enough bool) {
	if s.q.MinScore == nil {
		return false
	}
	all := len(*ranking)
	*ranking = slices.DeleteFunc(*ranking, func(f fused) bool { return f.score < *s.q.MinScore })
	return len(*ranking) < all || s.stats.Fusion != "" && *s.q.MinScore > 0
}

// weigh settles the weight of the dense leg, if the query has both.
func (s *searcher) weigh() {
	switch alpha := s.q.Fusion.Alpha; {
	case s.stats.Mode != Hybrid:
	case alpha != nil:
		s.stats.Alpha = *alpha
	default:
		e := evidence(s.keyword.top(Window))
		s.stats.Alpha, s.stats.Evidence = e.Alpha(), &e
	}
}

func (s *searcher) fuse(dense, keyword *Leg) []fused {
	switch {
	case s.stats.Fusion != "":
		return fuse(dense, keyword, s.stats.Fusion, s.stats.Alpha)
	case dense != nil:
		return single(dense, func(s *Scores) **LegScore { return &s.Dense })
	}
	return single(keyword, func(s *Scores) **LegScore { return &s.Keyword })
}

// page reads the hits of the page asked for. Passages that vanished since the
// legs ran are left out and the next ones move up.
func (s *searcher) page(ctx context.Context, ranking []fused) ([]Hit, error) {
	rest := ranking[min(s.q.Offset, len(ranking)):]
	hits := make([]Hit, 0, min(s.q.TopK, len(rest)))
	texts := make(map[string]*runeText)
	for len(hits) < s.q.TopK && len(rest) > 0 {
		batch := rest[:min(s.q.TopK-len(hits), len(rest))]
		rest = rest[len(batch):]
		refs := make([]Ref, len(batch))
		for i, f := range batch {
			refs[i] = f.ref
		}
		stored, err := s.c.Fetch(ctx, refs)
		if err != nil {
			return nil, err
		}
		for i, p := range stored {
			if !p.Found {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			text := texts[p.Document.ID]
			if text == nil || text.text != p.Document.Text { // it may have been replaced meanwhile
				text = newRuneText(p.Document.Text)
				texts[p.Document.ID] = text
			}
			hits = append(hits, s.hit(batch[i], p, text))
		}
	}
	return hits, nil
}

func (s *searcher) hit(f fused, p Stored, text *runeText) Hit {
	h := Hit{
		ID:         f.ref.String(),
		DocumentID: f.ref.Document,
		Score:      f.score,
		Text:       text.slice(p.Start, p.End),
		Start:      p.Start,
		End:        p.End,
		Title:      p.Document.Title,
		Metadata:   p.Document.Metadata,
		Scores:     f.scores,
	}
	if len(p.Document.Headings) > 0 {
		h.Headings, _ = newOutline(text, p.Document.Headings).at(Span{p.Start, p.End})
	}
	if s.q.Highlight && s.q.Text != "" {
		for _, m := range s.c.Matches(s.words, h.Text) {
			h.Highlights = append(h.Highlights, Span{Start: m.Start + p.Start, End: m.End + p.Start})
		}
	}
	if s.q.Explain {
		h.Explain = s.explain(f)
	}
	return h
}

// explain puts the arithmetic of a hit's score into words.
func (s *searcher) explain(f fused) string {
	var parts []string
	add := func(name, unit string, l *LegScore, stats *LegStats) {
		switch {
		case stats == nil:
		case l == nil:
			parts = append(parts, fmt.Sprintf("0 from %s (not among its %d candidates)", name, stats.Candidates))
		default:
			parts = append(parts, fmt.Sprintf("%.4f from %s (%s %.4f, rank %d of %d)", l.Share, name, unit, l.Score, l.Rank, stats.Candidates))
		}
	}
	add("dense", "cosine", f.scores.Dense, s.stats.Dense)
	add("keyword", "bm25", f.scores.Keyword, s.stats.Keyword)
	text := fmt.Sprintf("%.4f = %s", f.score, strings.Join(parts, " + "))
	if s.stats.Fusion != "" {
		text += fmt.Sprintf("; %s with alpha %.2f", s.stats.Fusion, s.stats.Alpha)
		if e := s.stats.Evidence; e != nil {
			text += fmt.Sprintf(" (keywords: coverage %.2f, floor %.2f)", e.Coverage, e.Floor)
		}
	}
	return text
}
