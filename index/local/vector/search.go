package vector

import (
	"context"
	"math"
)

// The cost of a walk, for the choice between walk and scan: a walk computes
// about walkCost dot products for each candidate it keeps, and each takes as
// long as scanGain of a scan's.
const (
	walkCost = 18
	scanGain = 2
)

// Search implements Index. The plan is a scan where that is the cheaper way: for
// few rows, few accepted ones, or many results.
func (g *Graph) Search(ctx context.Context, q Query) ([]Hit, Stats, error) {
	if err := ctx.Err(); err != nil {
		return nil, Stats{Plan: PlanGraph}, err
	}
	exact := NewExact(g.rows, 0, g.count, g.level)
	accepted := g.count
	if q.Accept != nil {
		accepted = min(q.Accept.Count, g.count)
	}
	ef := max(q.EF, q.K)
	if q.EF <= 0 {
		ef = DefaultEF(q.K)
	}
	entry, ok := g.entry()
	if !ok || q.K <= 0 || !g.worthWalking(ef, accepted) && q.EF <= 0 || ef >= accepted {
		return exact.Search(ctx, q)
	}
	w := g.walks.Get().(*walk)
	defer g.walks.Put(w)
	hits, done := w.search(entry, q, ef, accepted)
	stats := w.stats
	stats.Plan = PlanGraph
	if done {
		return hits, stats, nil
	}
	hits, more, err := exact.Search(ctx, q)
	more.Add(stats)
	more.Plan = PlanFallback
	return hits, more, err
}

// worthWalking reports whether a walk for ef candidates is expected to take
// less time than a scan of the accepted rows: it passes the others, too.
func (g *Graph) worthWalking(ef, accepted int) bool {
	if accepted == 0 {
		return false
	}
	walk := float64(ef) * walkCost * float64(g.count) / float64(accepted)
	return walk*scanGain < float64(accepted)
}

// search walks; false if the budget did not suffice or fewer than K rows were
// found.
func (w *walk) search(entry uint32, q Query, ef, accepted int) ([]Hit, bool) {
	g := w.g
	w.stats = Stats{}
	w.prepare(q.Vector)
	top := len(g.layers) - 1
	node := w.descend(entry, top, 1)
	w.begin(&g.layers[0], node)
	if q.Accept == nil {
		w.run(&g.layers[0], ef)
	} else {
		budget := q.Budget
		if budget <= 0 {
			budget = accepted / scanGain
		}
		if !w.runFiltered(q.Accept, ef, budget) {
			return nil, false
		}
	}
	if len(w.pool) < min(q.K, accepted) {
		return nil, false
	}
	return w.rescore(q), true
}

// rescore offers the pool with its float32 dot products, best codes first, and
// stops where the rest is not likely to come in. What codes are off by is
// nearly random, so that it stays far below the bound in many dimensions.
func (w *walk) rescore(q Query) []Hit {
	g := w.g
	slack := g.rows.bound(&w.target) * float32(min(1, 4/math.Sqrt(float64(g.rows.dims))))
	best := newTop(q.K, q.Before)
	for _, s := range w.pool {
		if best.full() && s.score*w.scale+slack < best.hits[0].Score {
			break
		}
		w.stats.Rescored++
		score := g.level.Dot(w.values, g.rows.At(int(s.node)))
		if best.wants(score) {
			best.offer(Hit{s.node, score})
		}
	}
	w.values = nil
	return best.sorted()
}
