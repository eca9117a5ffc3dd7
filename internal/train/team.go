package train

import (
	"sync"
	"sync/atomic"

	"semdex/internal/kernel"
)

// team is goroutines that share the calls of one function. Teams are used again,
// so that sharing work allocates nothing.
type team struct {
	f    func(i int)
	n    int64
	next atomic.Int64
	left sync.WaitGroup
	help func() // t.work and t.left.Done

	blocks func(block, lo, hi int) // of rows, instead of f
	rows   int
	block  func(i int) // calls blocks
}

func newTeam() *team {
	t := new(team)
	t.help = func() {
		defer t.left.Done()
		t.work()
	}
	t.block = func(i int) { t.blocks(i, i*rowBlock, min(t.rows, (i+1)*rowBlock)) }
	return t
}

func (t *team) work() {
	for i := t.next.Add(1) - 1; i < t.n; i = t.next.Add(1) - 1 {
		t.f(int(i))
	}
}

// run calls f for every i below n, on helpers goroutines beside this one.
func (t *team) run(n, helpers int, f func(i int)) {
	t.f, t.n = f, int64(n)
	t.next.Store(0)
	t.left.Add(helpers)
	for range helpers {
		go t.help()
	}
	t.work()
	t.left.Wait()
	t.f = nil
}

// sharing is a product whose pieces are computed by a team. They are used again
// as teams are.
type sharing struct {
	e      *Engine
	p      kernel.Product
	packed []float32
	groups int
	pack   func(i int) // packs panel i
	rows   func(i int) // computes block i of rows
	cols   func(i int) // computes group i of columns
}

func newSharing() *sharing {
	s := new(sharing)
	s.pack = func(i int) { s.p.Pack(s.e.level, i, s.packed) }
	s.rows = func(i int) {
		scratch := s.e.ws.take(s.p.RowsScratch())
		s.p.Rows(s.e.level, i, s.packed, scratch)
		s.e.ws.give(scratch)
	}
	s.cols = func(i int) {
		lo, hi := i*s.p.Panels()/s.groups, (i+1)*s.p.Panels()/s.groups
		scratch := s.e.ws.take(s.p.Scratch(hi - lo))
		s.p.Run(s.e.level, lo, hi, scratch)
		s.e.ws.give(scratch)
	}
	return s
}

// smallPacking is the number of packed values up to which a product is shared
// by rows: a second operand that stays near the processor while all blocks of
// rows pass over it.
const smallPacking = 1 << 22

// share gives every worker pieces of the product. The result does not depend on
// how many there are.
func (e *Engine) share(p kernel.Product) {
	s := take(e, &e.sharings, newSharing)
	s.e, s.p = e, p
	if p.Packing() <= smallPacking && p.Blocks() > 2 {
		s.packed = e.ws.take(p.Packing())
		e.each(p.Panels(), s.pack)
		e.each(p.Blocks(), s.rows)
		e.ws.give(s.packed)
	} else {
		groups := (p.Panels() + p.Group() - 1) / p.Group()
		s.groups = min(p.Panels(), (groups+e.workers-1)/e.workers*e.workers)
		e.each(s.groups, s.cols)
	}
	s.p, s.packed = kernel.Product{}, nil
	give(e, &e.sharings, s)
}

// take and give keep things that are used again.
func take[T any](e *Engine, free *[]T, make func() T) T {
	e.mu.Lock()
	defer e.mu.Unlock()
	n := len(*free)
	if n == 0 {
		return make()
	}
	x := (*free)[n-1]
	*free = (*free)[:n-1]
	return x
}

func give[T any](e *Engine, free *[]T, x T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	*free = append(*free, x)
}
