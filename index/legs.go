package index

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// descent is one leg of a search on its way down. It goes deeper in fixed steps and
// keeps what it has found in its place, whatever a deeper search, which may be
// approximate, thinks of it: so the ranking for a later page begins with that
// for an earlier one.
type descent struct {
	ask   func(ctx context.Context, k int) (Leg, error)
	allow func(ctx context.Context, found []Candidate) ([]bool, error) // nil: all
	min   *float64                                                     // nil: any score
	skip  string                                                       // a document that is left out
	room  int                                                          // for its passages

	kept    []Candidate
	seen    map[Ref]bool
	depth   int  // asked for so far
	more    bool // that deeper candidates may come
	bounded bool
	full    float64 // Leg.Full of the first answer
	stats   *LegStats
}

// deepen finds want candidates, or all there are.
func (l *descent) deepen(ctx context.Context, want int) error {
	if l.bounded || l.depth > 0 && !l.more {
		return nil
	}
	begin := time.Now()
	defer func() { l.stats.Took += time.Since(begin) }()
	first := l.depth == 0
	for l.depth = max(l.depth, want+l.room); ; l.depth *= depthStep {
		answer, err := l.ask(ctx, l.depth)
		if err != nil {
			return err
		}
		if first {
			l.full, first = answer.Full, false
		}
		l.more, l.bounded = answer.More, answer.Bounded
		l.stats.Plan, l.stats.Examined = answer.Plan, answer.Examined
		if n := len(answer.Candidates); n > 0 && l.min != nil && answer.Candidates[n-1].Score < *l.min {
			l.more = false
		}
		if err := l.add(ctx, answer.Candidates); err != nil {
			return err
		}
		l.stats.Verified = max(l.stats.Verified, answer.Verified)
		if len(l.kept) >= want || !l.more || l.bounded {
			l.stats.Bounded = l.bounded
			return nil
		}
	}
}

// add keeps the candidates that are new and allowed.
func (l *descent) add(ctx context.Context, found []Candidate) error {
	var fresh []Candidate
	for _, c := range found {
		if !l.seen[c.Ref] && (l.skip == "" || c.Ref.Document != l.skip) && (l.min == nil || c.Score >= *l.min) {
			l.seen[c.Ref] = true
			fresh = append(fresh, c)
		}
	}
	if l.allow == nil {
		l.kept = append(l.kept, fresh...)
		return nil
	}
	if room := MaxVerified - l.stats.Verified; len(fresh) > room {
		fresh, l.bounded = fresh[:room], true
	}
	allowed, err := l.allow(ctx, fresh)
	if err != nil {
		return err
	}
	l.stats.Verified += len(fresh)
	for i, ok := range allowed {
		if ok {
			l.kept = append(l.kept, fresh[i])
		}
	}
	return nil
}

// top is the leg's answer of at most n candidates; nil for no leg.
func (l *descent) top(n int) *Leg {
	if l == nil {
		return nil
	}
	n = min(n, len(l.kept))
	l.stats.Candidates = n
	return &Leg{Candidates: l.kept[:n:n], Full: l.full}
}

// deeper reports whether a search for more than n candidates may find more.
func (l *descent) deeper(n int) bool { return l != nil && (len(l.kept) > n || l.more && !l.bounded) }

// open sets the legs of the mode up.
func (s *searcher) open(ctx context.Context) error {
	dense := func(ctx context.Context, k int) (Leg, error) { return s.c.Dense(ctx, s.q.Vector, k, s.q.Filter) }
	keyword := func(ctx context.Context, k int) (Leg, error) { return s.c.Keyword(ctx, s.words, k, s.q.Filter) }
	var allow func(ctx context.Context, found []Candidate) ([]bool, error)
	switch w := s.q.wording; {
	case len(w.Phrases) > 0 && s.stats.Mode == KeywordOnly:
		keyword = func(ctx context.Context, k int) (Leg, error) {
			return s.c.KeywordWording(ctx, s.words, w, k, s.q.Filter)
		}
	case len(w.Phrases) > 0:
		all, err := s.c.KeywordWording(ctx, s.words, w, MaxVerified, s.q.Filter)
		if err != nil {
			return err
		}
		ranked, err := s.nearest(ctx, all)
		if err != nil {
			return err
		}
		keyword = func(_ context.Context, k int) (Leg, error) { return all.first(k), nil }
		dense = func(_ context.Context, k int) (Leg, error) { return ranked.first(k), nil }
	case len(w.Excluded) > 0:
		allow = s.allowed
	}
	if s.stats.Mode != KeywordOnly {
		s.dense = &descent{ask: dense, min: s.q.MinDense, allow: allow, seen: make(map[Ref]bool), stats: new(LegStats)}
		s.stats.Dense = s.dense.stats
	}
	if s.stats.Mode != DenseOnly {
		s.keyword = &descent{ask: keyword, min: s.q.MinKeyword, allow: allow, seen: make(map[Ref]bool), stats: new(LegStats)}
		s.stats.Keyword = s.keyword.stats
	}
	for _, l := range []*descent{s.dense, s.keyword} {
		if l != nil {
			l.skip, l.room = s.q.Like, s.likePassages
		}
	}
	return nil
}

// allowed asks the engine which passages have nothing of what is excluded.
func (s *searcher) allowed(ctx context.Context, found []Candidate) ([]bool, error) {
	return s.c.Allows(ctx, refsOf(found), s.q.wording)
}

func refsOf(candidates []Candidate) []Ref {
	refs := make([]Ref, len(candidates))
	for i, c := range candidates {
		refs[i] = c.Ref
	}
	return refs
}

// nearest ranks the passages of a leg by the query's vector.
func (s *searcher) nearest(ctx context.Context, among Leg) (Leg, error) {
	vectors, err := s.c.Vectors(ctx, refsOf(among.Candidates))
	if err != nil {
		return Leg{}, err
	}
	out := Leg{Plan: "phrase+exact", Verified: among.Verified, Bounded: among.Bounded, More: among.More}
	for i, v := range vectors {
		if v == nil {
			continue
		}
		if len(v) != len(s.q.Vector) {
			return Leg{}, CheckVector(s.q.Vector, len(v))
		}
		out.Candidates = append(out.Candidates, Candidate{among.Candidates[i].Ref, dot(s.q.Vector, v)})
	}
	out.Examined = len(out.Candidates)
	slices.SortFunc(out.Candidates, func(a, b Candidate) int {
		return compareFused(fused{ref: a.Ref, score: a.Score}, fused{ref: b.Ref, score: b.Score})
	})
	return out, nil
}

// first is the leg as a search for k passages would have given it.
func (l Leg) first(k int) Leg {
	if k < len(l.Candidates) {
		l.Candidates, l.More = l.Candidates[:k], true
	}
	return l
}

func dot(a, b []float32) float64 {
	var sum float64
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// deepen brings both legs to want candidates, side by side.
func (s *searcher) deepen(ctx context.Context, want int) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, l := range []*descent{s.dense, s.keyword} {
		if l != nil {
			g.Go(func() error { return l.deepen(ctx, want) })
		}
	}
	return g.Wait()
}
