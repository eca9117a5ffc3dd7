package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/nn"
	"github.com/nlpodyssey/spago/optimizers"

	"semdex/internal/kernel"
)

var _ optimizers.OptimizationStrategy = (*AdamW)(nil)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019,
// algorithm 2, in the form of torch.optim.AdamW):
//
//	p <- p - lr wd p
//	m <- b1 m + (1 - b1) g        v <- b2 v + (1 - b2) g^2
//	p <- p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)
//
// Decay spares biases and LayerNorms. T counts the updates of the run, for all
// parameters alike.
type AdamW struct {
	LR          float64
	Beta1       float64 // 0 means .9
	Beta2       float64 // 0 means .999
	Epsilon     float64 // 0 means 1e-8
	WeightDecay float64
	// Lazy leaves rows of tables alone in updates that have no gradient for
	// them, as torch.optim.SparseAdam does: neither their moments nor their
	// values move. Otherwise a sparse gradient counts as zeros elsewhere, and
	// the result is that of a dense table.
	Lazy bool
	// Rate, if set, multiplies the learning rate of a parameter, given its
	// name.
	Rate func(name string) float64

	engine    *Engine
	lr, scale float64
	correct1  float64 // 1 - b1^t
	correct2  float64 // 1 - b2^t

	now  denseUpdate
	part func(i int) // of now
}

// Moments is the state of a parameter.
type Moments struct {
	M, V []float32
	seen []bool // rows whose moments are not all zero
}

// defaults fills in the settings that are zero.
func (a *AdamW) defaults() {
	def := func(p *float64, v float64) {
		if *p == 0 {
			*p = v
		}
	}
	def(&a.Beta1, 0.9)
	def(&a.Beta2, 0.999)
	def(&a.Epsilon, 1e-8)
}

// Begin prepares update t, counted from 1. Gradients are multiplied by scale.
func (a *AdamW) Begin(e *Engine, t int, lr, scale float64) {
	a.defaults()
	a.engine, a.lr, a.scale = e, lr, scale
	a.correct1 = 1 - math.Pow(a.Beta1, float64(t))
	a.correct2 = 1 - math.Pow(a.Beta2, float64(t))
}

// OptimizeParams implements spago's OptimizationStrategy: it updates p, which
// must be a parameter of this package, and clears its gradient. A parameter
// without a gradient stays as it is.
func (a *AdamW) OptimizeParams(p *nn.Param) error {
	t := paramTensor(p)
	if t == nil {
		return fmt.Errorf("%w: AdamW got a parameter of another package", ErrConfig)
	}
	if a.engine == nil {
		return fmt.Errorf("%w: AdamW without Begin", ErrConfig)
	}
	if !t.HasGrad() {
		return nil
	}
	s, _ := p.State.(*Moments)
	if s == nil {
		s = &Moments{M: make([]float32, t.Size()), V: make([]float32, t.Size())}
		p.State = s
	}
	if t.dense {
		a.dense(t, s)
	} else {
		a.sparse(t, s)
	}
	t.ZeroGrad()
	return nil
}

// constants of one update of one parameter.
func (a *AdamW) constants(t *Tensor) kernel.Adam {
	lr := a.lr
	if a.Rate != nil {
		lr *= a.Rate(t.param.name)
	}
	s := kernel.Adam{
		Keep: 1, B1: float32(a.Beta1), B2: float32(a.Beta2),
		G1: float32((1 - a.Beta1) * a.scale), G2: float32((1 - a.Beta2) * a.scale * a.scale),
		Size: float32(lr / a.correct1), Root: float32(1 / math.Sqrt(a.correct2)), Eps: float32(a.Epsilon),
	}
	if t.param.decay {
		s.Keep = float32(1 - lr*a.WeightDecay)
	}
	return s
}

func (a *AdamW) dense(t *Tensor, s *Moments) {
	const part = 1 << 14
	p := t.values
	a.now = denseUpdate{a.constants(t), p, s.M, s.V, t.grad, part}
	if a.part == nil {
		a.part = func(i int) { a.now.part(a.engine.level, i) }
	}
	a.engine.each((len(p)+part-1)/part, a.part)
	a.now = denseUpdate{}
	s.seen = nil // every row may have moments now
}

// denseUpdate is an update of a parameter in parts of some size.
type denseUpdate struct {
	step       kernel.Adam
	p, m, v, g []float32
	size       int
}

func (d *denseUpdate) part(l kernel.Level, i int) {
	lo, hi := i*d.size, min(len(d.p), (i+1)*d.size)
	l.Update(&d.step, d.p[lo:hi], d.m[lo:hi], d.v[lo:hi], d.g[lo:hi])
}

// sparse updates the rows with a gradient and, unless lazy, the others with a
// gradient of zero. Rows whose moments are zero only decay.
func (a *AdamW) sparse(t *Tensor, s *Moments) {
	step, p := a.constants(t), Values(t)
	rows, cols := t.Shape()[0], t.Shape()[1]
	r := &t.rows
	row := func(v []float32, i int) []float32 { return v[i*cols : (i+1)*cols] }
	if a.Lazy {
		a.engine.eachBlock(len(r.ids), func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				id := int(r.ids[i])
				a.engine.level.Update(&step, row(p, id), row(s.M, id), row(s.V, id), row(r.values, i))
			}
		})
		return
	}
	if s.seen == nil {
		s.seen = make([]bool, rows)
		for i := range s.seen {
			s.seen[i] = anyNonZero(row(s.M, i)) || anyNonZero(row(s.V, i))
		}
	}
	place := make([]int32, rows) // 1 + index into the gradient's rows
	for i, id := range r.ids {
		place[id], s.seen[id] = int32(i+1), true
	}
	zero := make([]float32, cols)
	a.engine.eachBlock(rows, func(_, lo, hi int) {
		for id := lo; id < hi; id++ {
			switch {
			case place[id] > 0:
				a.engine.level.Update(&step, row(p, id), row(s.M, id), row(s.V, id), row(r.values, int(place[id]-1)))
			case s.seen[id]:
				a.engine.level.Update(&step, row(p, id), row(s.M, id), row(s.V, id), zero)
			case step.Keep != 1:
				a.engine.level.Scale(row(p, id), step.Keep)
			}
		}
	})
}

func anyNonZero(x []float32) bool {
	for _, v := range x {
		if v != 0 {
			return true
		}
	}
	return false
}

// gradNorm is the Euclidean norm of all gradients together, summed in one order
// whatever the number of workers.
func (e *Engine) gradNorm(params []Parameter) float64 {
	const part = 1 << 14
	var parts [][]float32
	for _, p := range params {
		t := paramTensor(p.Param)
		values := t.rows.values
		if t.dense {
			values = t.grad
		}
		for ; len(values) > 0; values = values[min(part, len(values)):] {
			parts = append(parts, values[:min(part, len(values))])
		}
	}
	sums := make([]float64, len(parts))
	e.each(len(parts), func(i int) {
		sums[i] = float64(e.level.Dot(parts[i], parts[i]))
	})
	return math.Sqrt(mean(sums, 1))
}
