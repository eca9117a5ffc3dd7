// Package devset scores sentence encoders on the development sets that choose
// between models: similarity, retrieval and translation.
//
//	sets := devset.New(data.Dev, devset.Options{})
//	scores, err := sets.Score(ctx, encoder, 256, 64)
//	best := devset.Mean(scores)
package devset

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"semdex/internal/kernel"
	"semdex/nli"
	"semdex/nli/pairs"
)

// The measures.
const (
	Spearman = "spearman" // of cosine and people's scores
	MRR      = "mrr@10"   // mean reciprocal rank among the first ten
	Accuracy = "accuracy" // of finding each sentence's translation (the mean of both directions), or of labels
)

// Score is one measure on one set.
type Score struct {
	Set     string  `json:"set"`
	Measure string  `json:"measure"`
	Dims    int     `json:"dims"`
	Value   float64 `json:"value"` // in [-1, 1]
	// Reported says that the set is a test set, which must not choose.
	Reported bool `json:"reported,omitempty"`
}

// String is the score in hundredths, as papers print it.
func (s Score) String() string {
	return fmt.Sprintf("%s %s %.1f", s.Set, s.Measure, 100*s.Value)
}

// Format writes scores in one line.
func Format(list []Score) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = s.String()
	}
	return strings.Join(parts, ", ")
}

// Mean is the figure that training maximises: the mean over the measures of the
// mean over their sets, at the largest width among the scores, without the sets
// that are only reported. It is 0 if nothing counts.
func Mean(list []Score) float64 {
	width := 0
	for _, s := range list {
		width = max(width, s.Dims)
	}
	var total float64
	measures := 0
	for _, measure := range []string{Spearman, MRR, Accuracy} {
		var sum float64
		n := 0
		for _, s := range list {
			if s.Measure == measure && s.Dims == width && !s.Reported {
				sum, n = sum+s.Value, n+1
			}
		}
		if n > 0 {
			total, measures = total+sum/float64(n), measures+1
		}
	}
	if measures == 0 {
		return 0
	}
	return total / float64(measures)
}

// Options of New.
type Options struct {
	// Queries and Documents bound a retrieval set, so that a slow encoder is
	// scored in seconds; 0: all. The documents that answer the queries kept
	// always stay. Scores depend on both.
	Queries, Documents int
	Level              kernel.Level
	Workers            int // goroutines; 0: one
}

// Sets are development sets.
type Sets struct {
	dev pairs.Dev
	Options
}

// New bounds the sets.
func New(d pairs.Dev, o Options) *Sets {
	s := &Sets{dev: d, Options: o}
	s.Workers = max(1, o.Workers)
	s.dev.Retrieval = nil
	for _, r := range d.Retrieval {
		s.dev.Retrieval = append(s.dev.Retrieval, bound(r, o.Queries, o.Documents))
	}
	return s
}

// Empty says that there is nothing to score.
func (s *Sets) Empty() bool {
	return len(s.dev.STS)+len(s.dev.Retrieval)+len(s.dev.Parallel) == 0
}

// bound keeps the first queries, the documents that answer them, and then the
// first others.
func bound(r pairs.RetrievalSet, queries, documents int) pairs.RetrievalSet {
	if queries > 0 && len(r.Queries) > queries {
		r.Queries, r.Relevant = r.Queries[:queries], r.Relevant[:queries]
	}
	if documents == 0 || len(r.Documents) <= documents {
		return r
	}
	var keep []int
	for _, list := range r.Relevant {
		keep = append(keep, list...)
	}
	slices.Sort(keep)
	keep = slices.Compact(keep)
	wanted := make(map[int]bool, len(keep))
	for _, i := range keep {
		wanted[i] = true
	}
	for i := 0; i < len(r.Documents) && len(keep) < documents; i++ {
		if !wanted[i] {
			keep = append(keep, i)
		}
	}
	slices.Sort(keep)
	out := pairs.RetrievalSet{Name: r.Name, Queries: r.Queries}
	place := make(map[int]int, len(keep))
	for i, d := range keep {
		place[d] = i
		out.Documents = append(out.Documents, r.Documents[d])
	}
	for _, list := range r.Relevant {
		moved := make([]int, len(list))
		for i, d := range list {
			moved[i] = place[d]
		}
		out.Relevant = append(out.Relevant, moved)
	}
	return out
}

// Score measures an encoder on every set at every width: vectors are cut to
// that many leading dimensions. Without widths whole vectors are measured.
// Errors are the encoder's, ctx's or metric.ErrUndefined.
func (s *Sets) Score(ctx context.Context, enc nli.Encoder, widths ...int) ([]Score, error) {
	var out []Score
	for _, set := range s.dev.STS {
		scores, err := nli.EvalSTS(ctx, enc, set.Pairs, widths...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		for _, v := range scores {
			out = append(out, Score{Set: set.Name, Measure: Spearman, Dims: v.Dims, Value: v.Spearman})
		}
	}
	for _, set := range s.dev.Retrieval {
		scores, err := s.retrieval(ctx, enc, set, widths)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		out = append(out, scores...)
	}
	for _, set := range s.dev.Parallel {
		scores, err := s.parallel(ctx, enc, set, widths)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.Name, err)
		}
		out = append(out, scores...)
	}
	return out, nil
}

// retrieval is MRR@10 over the queries of a set.
func (s *Sets) retrieval(ctx context.Context, enc nli.Encoder, set pairs.RetrievalSet, widths []int) ([]Score, error) {
	queries, documents, err := both(ctx, enc, set.Queries, set.Documents)
	if err != nil {
		return nil, err
	}
	return measure(set.Name, MRR, false, queries.widths(widths), func(width int) float64 {
		var sum float64
		for _, rank := range s.ranks(queries.unit(width), documents.unit(width), width, set.Relevant) {
			if rank <= 10 {
				sum += 1 / float64(rank)
			}
		}
		return sum / float64(len(set.Relevant))
	}), nil
}

// parallel is the share of sentences whose nearest neighbour in the other
// language is their translation, the mean of both directions.
func (s *Sets) parallel(ctx context.Context, enc nli.Encoder, set pairs.ParallelSet, widths []int) ([]Score, error) {
	a, b, err := both(ctx, enc, set.A, set.B)
	if err != nil {
		return nil, err
	}
	same := make([][]int, len(set.A))
	for i := range same {
		same[i] = []int{i}
	}
	return measure(set.Name, Accuracy, set.Test, a.widths(widths), func(width int) float64 {
		x, y := a.unit(width), b.unit(width)
		hits := 0
		for _, ranks := range [][]int{s.ranks(x, y, width, same), s.ranks(y, x, width, same)} {
			for _, rank := range ranks {
				if rank == 1 {
					hits++
				}
			}
		}
		return float64(hits) / float64(2*len(same))
	}), nil
}

func measure(set, name string, reported bool, widths []int, value func(width int) float64) []Score {
	out := make([]Score, len(widths))
	for i, w := range widths {
		out[i] = Score{Set: set, Measure: name, Dims: w, Value: value(w), Reported: reported}
	}
	return out
}
