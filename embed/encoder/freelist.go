package encoder

import (
	"runtime"
	"sync"
)

// freeList keeps objects between calls for use again. Unlike sync.Pool it
// loses none to the garbage collector, so that a call in steady state
// allocates nothing. It keeps as many as can be in use at once without one
// waiting for a processor.
type freeList[T any] struct {
	fresh func() *T
	limit int

	mu   sync.Mutex
	idle []*T
}

func newFreeList[T any](fresh func() *T) freeList[T] {
	return freeList[T]{fresh: fresh, limit: runtime.GOMAXPROCS(0)}
}

// take is an idle object or a fresh one.
func (f *freeList[T]) take() *T {
	f.mu.Lock()
	if n := len(f.idle); n > 0 {
		v := f.idle[n-1]
		f.idle = f.idle[:n-1]
		f.mu.Unlock()
		return v
	}
	f.mu.Unlock()
	return f.fresh()
}

// put gives v back; the caller must not use it any more.
func (f *freeList[T]) put(v *T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) < f.limit {
		f.idle = append(f.idle, v)
	}
}
