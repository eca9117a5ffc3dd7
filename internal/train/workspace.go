package train

import (
	"math/bits"
	"sync"
)

// workspace keeps buffers between steps. Sizes are rounded up to a quarter of a
// power of two, so that the ragged batches of a run share them.
type workspace struct {
	mu   sync.Mutex
	free map[int][][]float32 // by capacity
}

// sizeClass rounds n up to 4, 5, 6 or 7 times a power of two.
func sizeClass(n int) int {
	if n <= 64 {
		return 64
	}
	step := 1 << (bits.Len(uint(n-1)) - 3)
	return (n + step - 1) / step * step
}

// take returns a buffer of n values with arbitrary contents.
func (w *workspace) take(n int) []float32 {
	size := sizeClass(n)
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.free[size]
	if len(list) == 0 {
		return make([]float32, n, size)
	}
	buf := list[len(list)-1]
	w.free[size] = list[:len(list)-1]
	return buf[:n]
}

// give takes back a buffer that take gave, or nothing.
func (w *workspace) give(buf []float32) {
	if cap(buf) == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.free == nil {
		w.free = make(map[int][][]float32)
	}
	w.free[cap(buf)] = append(w.free[cap(buf)], buf)
}

// lease is the buffers that one graph holds.
type lease struct {
	mu   sync.Mutex
	ws   *workspace
	held map[*float32][]float32
}

func (l *lease) take(n int) []float32 {
	buf := l.ws.take(max(n, 1))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held[&buf[0]] = buf
	return buf[:n]
}

func (l *lease) zeros(n int) []float32 {
	buf := l.take(n)
	clear(buf)
	return buf
}

// give returns buffers before the graph is closed. Those that are not the
// graph's are left alone.
func (l *lease) give(bufs ...[]float32) {
	for _, buf := range bufs {
		if cap(buf) == 0 {
			continue
		}
		key := &buf[:1][0]
		l.mu.Lock()
		whole, ok := l.held[key]
		delete(l.held, key)
		l.mu.Unlock()
		if ok {
			l.ws.give(whole)
		}
	}
}

// close returns every buffer.
func (l *lease) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, buf := range l.held {
		l.ws.give(buf)
		delete(l.held, key)
	}
}
