package vector

import "context"

// repairEF is how many candidates are looked at for a place to hang a stranded
// node.
const repairEF = 64

// repair makes every row with a vector reachable from the entry in the bottom
// layer: building leaves a few nodes without links that lead to them.
func (b *builder) repair(ctx context.Context) error {
	g := b.g
	entry, ok := g.entry()
	if !ok {
		return nil
	}
	top := len(g.layers) - 1
	r := newRepairer(g, b.workers[0].walk)
	r.start = g.layers[top].row(entry)
	r.reach(r.start, r.start)
	for row := range uint32(g.count) {
		if r.parent[row] != none || g.codes.scales[row] == 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		r.hang(row, entry, top)
	}
	return nil
}

// repairer knows a tree of links that reaches every row found so far.
type repairer struct {
	g      *Graph
	walk   *walk
	start  uint32
	parent []uint32 // none if not reached; the start is its own
	queue  []uint32
}

func newRepairer(g *Graph, w *walk) *repairer {
	r := &repairer{g: g, parent: make([]uint32, g.count), walk: w}
	for i := range r.parent {
		r.parent[i] = none
	}
	return r
}

// reach notes that a row has been reached from another, and what is reached
// from it.
func (r *repairer) reach(row, from uint32) {
	r.parent[row] = from
	r.queue = append(r.queue[:0], row)
	for len(r.queue) > 0 {
		at := r.queue[len(r.queue)-1]
		r.queue = r.queue[:len(r.queue)-1]
		for _, x := range r.g.layers[0].neighbours(at) {
			if x == none {
				break
			}
			if r.parent[x] == none {
				r.parent[x] = at
				r.queue = append(r.queue, x)
			}
		}
	}
}

// hang links a stranded row to the nearest one found that is reached and has a
// place for it.
func (r *repairer) hang(row, entry uint32, top int) {
	w, g := r.walk, r.g
	stride := codeStride(g.rows.dims)
	w.codes = g.codes.codes[int(row)*stride : int(row+1)*stride]
	node := w.descend(entry, top, 1)
	if r.parent[node] == none {
		node = r.start
	}
	l := &g.layers[0]
	w.begin(l, node)
	w.run(l, repairEF)
	for _, s := range w.pool {
		if r.attach(s.node, row) {
			return
		}
	}
	for node := range r.parent {
		if r.parent[node] != none && r.attach(uint32(node), row) {
			return
		}
	}
}

// attach links a reached node to a row: in a free place, or instead of the last
// link that the tree does not need. It reports false if there is none.
func (r *repairer) attach(node, row uint32) bool {
	links := r.g.layers[0].neighbours(node)
	at := degree(links)
	if at == len(links) {
		for at--; at >= 0 && r.parent[links[at]] == node; at-- {
		}
	}
	if at < 0 {
		return false
	}
	links[at] = row
	r.reach(row, node)
	return true
}

// Unreachable counts the rows with a vector that no walk in the bottom layer
// can come to from the entry: none, unless the graph is damaged.
func (g *Graph) Unreachable() int {
	entry, ok := g.entry()
	if !ok {
		return 0
	}
	r := newRepairer(g, nil)
	r.start = g.layers[len(g.layers)-1].row(entry)
	r.reach(r.start, r.start)
	lost := 0
	for row, parent := range r.parent {
		if parent == none && g.codes.scales[row] != 0 {
			lost++
		}
	}
	return lost
}
