package encoder

import "semdex/internal/kernel"

// rowset is a matrix of activations: float32, and for int8 their bytes too.
type rowset struct {
	n, width int
	ld       int // values from row to row, kernel.Stride(width)
	f32      []float32
	bytes    *kernel.Bytes // nil in float32
}

// newRowset lays n rows over buf and returns the rest of it.
func newRowset(buf []float32, n, width int) (r rowset, rest []float32) {
	ld := kernel.Stride(width)
	return rowset{n: n, width: width, ld: ld, f32: buf[: n*ld : n*ld]}, buf[n*ld:]
}

// row is row i.
func (r *rowset) row(i int) []float32 { return r.f32[i*r.ld:][:r.width] }

// block is rows [lo, hi), with q as their bytes if there are bytes.
func (r rowset) block(lo, hi int, q *kernel.Bytes) rowset {
	r.n, r.f32, r.bytes = hi-lo, r.f32[lo*r.ld:hi*r.ld], q
	return r
}

// quantize fills the bytes of rows [lo, hi), if there are bytes.
func (r *rowset) quantize(l kernel.Level, lo, hi int) {
	if r.bytes == nil {
		return
	}
	for i := lo; i < hi; i++ {
		l.Quantize(r.bytes, i, r.row(i))
	}
}
