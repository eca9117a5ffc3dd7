package metric

import (
	"math"
	"slices"
)

// Judgements are the graded relevances of one query by document id, as in a
// qrels file. A document is relevant when its gain is above zero; one that is
// not listed has gain 0.
//
// Every measure below takes the ids best first and looks at the first k of
// them (all of them for k <= 0). An id that occurs again counts once, at its
// first rank. A query without a relevant document scores 0.
type Judgements map[string]float64

// Relevant counts the documents with a gain above zero.
func (j Judgements) Relevant() int {
	n := 0
	for _, gain := range j {
		if gain > 0 {
			n++
		}
	}
	return n
}

// NDCG is the normalised discounted cumulative gain at k as trec_eval and BEIR
// compute it: gains are linear (not 2^gain - 1), the gain at rank r is divided
// by log2(r+1), and the sum by that of the ideal ranking of all judged
// documents. Negative gains count as 0.
func NDCG(ranked []string, gains Judgements, k int) float64 {
	ideal := make([]float64, 0, len(gains))
	for _, gain := range gains {
		if gain > 0 {
			ideal = append(ideal, gain)
		}
	}
	slices.SortFunc(ideal, func(a, b float64) int {
		if a > b {
			return -1
		}
		if a < b {
			return 1
		}
		return 0
	})
	var best float64
	for i, gain := range ideal[:cut(len(ideal), k)] {
		best += gain * discount(i+1)
	}
	if best == 0 {
		return 0
	}
	var dcg float64
	eachRelevant(ranked, gains, k, func(rank int, gain float64) bool {
		dcg += gain * discount(rank)
		return true
	})
	return dcg / best
}

// ReciprocalRank is 1/r for the first relevant document at rank r <= k, else 0.
// Its mean over queries is MRR@k.
func ReciprocalRank(ranked []string, gains Judgements, k int) float64 {
	var rr float64
	eachRelevant(ranked, gains, k, func(rank int, _ float64) bool {
		rr = 1 / float64(rank)
		return false
	})
	return rr
}

// Recall is the share of the relevant documents that stand in the first k.
func Recall(ranked []string, gains Judgements, k int) float64 {
	total := gains.Relevant()
	if total == 0 {
		return 0
	}
	found := 0
	eachRelevant(ranked, gains, k, func(int, float64) bool {
		found++
		return true
	})
	return float64(found) / float64(total)
}

// Hit is 1 if a relevant document stands in the first k, else 0. Its mean over
// queries is also called success@k or accuracy@k.
func Hit(ranked []string, gains Judgements, k int) float64 {
	if ReciprocalRank(ranked, gains, k) > 0 {
		return 1
	}
	return 0
}

// eachRelevant calls visit for every relevant document of the first k with its
// rank from 1, until visit returns false.
func eachRelevant(ranked []string, gains Judgements, k int, visit func(rank int, gain float64) bool) {
	var seen map[string]bool
	for i, id := range ranked[:cut(len(ranked), k)] {
		gain := gains[id]
		if gain <= 0 || seen[id] {
			continue
		}
		if seen == nil {
			seen = make(map[string]bool)
		}
		seen[id] = true
		if !visit(i+1, gain) {
			return
		}
	}
}

func discount(rank int) float64 { return 1 / math.Log2(float64(rank)+1) }

func cut(n, k int) int {
	if k <= 0 {
		return n
	}
	return min(n, k)
}
