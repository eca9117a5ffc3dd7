package train

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"

	"semdex/internal/kernel"
)

// Engine runs graphs: it holds the instruction level, the number of workers and
// the buffers that graphs use one after another. It is safe for concurrent use.
type Engine struct {
	level   kernel.Level
	workers int
	ws      workspace

	mu       sync.Mutex // for what follows: things that are used again
	teams    []*team
	sharings []*sharing
	leases   []*lease
}

// NewEngine makes an engine. Workers bounds the goroutines that one operator
// uses; 0 means one per CPU. Results do not depend on it.
func NewEngine(level kernel.Level, workers int) *Engine {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	return &Engine{level: level, workers: workers}
}

// each calls f for every i below n, from several goroutines. The calls must not
// touch each other's results.
func (e *Engine) each(n int, f func(i int)) {
	helpers := min(e.workers, n) - 1
	if helpers <= 0 {
		for i := range n {
			f(i)
		}
		return
	}
	t := take(e, &e.teams, newTeam)
	t.run(n, helpers, f)
	give(e, &e.teams, t)
}

// eachWith is each with a buffer of size values for every goroutine.
func (e *Engine) eachWith(n, size int, f func(i int, buf []float32)) {
	parts := min(e.workers, n)
	var next atomic.Int64
	e.each(parts, func(int) {
		buf := e.ws.take(size)
		defer e.ws.give(buf)
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i, buf)
		}
	})
}

// rowBlock is the number of rows that belong together when work over rows is
// shared and when columns are summed. It is a constant because the order of
// sums must not depend on the machine.
const rowBlock = 32

func blocks(rows int) int { return (rows + rowBlock - 1) / rowBlock }

// eachBlock calls f for every block of rows.
func (e *Engine) eachBlock(rows int, f func(block, lo, hi int)) {
	t := take(e, &e.teams, newTeam)
	t.blocks, t.rows = f, rows
	t.run(blocks(rows), max(0, min(e.workers, blocks(rows))-1), t.block)
	t.blocks = nil
	give(e, &e.teams, t)
}

// Graph is one forward pass and, if it was made for training, the backward pass
// after it. The tensors it gives live until Close, gradients of intermediate
// results only until they have been passed on. Operators are added from one
// goroutine, in an order that is the same in every run: the order numbers the
// dropout masks.
type Graph struct {
	*lease
	e     *Engine
	train bool // dropout is on and intermediate results are kept
	seed  uint64
	sites uint64

	numbers map[*ag.Operator]int // of the operators, in order of their making
	turns   turns
}

// Train starts a graph with dropout and gradients. The seed, the order of the
// operators and the position in a tensor decide which values are dropped.
func (e *Engine) Train(seed uint64) *Graph {
	return &Graph{lease: e.lease(), e: e, train: true, seed: seed, numbers: make(map[*ag.Operator]int)}
}

// Eval starts a graph for a forward pass alone, without dropout.
func (e *Engine) Eval() *Graph {
	return &Graph{lease: e.lease(), e: e}
}

func (e *Engine) lease() *lease {
	return take(e, &e.leases, func() *lease {
		return &lease{ws: &e.ws, held: make(map[*float32][]float32)}
	})
}

// Frozen is a graph for a forward pass beside g, without dropout and gradients:
// a teacher's. Its tensors live until g is closed; it is not closed itself.
func (g *Graph) Frozen() *Graph { return &Graph{lease: g.lease, e: g.e} }

// Detach is t as a constant: no gradient flows back through it.
func Detach(t mat.Tensor) mat.Tensor {
	shape := t.Shape()
	return Constant(shape[0], shape[1], Values(t))
}

// Training says whether the graph keeps what a backward pass needs.
func (g *Graph) Training() bool { return g.train }

// Close ends the graph: its tensors become invalid and their memory serves the
// next one. Parameters keep their gradients.
func (g *Graph) Close() {
	if g.lease == nil {
		return
	}
	g.close()
	give(g.e, &g.e.leases, g.lease)
	g.lease = nil
}

// tensor wraps values of the graph.
func (g *Graph) tensor(rows, cols int, data []float32) *Tensor {
	return newTensor(rows, cols, data)
}

// Constant is a tensor without a gradient over data, which is not copied.
func Constant(rows, cols int, data []float32) mat.Tensor {
	return newTensor(rows, cols, data)
}

// Values is the data of t, [rows, cols] row-major, without a copy.
func Values(t mat.Tensor) []float32 {
	switch x := t.(type) {
	case *Tensor:
		return x.values
	case *nn.Param:
		return Values(x.Matrix)
	case *ag.Operator:
		return Values(x.Value())
	}
	return t.Data().F32()
}

// pass hands a gradient, freshly made for x alone, to x.
func (g *Graph) pass(x mat.Tensor, grad []float32) {
	shape := x.Shape()
	t := g.tensor(shape[0], shape[1], grad)
	t.fresh = true
	x.AccGrad(t)
}

// open gives the memory of a parameter's gradient of n values, to be written,
// or to be added to if add is set, and then shut. It is nil if the parameter
// takes none. Anything but a parameter of this package goes through AccGrad.
func (g *Graph) open(x mat.Tensor, n int) (dst []float32, add bool) {
	if !x.RequiresGrad() {
		return nil, false
	}
	if t := paramTensor(x); t != nil {
		return t.open()
	}
	return g.take(n), false
}

// shut ends what open began.
func (g *Graph) shut(x mat.Tensor, dst []float32) {
	if t := paramTensor(x); t != nil {
		t.shut()
		return
	}
	g.pass(x, dst)
}

// finite says that v is neither NaN nor infinite.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// wants says that x exists and takes part in Backward.
func (g *Graph) wants(x mat.Tensor) bool {
	if p, ok := x.(*nn.Param); ok && p == nil {
		return false
	}
	return x != nil && x.RequiresGrad()
}

// passOrGive hands grad to x, or frees it if x takes none.
func (g *Graph) passOrGive(x mat.Tensor, grad []float32) {
	if !g.wants(x) {
		g.give(grad)
		return
	}
	g.pass(x, grad)
}

func sqrt32(x float32) float32 { return float32(math.Sqrt(float64(x))) }

func log(x float32) float64 { return math.Log(float64(x)) }
