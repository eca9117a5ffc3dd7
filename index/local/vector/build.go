package vector

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"semdex/internal/kernel"
)

// batchRows is how many rows are inserted together. Each chooses neighbours from
// the graph as it was before the batch and from the batch itself, so the rows of
// a batch do not depend on each other, nor on who inserts them.
const batchRows = 1024

// Build makes a graph of all rows of a set. The result depends on the rows and
// on the parameters but for Workers.
func Build(ctx context.Context, rows Rows, p Params, level kernel.Level) (*Graph, error) {
	p, err := p.withDefaults()
	if err != nil {
		return nil, err
	}
	g := newGraph(rows, p, level)
	return g, g.grow(ctx)
}

// Extend returns a graph of all rows of a set whose first rows are those of g,
// which stays as it is. Of the parameters Workers and Inserted count; the others
// are those of g.
func (g *Graph) Extend(ctx context.Context, rows Rows, o Params) (*Graph, error) {
	if rows.dims != g.rows.dims || rows.Len() < g.count {
		return nil, errors.New("extend a graph: these are not its rows")
	}
	p := g.params
	p.Workers, p.Inserted = o.Workers, o.Inserted
	p, err := p.withDefaults()
	if err != nil {
		return nil, err
	}
	out := newGraph(rows, p, g.level)
	out.count = g.count
	out.layers = make([]layer, len(g.layers))
	for i, l := range g.layers {
		out.layers[i] = layer{width: l.width, links: l.links, rows: slices.Clone(l.rows), down: slices.Clone(l.down)}
		if i > 0 {
			out.layers[i].links = slices.Clone(l.links)
		}
	}
	return out, out.grow(ctx)
}

func (p Params) withDefaults() (Params, error) {
	p.M = cmp.Or(p.M, 16)
	p.EFConstruction = cmp.Or(p.EFConstruction, 100)
	p.Workers = cmp.Or(p.Workers, runtime.GOMAXPROCS(0))
	if p.M < 2 || p.M > maxM || p.EFConstruction < 1 || p.Workers < 1 {
		return p, fmt.Errorf("a graph of %d neighbours chosen from %d by %d workers", p.M, p.EFConstruction, p.Workers)
	}
	return p, nil
}

// grow inserts the rows that are missing. Until it returns the graph is nobody
// else's.
func (g *Graph) grow(ctx context.Context) error {
	n := g.rows.Len()
	if n >= expanded {
		return fmt.Errorf("a graph of %d vectors is too large", n)
	}
	g.codes = g.rows.gather(n)
	bottom := &g.layers[0]
	links := hugeUint32s(n * bottom.width)
	copy(links, bottom.links)
	for i := len(bottom.links); i < len(links); i++ {
		links[i] = none
	}
	bottom.links = links
	inserted := g.params.Inserted
	g.params.Inserted = nil // nothing that it holds is to stay with the graph
	b := &builder{g: g, workers: make([]*inserter, g.params.Workers)}
	for i := range b.workers {
		b.workers[i] = &inserter{b: b, walk: newWalk(g)}
	}
	for g.count < n {
		if err := ctx.Err(); err != nil {
			return err
		}
		b.batch(min(g.count+batchRows, n))
		if inserted != nil {
			inserted(g.count)
		}
	}
	return b.repair(ctx)
}

// builder inserts batches of rows.
type builder struct {
	g       *Graph
	workers []*inserter

	// The batch: rows from lo on, and the layers' nodes before it.
	lo, hi int
	before []int
	tops   []uint32 // the highest node of each row of the batch
	height []int    // and its layer

	edges [maxLayers][]uint64 // target, source
}

// inserter is one goroutine of a builder.
type inserter struct {
	*walk
	b     *builder
	edges [maxLayers][]uint64
	order []slot
}

// batch inserts the rows from g.count to before hi.
func (b *builder) batch(hi int) {
	g := b.g
	b.lo, b.hi = g.count, hi
	entry, ok := g.entryBefore(b.lo)
	b.place()
	b.each(hi-b.lo, func(w *inserter, i int) {
		if g.codes.scales[b.lo+i] != 0 {
			w.insertRow(i, entry, ok)
		}
	})
	g.count = hi
	for i := range g.layers {
		b.connect(i)
	}
}

// entryBefore is the entry of the graph of the first n rows.
func (g *Graph) entryBefore(n int) (node uint32, ok bool) {
	node, ok = g.entry()
	return node, ok && (len(g.layers) > 1 || int(node) < n)
}

// place gives the batch's rows their nodes in all layers.
func (b *builder) place() {
	g := b.g
	b.before = b.before[:0]
	for i := range g.layers {
		b.before = append(b.before, g.layers[i].nodes())
	}
	b.before[0] = b.lo
	b.tops, b.height = b.tops[:0], b.height[:0]
	for row := b.lo; row < b.hi; row++ {
		height := 0
		if g.codes.scales[row] != 0 {
			height = g.params.layerOf(uint64(row))
		}
		node := uint32(row)
		for i := 1; i <= height; i++ {
			if i == len(g.layers) {
				g.layers = append(g.layers, layer{width: g.params.M, rows: []uint32{}})
				b.before = append(b.before, 0)
			}
			l := &g.layers[i]
			l.rows, l.down = append(l.rows, uint32(row)), append(l.down, node)
			node = uint32(l.nodes())
			for range l.width {
				l.links = append(l.links, none)
			}
		}
		b.tops, b.height = append(b.tops, node), append(b.height, height)
	}
}

