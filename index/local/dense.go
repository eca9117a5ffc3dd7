package local

import (
	"context"
	"runtime"
	"slices"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/internal/kernel"
)

// scanShare is the number of vectors that make a goroutine of its own worth
// starting: about a quarter of a millisecond of work.
const scanShare = 8192

// Dense implements index.Collection by comparing the query with every accepted
// passage.
func (c *Collection) Dense(ctx context.Context, vector []float32, k int, f index.Filter) (index.Leg, error) {
	if err := c.enter(ctx); err != nil {
		return index.Leg{}, err
	}
	defer c.leave()
	if err := index.CheckVector(vector, c.dims); err != nil {
		return index.Leg{}, err
	}
	v, accepted, err := c.snapshot(f)
	if err != nil {
		return index.Leg{}, err
	}
	if accepted == nil {
		accepted = v.live
	}
	k = max(k, 0)
	best, examined, err := c.scan(ctx, v, accepted.ToArray(), vector, k+1)
	if err != nil {
		return index.Leg{}, err
	}
	leg := index.Leg{Plan: "exact", Examined: examined}
	leg.Candidates, leg.More = best.candidates(k)
	return leg, nil
}

// scan finds the best k passages among the documents.
func (c *Collection) scan(ctx context.Context, v *view, docs []uint32, query []float32, k int) (*topK, int, error) {
	workers := max(1, min(runtime.GOMAXPROCS(0), v.passages/scanShare, len(docs)))
	share := (len(docs) + workers - 1) / workers
	parts := make([]*topK, workers)
	counts := make([]int, workers)
	var wg sync.WaitGroup
	for w := range workers {
		part := docs[min(w*share, len(docs)):min((w+1)*share, len(docs))]
		parts[w] = newTopK(v, k)
		if w == workers-1 {
			counts[w] = scanPart(ctx, c.engine.level, parts[w], part, query)
			break
		}
		wg.Go(func() { counts[w] = scanPart(ctx, c.engine.level, parts[w], part, query) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	best, examined := parts[0], counts[0]
	for w := 1; w < workers; w++ {
		examined += counts[w]
		for _, s := range parts[w].heap {
			best.offer(s)
		}
	}
	return best, examined, nil
}

// scanPart offers the passages of some documents and returns their number.
func scanPart(ctx context.Context, level kernel.Level, best *topK, docs []uint32, query []float32) (examined int) {
	v := best.view
	for chunk := range slices.Chunk(docs, 4096) {
		if ctx.Err() != nil {
			return examined
		}
		for _, doc := range chunk {
			first, n := int(v.first[doc]), v.docs[doc].passages()
			for i := range n {
				score := float64(level.Dot(query, v.store.at(first+i)))
				if best.wants(score) && (score != 0 || !v.store.missing(first+i)) {
					best.offer(scored{score, doc, uint32(i)})
				}
			}
			examined += n
		}
	}
	return examined
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
