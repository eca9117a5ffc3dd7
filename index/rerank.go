package index

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

// Reranker judges how well passages answer a query by reading both together.
// Implementations are safe for concurrent use.
type Reranker interface {
	// Rerank gives a score for every passage, higher for better ones.
	Rerank(ctx context.Context, query string, passages []string) (Reranking, error)
	// Name is the model's.
	Name() string
}

// RerankStats says what reranking cost.
type RerankStats struct {
	Model  string  `json:"model"`
	Pairs  int     `json:"pairs"`
	Tokens int     `json:"tokens"`
	TookMS float64 `json:"took_ms"`
}

// Reranking is the answer of a Reranker.
type Reranking struct {
	Scores []float64 // one for each passage
	Tokens int       // that were read
}

// rerank puts the hits of a result in the order of the reranker's scores; hits
// with equal ones stay in theirs. Errors of the reranker wrap ErrReranker.
func rerank(ctx context.Context, by Reranker, query string, r *Result) error {
	begin := time.Now()
	passages := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		passages[i] = passageText(h.Title, h.Text)
	}
	var judged Reranking
	if len(passages) > 0 {
		var err error
		judged, err = by.Rerank(ctx, query, passages)
		if err := rerankFailure(ctx, err, judged.Scores, len(passages)); err != nil {
			return err
		}
	}
	for i := range r.Hits {
		r.Hits[i].RerankScore = &judged.Scores[i]
	}
	slices.SortStableFunc(r.Hits, func(a, b Hit) int {
		switch x, y := *a.RerankScore, *b.RerankScore; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	took := time.Since(begin)
	r.Stats.Rerank = &RerankStats{Model: by.Name(), Pairs: len(passages), Tokens: judged.Tokens, TookMS: milliseconds(took)}
	r.Stats.Total += took
	return nil
}

func rerankFailure(ctx context.Context, err error, scores []float64, want int) error {
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && errors.Is(err, ErrReranker):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrReranker, err)
	case len(scores) != want:
		return fmt.Errorf("%w: %d scores for %d passages", ErrReranker, len(scores), want)
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("%w: the score of passage %d is %g", ErrReranker, i, s)
		}
	}
	return nil
}
