package encoder

import (
	"context"
	"sync/atomic"

	"semdex/internal/kernel"
)

const (
	// groupTokens is the number of tokens that pass through the layers
	// together: enough rows to amortise reading the weights, few enough for
	// the second-level cache.
	groupTokens = 96
	// minRows is the number of rows below which a worker that reads all
	// weights is slower than one that reads a share of them for all rows.
	minRows = 32
	// minWork is the number of operations, some 0.1 ms, below which helpers
	// cost more than they give.
	minWork = 16 << 20
)

// packedCall is the state of one Forward: a team and its memory, which grows to
// the largest batch it has met and is used again.
type packedCall struct {
	p    *Packed
	team *team

	ctx     context.Context
	batch   *Batch
	sink    Sink
	borders []int   // of the groups: sentences [borders[i], borders[i+1])
	groups  []group // one, or one for each worker
	apart   bool    // every worker has groups of its own
	cut     atomic.Bool
}

func newPackedCall(p *Packed) *packedCall {
	c := &packedCall{p: p}
	c.team = newTeam(p.workers, c.ticket)
	c.groups = make([]group, p.workers)
	benches := make([]bench, p.workers)
	for i := range c.groups {
		benches[i].attention = kernel.Attention{Heads: p.input.dims.heads, Dim: p.input.dims.head, Int8: p.int8}
		c.groups[i] = group{p: p, call: c, benches: benches[i:]}
	}
	return c
}

// forward runs the call.
func (c *packedCall) forward(ctx context.Context, b *Batch, sink Sink) error {
	c.ctx, c.batch, c.sink = ctx, b, sink
	c.cut.Store(false)
	workers := c.plan()
	c.fit(workers)
	c.team.start(workers)
	defer func() {
		if c.batch != nil {
			c.team.abandon() // sink panicked
		}
	}()
	if c.apart {
		c.team.share(len(c.borders) - 1)
	} else {
		c.groups[0].team = c.team
		for i := range len(c.borders) - 1 {
			c.whole(0, i)
		}
		c.groups[0].team = nil
	}
	c.team.stop()
	c.ctx, c.batch, c.sink = nil, nil, nil
	if c.cut.Load() {
		return ctx.Err()
	}
	return nil
}

// plan cuts the batch into groups and decides how the workers share them. It
// returns the number of workers.
func (c *packedCall) plan() int {
	tokens := c.batch.Tokens()
	workers := min(c.p.workers, max(1, tokens*c.p.work/c.p.minWork))
	groups := (tokens + groupTokens - 1) / groupTokens
	groups = max(1, (groups+workers-1)/workers) * workers
	c.apart = true
	excess := c.divide(groups)
	if workers > 1 && (tokens < minRows*workers || excess > tokens/workers/8) {
		c.apart = false
		c.divide(max(1, groups/workers))
	}
	return workers
}

// divide cuts the batch into up to n groups of nearly equal numbers of tokens,
// and returns by how many tokens the largest exceeds its share.
func (c *packedCall) divide(n int) (excess int) {
	b, total := c.batch, max(1, c.batch.Tokens())
	c.borders = append(c.borders[:0], 0)
	part, size, largest := 0, 0, 0
	for i := range b.Len() {
		lo, hi := int(b.Offsets[i]), int(b.Offsets[i+1])
		// A sentence belongs to the part that its middle lies in.
		if at := min((lo+hi)*n/(2*total), n-1); at != part {
			if i > c.borders[len(c.borders)-1] {
				c.borders = append(c.borders, i)
			}
			part, size = at, 0
		}
		size += hi - lo
		largest = max(largest, size)
	}
	c.borders = append(c.borders, b.Len())
	return largest - total/n
}

// fit makes room for whatever part of the batch a worker may get, so that
// memory does not depend on who was faster.
func (c *packedCall) fit(workers int) {
	o, tokens, longest := c.batch.Offsets, 0, 0
	for i := range len(c.borders) - 1 {
		tokens = max(tokens, int(o[c.borders[i+1]]-o[c.borders[i]]))
	}
	for i := range c.batch.Len() {
		longest = max(longest, int(o[i+1]-o[i]))
	}
	if !c.apart {
		c.groups[0].fit(tokens, longest, workers)
		return
	}
	for i := range workers {
		c.groups[i].fit(tokens, longest, 1)
	}
}

// ticket does a piece of the team's work.
func (c *packedCall) ticket(worker, ticket int) {
	if c.apart {
		c.whole(worker, ticket)
		return
	}
	g := &c.groups[0]
	g.step(g, &g.benches[worker], ticket)
}

// whole takes group i through all layers in the memory of one worker and hands
// its sentences to the sink.
func (c *packedCall) whole(worker, i int) {
	g := &c.groups[worker]
	if !g.run(c.borders[i], c.borders[i+1]) {
		c.cut.Store(true)
		return
	}
	for s := g.lo; s < g.hi; s++ {
		c.sink(s, g.states(s))
	}
}
