package vector

import "slices"

// walk is the memory of one search through a graph, used again and again.
type walk struct {
	g *Graph
	target

	// A node has been seen in this search if seen has the current epoch.
	seen  []uint16
	epoch uint16

	pool     []slot // best first
	frontier []slot // a heap with the best on top, of filtered searches

	nodes []uint32
	at    []uint32
	sums  []int32
	out   []float32

	chosen, chosenRows, rest []uint32 // of choose

	stats Stats
}

// slot is a node with the score of its codes against the query's, without the
// query's scale. The highest bit of a node marks it as expanded.
type slot struct {
	score float32
	node  uint32
}

const expanded = 1 << 31

func newWalk(g *Graph) *walk {
	width := g.layers[0].width
	return &walk{
		g:     g,
		nodes: make([]uint32, width), at: make([]uint32, width),
		sums: make([]int32, width), out: make([]float32, width),
	}
}

// begin forgets what was seen and puts a node into the pool.
func (w *walk) begin(l *layer, node uint32) {
	if n := l.nodes(); len(w.seen) < n {
		w.seen = make([]uint16, n+n/8)
		w.epoch = 0
	}
	if w.epoch++; w.epoch == 0 {
		clear(w.seen)
		w.epoch = 1
	}
	w.seen[node] = w.epoch
	w.nodes[0] = node
	w.score(l, 1)
	w.pool = append(w.pool[:0], slot{w.out[0], node})
}

// score computes the scores of the first n of w.nodes.
func (w *walk) score(l *layer, n int) {
	at := w.nodes[:n]
	if l.rows != nil {
		for i, node := range at {
			w.at[i] = l.rows[node]
		}
		at = w.at[:n]
	}
	w.g.codes.dots(w.g.level, w.out[:n], w.sums, w.codes, at)
	w.stats.Distances += n
}

// expand gathers the unseen neighbours of a node and scores them.
func (w *walk) expand(l *layer, node uint32) (n int) {
	seen, epoch := w.seen, w.epoch
	for _, x := range l.neighbours(node) {
		if x == none {
			break
		}
		if seen[x] != epoch {
			seen[x] = epoch
			w.nodes[n] = x
			n++
		}
	}
	w.stats.Visited++
	if n > 0 {
		w.score(l, n)
	}
	return n
}

// run expands the best node of the pool until the best ef have been: the
// search of a layer (Malkov and Yashunin, algorithm 2).
func (w *walk) run(l *layer, ef int) {
	for next := 0; next < len(w.pool); {
		if w.pool[next].node&expanded != 0 {
			next++
			continue
		}
		node := w.pool[next].node
		w.pool[next].node |= expanded
		n := w.expand(l, node)
		for i, score := range w.out[:n] {
			if at := w.insert(score, w.nodes[i], ef); at < next {
				next = at
			}
		}
	}
	for i := range w.pool {
		w.pool[i].node &^= expanded
	}
}

// insert puts a node into the pool of the best ef, and returns its place; ef if
// it is none of them.
func (w *walk) insert(score float32, node uint32, ef int) int {
	p := w.pool
	if len(p) >= ef {
		if !(score > p[len(p)-1].score) {
			return ef
		}
	} else {
		p = append(p, slot{})
		w.pool = p
	}
	lo, hi := 0, len(p)-1
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); p[mid].score >= score {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	copy(p[lo+1:], p[lo:len(p)-1])
	p[lo] = slot{score, node}
	return lo
}

// descend goes from a node of layer from greedily to the best of layer to, and
// returns its number in the layer below that.
func (w *walk) descend(node uint32, from, to int) uint32 {
	for i := from; i >= to; i-- {
		l := &w.g.layers[i]
		w.begin(l, node)
		w.run(l, 1)
		node = w.pool[0].node
		if i > 0 {
			node = l.down[node]
		}
	}
	return node
}

// runFiltered walks through all nodes of the bottom layer but keeps only
// accepted ones in the pool. It reports false when it has spent its budget of
// dot products.
func (w *walk) runFiltered(a *Accept, ef, budget int) bool {
	l := &w.g.layers[0]
	w.frontier = append(w.frontier[:0], w.pool...)
	if !a.Has(w.pool[0].node) {
		w.pool = w.pool[:0]
	}
	limit := w.stats.Distances + budget
	for len(w.frontier) > 0 {
		best := w.frontier[0]
		if len(w.pool) == ef && best.score < w.pool[ef-1].score {
			break
		}
		w.frontier = popSlot(w.frontier)
		n := w.expand(l, best.node)
		for i, score := range w.out[:n] {
			if len(w.pool) == ef && score <= w.pool[ef-1].score {
				continue
			}
			w.frontier = pushSlot(w.frontier, slot{score, w.nodes[i]})
			if a.Has(w.nodes[i]) {
				w.insert(score, w.nodes[i], ef)
			}
		}
		if w.stats.Distances > limit {
			return false
		}
	}
	return true
}

func pushSlot(h []slot, s slot) []slot {
	h = append(h, s)
	i := len(h) - 1
	for i > 0 && h[(i-1)/2].score < s.score {
		h[i] = h[(i-1)/2]
		i = (i - 1) / 2
	}
	h[i] = s
	return h
}

func popSlot(h []slot) []slot {
	last := h[len(h)-1]
	h = h[:len(h)-1]
	if len(h) == 0 {
		return h
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].score > h[child].score {
			child++
		}
		if h[child].score <= last.score {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return h
}

// choose selects neighbours for a node, whose codes have that scale, from
// candidates that are ordered by their scores against it: those that are closer
// to the node than to every one selected before (Malkov and Yashunin, algorithm
// 4), at most limit, and then the best of those passed over until there are fill.
func (w *walk) choose(l *layer, scale float32, candidates []slot, limit, fill int) []uint32 {
	g := w.g
	stride := codeStride(g.rows.dims)
	w.chosen, w.chosenRows, w.rest = w.chosen[:0], w.chosenRows[:0], w.rest[:0]
	for _, c := range candidates {
		if len(w.chosen) == limit {
			break
		}
		row := l.row(c.node)
		if w.covered(g.codes.codes[int(row)*stride:int(row+1)*stride], c.score*scale/g.codes.scales[row]) {
			w.rest = append(w.rest, c.node)
			continue
		}
		w.chosen, w.chosenRows = append(w.chosen, c.node), append(w.chosenRows, row)
	}
	for _, node := range w.rest {
		if len(w.chosen) >= fill {
			break
		}
		w.chosen = append(w.chosen, node)
	}
	return w.chosen
}

// covered reports whether codes score higher with a chosen row than score.
func (w *walk) covered(codes []int8, score float32) bool {
	for part := range slices.Chunk(w.chosenRows, 8) {
		w.g.codes.dots(w.g.level, w.out[:len(part)], w.sums, codes, part)
		for _, s := range w.out[:len(part)] {
			if s > score {
				return true
			}
		}
	}
	return false
}
