package encoder

import "semdex/internal/kernel"

// byColumns cuts every product by columns: each worker reads its share of the
// weights once, for all rows. What needs whole rows, a small part of the work,
// runs between the products. The rows' buffers are those of the owner's bench.
func (g *group) byColumns(workers int) bool {
	g.blocks = max(1, min(workers, g.tokens/4))
	g.share(g.blocks, (*group).embedRows)
	for g.layer = 0; g.layer < len(g.p.layers); g.layer++ {
		if g.call.ctx.Err() != nil {
			return false
		}
		l := &g.p.layers[g.layer]
		g.panels(&l.qkv, workers, (*group).qkvPanels)
		g.attend()
		if g.p.int8 {
			g.share(g.blocks, (*group).quantizeContext)
		}
		g.panels(&l.output, workers, (*group).outputPanels)
		g.share(g.blocks, (*group).attentionNorm)
		g.panels(&l.up, workers, (*group).upPanels)
		g.share(g.blocks, (*group).activateRows)
		g.panels(&l.down, workers, (*group).downPanels)
		g.share(g.blocks, (*group).outputNorm)
	}
	return true
}

// panels shares a product's panels, several tickets for each worker so that one
// that falls behind is not waited for.
func (g *group) panels(l *packedLinear, workers int, s step) {
	const perWorker = 12
	n := l.panels()
	each := (n + perWorker*workers - 1) / (perWorker * workers)
	g.tickets = (n + each - 1) / each
	g.share(g.tickets, s)
}

// cut is the panels of a ticket.
func (g *group) cut(l *packedLinear, ticket int) (lo, hi int) {
	n := l.panels()
	return ticket * n / g.tickets, (ticket + 1) * n / g.tickets
}

// all is all rows of r, with q as their bytes.
func (g *group) all(r rowset, q *kernel.Bytes) rowset { return r.block(0, g.tokens, g.p.bytes(q)) }

// The layers' inputs, all rows of them, with their bytes at the owner's bench.
func (g *group) allStates() rowset   { return g.all(g.x, &g.benches[0].narrow) }
func (g *group) allContexts() rowset { return g.all(g.context, &g.benches[0].narrow) }
func (g *group) allInner() rowset    { return g.all(g.benches[0].inner, &g.benches[0].wide) }

// The steps.

func (g *group) embedRows(_ *bench, ticket int) {
	lo, hi := g.rows(ticket)
	g.embed(lo, hi)
	g.p.norm.apply(g.p.level, g.allStates(), lo, hi)
}

func (g *group) qkvPanels(_ *bench, ticket int) {
	l := &g.p.layers[g.layer].qkv
	lo, hi := g.cut(l, ticket)
	l.run(g.p.level, g.allStates(), g.qkv, lo, hi)
}

func (g *group) quantizeContext(_ *bench, ticket int) {
	lo, hi := g.rows(ticket)
	c := g.allContexts()
	c.quantize(g.p.level, lo, hi)
}

func (g *group) outputPanels(_ *bench, ticket int) {
	l := &g.p.layers[g.layer].output
	lo, hi := g.cut(l, ticket)
	l.addTo(g.p.level, g.allContexts(), g.x, lo, hi)
}

func (g *group) attentionNorm(_ *bench, ticket int) {
	lo, hi := g.rows(ticket)
	g.p.layers[g.layer].attentionNorm.apply(g.p.level, g.allStates(), lo, hi)
}

func (g *group) upPanels(_ *bench, ticket int) {
	l := &g.p.layers[g.layer].up
	lo, hi := g.cut(l, ticket)
	l.run(g.p.level, g.allStates(), g.allInner(), lo, hi)
}

func (g *group) activateRows(_ *bench, ticket int) {
	lo, hi := g.rows(ticket)
	g.p.layers[g.layer].activate(g.p.level, g.allInner(), lo, hi)
}

func (g *group) downPanels(_ *bench, ticket int) {
	l := &g.p.layers[g.layer].down
	lo, hi := g.cut(l, ticket)
	l.addTo(g.p.level, g.allInner(), g.x, lo, hi)
}

func (g *group) outputNorm(_ *bench, ticket int) {
	lo, hi := g.rows(ticket)
	g.p.layers[g.layer].outputNorm.apply(g.p.level, g.allStates(), lo, hi)
}