// each calls f for 0 to n-1, by all workers.
func (b *builder) each(n int, f func(w *inserter, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	work := func(w *inserter) {
		for {
			i := int(next.Add(1)) - 1
			if i >= n {
				return
			}
			f(w, i)
		}
	}
	for _, w := range b.workers[1:] {
		wg.Go(func() { work(w) })
	}
	work(b.workers[0])
	wg.Wait()
}

// insertRow chooses the neighbours of row i of the batch in all its layers, and
// notes who is to get a link back.
func (w *inserter) insertRow(i int, entry uint32, ok bool) {
	b, g := w.b, w.g
	row := b.lo + i
	stride := codeStride(g.rows.dims)
	w.codes = g.codes.codes[row*stride : (row+1)*stride]
	highest := -1 // layer that had nodes before
	for l, n := range b.before {
		if ok && n > 0 {
			highest = l
		}
	}
	node := b.tops[i]
	if ok && highest > b.height[i] {
		entry = w.descend(entry, highest, b.height[i]+1)
	}
	for at := b.height[i]; at >= 0; at-- {
		l := &g.layers[at]
		w.pool = w.pool[:0]
		if ok && at <= highest {
			w.begin(l, entry)
			w.run(l, g.params.EFConstruction)
			entry = w.pool[0].node
			if at > 0 {
				entry = l.down[entry]
			}
		}
		w.addBatch(l, at, node)
		links := l.neighbours(node)
		for j, x := range w.choose(l, g.codes.scales[row], w.pool, g.params.M, g.params.M) {
			links[j] = x
			w.edges[at] = append(w.edges[at], uint64(x)<<32|uint64(node))
		}
		if at > 0 {
			node = l.down[node]
		}
	}
}

// addBatch adds the other rows of the batch to the pool.
func (w *inserter) addBatch(l *layer, at int, self uint32) {
	ef := w.g.params.EFConstruction
	end := l.nodes()
	if at == 0 {
		end = w.b.hi
	}
	for lo := w.b.before[at]; lo < end; {
		n := 0
		for ; lo < end && n < l.width; lo++ {
			if node := uint32(lo); node != self && w.g.codes.scales[l.row(node)] != 0 {
				w.nodes[n] = node
				n++
			}
		}
		w.score(l, n)
		for i, score := range w.out[:n] {
			w.insert(score, w.nodes[i], ef)
		}
	}
}

// connect links back to the nodes of a batch in one layer.
func (b *builder) connect(at int) {
	l := &b.g.layers[at]
	edges := b.edges[at][:0]
	for _, w := range b.workers {
		edges = append(edges, w.edges[at]...)
		w.edges[at] = w.edges[at][:0]
	}
	b.edges[at] = edges
	slices.Sort(edges)
	var groups []int // where the edges of each target begin
	for i := range edges {
		if i == 0 || edges[i]>>32 != edges[i-1]>>32 {
			groups = append(groups, i)
		}
	}
	b.each(len(groups), func(w *inserter, i int) {
		end := len(edges)
		if i+1 < len(groups) {
			end = groups[i+1]
		}
		w.linkBack(l, edges[groups[i]:end])
	})
}

// linkBack adds the sources of edges to the neighbours of their target. When
// there is no room it chooses anew, and leaves some room for the next ones.
func (w *inserter) linkBack(l *layer, edges []uint64) {
	target := uint32(edges[0] >> 32)
	links := l.neighbours(target)
	n := degree(links)
	w.order = w.order[:0]
	for _, x := range links[:n] {
		w.order = append(w.order, slot{node: x})
	}
	for _, e := range edges {
		if source := uint32(e); !slices.Contains(links[:n], source) {
			w.order = append(w.order, slot{node: source})
		}
	}
	if len(w.order) <= len(links) {
		for i, s := range w.order {
			links[i] = s.node
		}
		return
	}
	w.rank(l, target)
	chosen := w.choose(l, w.g.codes.scales[l.row(target)], w.order, len(links), len(links)*3/4)
	copy(links, chosen)
	for i := len(chosen); i < len(links); i++ {
		links[i] = none
	}
}

// rank scores w.order against a node and sorts it.
func (w *inserter) rank(l *layer, node uint32) {
	stride := codeStride(w.g.rows.dims)
	row := int(l.row(node))
	w.codes = w.g.codes.codes[row*stride : (row+1)*stride]
	for lo := 0; lo < len(w.order); lo += l.width {
		part := w.order[lo:min(lo+l.width, len(w.order))]
		for i, s := range part {
			w.nodes[i] = s.node
		}
		w.score(l, len(part))
		for i := range part {
			part[i].score = w.out[i]
		}
	}
	slices.SortFunc(w.order, func(a, b slot) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.node, b.node))
	})
}

// degree is the number of neighbours in links.
func degree(links []uint32) int {
	for i, x := range links {
		if x == none {
			return i
		}
	}
	return len(links)
}
