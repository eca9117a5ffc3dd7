package kernel

import "unsafe"

// Arena is memory for packed weights: one allocation that the system is asked
// to back with huge pages, since products with few rows read weights faster
// than small pages can be looked up. What does not fit is allocated apart, and
// so is everything by a nil Arena.
type Arena struct{ free []byte }

// NewArena allocates so many bytes; SizePacked and SizePackedInt8 tell how many
// a matrix takes.
func NewArena(bytes int) *Arena {
	a := &Arena{free: make([]byte, bytes)}
	adviseHuge(a.free)
	return a
}

// SizePacked is the number of bytes that Pack takes for n outputs of k values.
func SizePacked(n, k int) int { return 4 * padPanel(n) * k }

// SizePackedInt8 is the number of bytes that PackInt8 takes.
func SizePackedInt8(n, k int) int { return 4 * padPanel(n) * groups(k) }

// Part cuts off an Arena of so many bytes, for another goroutine.
func (a *Arena) Part(bytes int) *Arena {
	part := &Arena{free: a.free[:bytes:bytes]}
	a.free = a.free[bytes:]
	return part
}

// take is the next bytes, which are zero. Sizes of packed matrices are
// multiples of a cache line, and so are their places.
func (a *Arena) take(bytes int) unsafe.Pointer {
	if bytes == 0 {
		return nil
	}
	if a == nil || len(a.free) < bytes {
		return unsafe.Pointer(&make([]byte, bytes)[0])
	}
	p := unsafe.Pointer(&a.free[0])
	a.free = a.free[bytes:]
	return p
}

func (a *Arena) float32s(n int) []float32 { return unsafe.Slice((*float32)(a.take(4*n)), n) }

func (a *Arena) int8s(n int) []int8 { return unsafe.Slice((*int8)(a.take(n)), n) }

// Rows fills dst with row i of a matrix.
type Rows func(dst []float32, i int)

// RowsOf reads rows of k values from w.
func RowsOf(w []float32, k int) Rows {
	return func(dst []float32, i int) { copy(dst, w[i*k:(i+1)*k]) }
}
