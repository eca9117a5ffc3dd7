package indextest

import (
	"context"
	"math"
	"slices"

	"semdex/index"
)

func (h *memoryHandle) Dense(ctx context.Context, vector []float32, k int, f index.Filter) (leg index.Leg, err error) {
	err = h.read(ctx, func() error {
		if err := index.CheckVector(vector, h.settings.Dims); err != nil {
			return err
		}
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		var all []index.Candidate
		for _, d := range accepted {
			for i, p := range d.record.Passages {
				if p.Vector == nil {
					continue
				}
				all = append(all, index.Candidate{Ref: index.Ref{Document: d.record.ID, Ordinal: i}, Score: dot(vector, p.Vector)})
			}
		}
		leg = bestOf(all, k, "exact", len(all))
		return nil
	})
	return leg, err
}

func dot(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

// bestOf ranks all candidates and keeps k.
func bestOf(all []index.Candidate, k int, plan string, examined int) index.Leg {
	SortCandidates(all)
	n := min(max(k, 0), len(all))
	return index.Leg{Candidates: all[:n:n], More: n < len(all), Plan: plan, Examined: examined}
}

// SortCandidates orders best first and breaks ties as every leg must.
func SortCandidates(c []index.Candidate) {
	slices.SortFunc(c, func(a, b index.Candidate) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		case a.Ref.Less(b.Ref):
			return -1
		case b.Ref.Less(a.Ref):
			return 1
		}
		return 0
	})
}

// The parameters of BM25 (Robertson and Zaragoza, 2009).
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

func (h *memoryHandle) Keyword(ctx context.Context, w index.Words, k int, f index.Filter) (leg index.Leg, err error) {
	err = h.read(ctx, func() error {
		accepted, err := h.accepted(f)
		if err != nil {
			return err
		}
		score, full := h.score(w)
		var matching []index.Candidate
		for _, d := range accepted {
			for i := range d.terms {
				if s := score(d, i); s > 0 {
					matching = append(matching, index.Candidate{Ref: index.Ref{Document: d.record.ID, Ordinal: i}, Score: s})
				}
			}
		}
		leg = bestOf(matching, k, "bm25", len(matching))
		leg.Full = full
		return nil
	})
	return leg, err
}

// statistics gives each query term's inverse document frequency over the whole
// collection, and the average length of a passage in terms.
func (c *memoryCollection) statistics(query []string) (idf map[string]float64, average float64) {
	passages, length := 0, 0
	found := make(map[string]int)
	for _, d := range c.documents {
		for _, terms := range d.terms {
			passages++
			length += terms.total
			for _, q := range query {
				if terms.count[q] > 0 {
					found[q]++
				}
			}
		}
	}
	idf = make(map[string]float64)
	for _, q := range query {
		n := float64(found[q])
		idf[q] = math.Log(1 + (float64(passages)-n+0.5)/(n+0.5))
	}
	return idf, float64(length) / float64(max(passages, 1))
}

func bm25(query []string, terms termCounts, idf map[string]float64, average float64) float64 {
	var s float64
	for _, q := range query {
		if tf := float64(terms.count[q]); tf > 0 {
			norm := bm25K1 * (1 - bm25B + bm25B*float64(terms.total)/average)
			s += idf[q] * tf * (bm25K1 + 1) / (tf + norm)
		}
	}
	return s
}
