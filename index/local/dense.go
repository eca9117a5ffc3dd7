package local

import (
	"context"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/index/local/vector"
	"semdex/internal/kernel"
)

// Dense implements index.Collection. Passages that are in the graph are found
// by it, the others by a scan.
func (c *Collection) Dense(ctx context.Context, query []float32, k int, f index.Filter) (index.Leg, error) {
	if err := c.enter(ctx); err != nil {
		return index.Leg{}, err
	}
	defer c.leave()
	if err := index.CheckVector(query, c.dims); err != nil {
		return index.Leg{}, err
	}
	v, accepted, err := c.pin(f)
	if err != nil {
		return index.Leg{}, err
	}
	defer v.sealed.release()
	k = max(k, 0)
	hits, stats, err := v.search(ctx, c.engine.level, vector.Query{
		Vector: query, K: k + 1, Accept: v.accept(accepted), Before: v.before,
	})
	if err != nil {
		return index.Leg{}, err
	}
	n := min(k, len(hits))
	leg := index.Leg{Plan: stats.Plan, Examined: stats.Distances, More: n < len(hits), Candidates: make([]index.Candidate, n)}
	for i, h := range hits[:n] {
		leg.Candidates[i] = index.Candidate{Ref: v.refOf(h.Row), Score: float64(h.Score)}
	}
	return leg, nil
}

// search finds rows in the graph and behind it.
func (v *view) search(ctx context.Context, level kernel.Level, q vector.Query) ([]vector.Hit, vector.Stats, error) {
	if v.sealed == nil {
		return vector.NewExact(v.store, 0, v.store.Len(), level).Search(ctx, q)
	}
	sealed := v.sealed.index
	hits, stats, err := sealed.Search(ctx, q)
	if err != nil || sealed.Len() == v.store.Len() {
		return hits, stats, err
	}
	later, more, err := vector.NewExact(v.store, sealed.Len(), v.store.Len(), level).Search(ctx, q)
	stats.Add(more)
	if stats.Plan == vector.PlanGraph {
		stats.Plan = vector.PlanMixed
	}
	return vector.Merge(q.K, q.Before, hits, later), stats, err
}

// refOf names the passage of a slot.
func (v *view) refOf(slot uint32) index.Ref {
	doc := v.owner[slot]
	return v.ref(doc, slot-v.first[doc])
}

// before orders slots as their passages' references.
func (v *view) before(a, b uint32) bool { return v.refOf(a).Less(v.refOf(b)) }

// accept is the set of slots of some documents: all, if accepted is nil; the
// result is nil if that is every slot.
func (v *view) accept(accepted *roaring.Bitmap) *vector.Accept {
	if accepted == nil && v.passages == v.store.Len() {
		return nil
	}
	a := &vector.Accept{
		Owner: v.owner, First: v.first, Count: v.passages,
		Size: func(doc uint32) int { return v.docs[doc].passages() },
	}
	if accepted == nil {
		a.Bits = v.bits.of(v.live)
		return a
	}
	a.Bits = accepted.ToDense()
	if n, all := accepted.GetCardinality(), v.live.GetCardinality(); all > 0 {
		a.Count = int(uint64(v.passages) * n / all)
	}
	return a
}

// liveBits is a bitmap of documents as a flat array, made when it is first
// needed.
type liveBits struct {
	once sync.Once
	bits []uint64
}

func (b *liveBits) of(live *roaring.Bitmap) []uint64 {
	b.once.Do(func() { b.bits = live.ToDense() })
	return b.bits
}

// snapshot returns the current view and the documents that a filter accepts;
// nil if there is no filter.
func (c *Collection) snapshot(f index.Filter) (*view, *roaring.Bitmap, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	f, err := index.Resolve(f, c.state.fields)
	if err != nil {
		return nil, nil, err
	}
	v := c.state.view
	if f == nil {
		return &v, nil, nil
	}
	return &v, c.state.columns.filter(f, v.live), nil
}

// pin is snapshot for those who read vectors: they release the view's graph,
// whose file stays mapped until then.
func (c *Collection) pin(f index.Filter) (*view, *roaring.Bitmap, error) {
	for {
		v, accepted, err := c.snapshot(f)
		if err != nil || v.sealed.acquire() {
			return v, accepted, err
		}
		// The graph was replaced in between.
	}
}
