package encoder

import "semdex/internal/kernel"

// blockRows is the largest number of rows that pass through a feed-forward
// block together, so that their inner activations stay in the second-level
// cache.
const blockRows = 96

// group is the work on some sentences of a batch, T tokens, and its memory.
// Every step is a set of tickets that touch distinct values, so that a team can
// share them; a group without a team does them one after another.
type group struct {
	p       *Packed
	call    *packedCall
	team    *team   // nil: none
	benches []bench // of the team's workers

	lo, hi  int // sentences
	first   int // first token
	tokens  int
	layer   int
	blocks  int // number of row blocks
	tickets int // of a product shared by columns
	buf     []float32
	x       rowset // [T, H] states
	context rowset // [T, H] attention's output
	qkv     rowset // [T, 3H]
	step    step
}

// step does a ticket of a step at the bench of one worker.
type step func(g *group, w *bench, ticket int)

// bench is a worker's memory for a block of R rows.
type bench struct {
	buf       []float32
	inner     rowset       // [R, F]
	narrow    kernel.Bytes // [R, H]
	wide      kernel.Bytes // [R, F]
	attention kernel.Attention
}

// run computes the states of sentences [lo, hi) into g.x. It reports false if
// the context ended before.
func (g *group) run(lo, hi int) bool {
	g.lo, g.hi = lo, hi
	g.first = int(g.call.batch.Offsets[lo])
	g.tokens = int(g.call.batch.Offsets[hi]) - g.first
	g.lay(g.p.input.dims)
	workers := 1
	if g.team != nil {
		workers = g.team.size
	}
	if g.columns(g.tokens, workers) {
		return g.byColumns(workers)
	}
	return g.byRows(workers)
}

// states is the states of sentence s after run, [tokens, hidden].
func (g *group) states(s int) []float32 {
	at, n := g.place(s)
	h := g.p.input.dims.hidden
	if g.x.ld == h {
		return g.x.f32[at*h : (at+n)*h]
	}
	dense := g.qkv.f32[at*h : (at+n)*h] // has done its work
	for i := range n {
		copy(dense[i*h:(i+1)*h], g.x.row(at+i))
	}
	return dense
}

// columns reports whether a team shares columns and not rows.
func (g *group) columns(tokens, workers int) bool {
	return workers > 1 && tokens < minRows*workers
}

// place is where sentence s lies in the group: its first row and its rows.
func (g *group) place(s int) (at, n int) {
	o := g.call.batch.Offsets
	return int(o[s]) - g.first, int(o[s+1] - o[s])
}

// share does the tickets of a step.
func (g *group) share(n int, s step) {
	if g.team != nil {
		g.step = s
		g.team.share(n)
		return
	}
	for i := range n {
		s(g, &g.benches[0], i)
	}
}

// byRows alternates between attention, which looks at whole sentences, and all
// the rest, which looks at single rows and runs block after block.
func (g *group) byRows(workers int) bool {
	g.blocks = (g.tokens + blockRows - 1) / blockRows
	g.blocks = max(1, (g.blocks+workers-1)/workers*workers)
	for g.layer = 0; g.layer < len(g.p.layers); g.layer++ {
		if g.call.ctx.Err() != nil {
			return false
		}
		g.share(g.blocks, (*group).between)
		g.attend()
	}
	g.share(g.blocks, (*group).between)
	return true
}

// attend runs attention, a ticket for every sentence and head.
func (g *group) attend() {
	g.share((g.hi-g.lo)*g.p.input.dims.heads, (*group).attendHead)
}

func (g *group) attendHead(w *bench, ticket int) {
	d := g.p.input.dims
	at, n := g.place(g.lo + ticket/d.heads)
	if n == 0 {
		return
	}
	qkv, ld := g.qkv.f32[at*g.qkv.ld:], g.qkv.ld
	w.attention.Head(g.p.level, ticket%d.heads, n, qkv, qkv[d.hidden:], qkv[2*d.hidden:], ld, g.context.f32[at*g.context.ld:], g.context.ld)
}

// rows is row block i.
func (g *group) rows(i int) (lo, hi int) {
	return i * g.tokens / g.blocks, (i + 1) * g.tokens / g.blocks
}

// between takes a block of rows from one layer's attention to the next's.
func (g *group) between(w *bench, ticket int) {
	p := g.p
	lo, hi := g.rows(ticket)
	x := g.x.block(lo, hi, p.bytes(&w.narrow))
	if g.layer == 0 {
		g.embed(lo, hi)
		p.norm.apply(p.level, x, 0, x.n)
	} else {
		l := &p.layers[g.layer-1]
		context := g.context.block(lo, hi, p.bytes(&w.narrow))
		context.quantize(p.level, 0, context.n)
		l.output.addTo(p.level, context, x, 0, l.output.panels())
		l.attentionNorm.apply(p.level, x, 0, x.n)
		inner := w.inner.block(0, hi-lo, p.bytes(&w.wide))
		l.up.run(p.level, x, inner, 0, l.up.panels())
		l.activate(p.level, inner, 0, inner.n)
		l.down.addTo(p.level, inner, x, 0, l.down.panels())
		l.outputNorm.apply(p.level, x, 0, x.n)
	}
	if g.layer < len(p.layers) {
		l := &p.layers[g.layer]
		l.qkv.run(p.level, x, g.qkv.block(lo, hi, nil), 0, l.qkv.panels())
	}
}

// embed sums the embeddings of rows [lo, hi).
func (g *group) embed(lo, hi int) {
	for s := g.lo; s < g.hi; s++ {
		at, n := g.place(s)
		from, to := max(lo, at), min(hi, at+n)
		if from >= to {
			continue
		}
		ids, types := g.call.batch.sentence(s)
		if types != nil {
			types = types[from-at : to-at]
		}
		g.p.embed(g.x.block(from, to, nil), ids[from-at:to-at], types, from-at)
	}
}

// bytes is q if the engine works with bytes.
func (p *Packed) bytes(q *kernel.Bytes) *kernel.Bytes {
	if p.int8 {
		return q
	}
	return nil
}

// fit makes room for up to so many tokens in sentences up to longest.
func (g *group) fit(tokens, longest, workers int) {
	d := g.p.input.dims
	if need := tokens * (2*kernel.Stride(d.hidden) + kernel.Stride(3*d.hidden)); len(g.buf) < need {
		g.buf = make([]float32, need)
	}
	for i := range workers {
		w := &g.benches[i]
		w.attention.Fit(longest)
		rows := min(tokens, blockRows)
		if i == 0 && workers > 1 { // columns are shared with all rows at one bench
			rows = max(rows, min(tokens, minRows*workers))
		}
		w.fit(rows, g.p)
	}
}

// lay divides the memory among the group's tokens.
func (g *group) lay(d shape) {
	rest := g.buf
	g.x, rest = newRowset(rest, g.tokens, d.hidden)
	g.context, rest = newRowset(rest, g.tokens, d.hidden)
	g.qkv, _ = newRowset(rest, g.tokens, 3*d.hidden)
}

// fit makes room for a block of rows.
func (w *bench) fit(rows int, p *Packed) {
	d := p.input.dims
	if need := rows * kernel.Stride(d.inner); len(w.buf) < need {
		w.buf = make([]float32, need)
	}
	w.inner, _ = newRowset(w.buf, rows, d.inner)
	if p.int8 {
		p.level.FitBytes(&w.narrow, rows, d.hidden)
		p.level.FitBytes(&w.wide, rows, d.inner)
	}
}
