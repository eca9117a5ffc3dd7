package vector

import (
	"math"
	"sync"
	"unsafe"

	"semdex/internal/kernel"
)

// Params shape a graph.
type Params struct {
	// M is the number of neighbours that a new node chooses; nodes hold up to M,
	// in the bottom layer 2M. 16 if 0, at most 64.
	M int
	// EFConstruction is how many candidates it chooses from; 100 if 0.
	EFConstruction int
	// Seed chooses the layers of nodes.
	Seed uint64
	// Workers is the number of goroutines that build; GOMAXPROCS if 0. The graph
	// does not depend on it.
	Workers int
	// Inserted, if not nil, is told how many rows the graph has, again and again
	// while it is built, never twice at a time.
	Inserted func(rows int)
}

// maxM bounds what a file may ask for.
const maxM = 64

// Graph is a hierarchical navigable small world graph over the first rows of a
// set. It does not change; Extend makes another one of it.
type Graph struct {
	params Params
	level  kernel.Level
	rows   Rows // the values, for rescoring; may have more rows than the graph
	count  int  // rows in the graph
	codes  flat // of all of them, without values
	layers []layer
	walks  *sync.Pool // of *walk
}

// layer is one level of the graph. The bottom layer has every row; higher ones
// have fewer and fewer.
type layer struct {
	width int
	// links holds width nodes of the same layer for each node: its neighbours,
	// then none.
	links []uint32
	rows  []uint32 // row of each node, ascending; nil in the bottom layer
	down  []uint32 // the node of the same row one layer down
}

// none ends a node's neighbours.
const none = math.MaxUint32

// maxLayers bounds the height of a graph: more than any number of rows needs.
const maxLayers = 16

func newGraph(rows Rows, p Params, level kernel.Level) *Graph {
	g := &Graph{params: p, level: level, rows: rows, layers: []layer{{width: 2 * p.M}}}
	g.walks = &sync.Pool{New: func() any { return newWalk(g) }}
	return g
}

// nodes is the number of nodes of a layer.
func (l *layer) nodes() int { return len(l.links) / l.width }

// neighbours are the links of a node, and none where there are fewer.
func (l *layer) neighbours(node uint32) []uint32 {
	i := int(node) * l.width
	return l.links[i : i+l.width : i+l.width]
}

// row is the row of a node.
func (l *layer) row(node uint32) uint32 {
	if l.rows == nil {
		return node
	}
	return l.rows[node]
}

// entry is where every search begins: a node of the highest layer. False if no
// row has a vector.
func (g *Graph) entry() (node uint32, ok bool) {
	if len(g.layers) > 1 {
		return 0, true
	}
	for i, scale := range g.codes.scales {
		if scale != 0 {
			return uint32(i), true
		}
	}
	return 0, false
}

// layerOf is the highest layer of a row: it falls off geometrically, one node in
// M reaches the next one.
func (p Params) layerOf(row uint64) int {
	// SplitMix64 (Steele, Lea, Flood 2014): a hash with all bits mixed.
	z := p.Seed + (row+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	z ^= z >> 31
	u := (float64(z>>11) + 1) / (1 << 53)
	return min(int(-math.Log(u)/math.Log(float64(p.M))), maxLayers-1)
}

// Len implements Index.
func (g *Graph) Len() int { return g.count }

// Bytes implements Index.
func (g *Graph) Bytes() int64 {
	n := len(g.codes.codes) + 4*len(g.codes.scales)
	for _, l := range g.layers {
		n += 4 * (len(l.links) + len(l.rows) + len(l.down))
	}
	return int64(n)
}

// hugeUint32s and hugeInt8s allocate what is read in random order.
func hugeUint32s(n int) []uint32 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*uint32)(unsafe.Pointer(&kernel.HugeBytes(4 * n)[0])), n)
}

func hugeInt8s(n int) []int8 {
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&kernel.HugeBytes(n)[0])), n)
}

// gather copies the codes of the first n rows to one place.
func (r *Rows) gather(n int) flat {
	stride := codeStride(r.dims)
	f := flat{codes: hugeInt8s(n * stride), scales: make([]float32, n)}
	for i := 0; i < n; {
		p, at := r.piece(i)
		m := min(len(p.scales)-at, n-i)
		copy(f.codes[i*stride:], p.codes[at*stride:(at+m)*stride])
		copy(f.scales[i:], p.scales[at:at+m])
		i += m
	}
	return f
}
