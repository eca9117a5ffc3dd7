package train

import "semdex/internal/kernel"

// matrix is a row-major view of rows stride values apart.
type matrix struct {
	data       []float32
	rows, cols int
	stride     int
}

func dense(data []float32, rows, cols int) matrix {
	return matrix{data: data, rows: rows, cols: cols, stride: cols}
}

// columns is a view of cols columns from the given one.
func (m matrix) columns(from, cols int) matrix {
	m.data, m.cols = m.data[from:], cols
	return m
}

// span is a view of the rows [lo, hi).
func (m matrix) span(lo, hi int) matrix {
	m.data, m.rows = m.data[lo*m.stride:], hi-lo
	return m
}

func (m matrix) row(i int) []float32 { return m.data[i*m.stride:][:m.cols] }

// A product is cut into pieces of shareRows by shareCols for the workers. The
// kernels' results do not depend on it.
const (
	shareRows = 96
	shareCols = 128
)

// mulNT is c = a bT + bias, or c += a bT. B is contiguous, [c.cols, a.cols].
func (e *Engine) mulNT(c, a matrix, b []float32, bias []float32, add bool) {
	k := a.cols
	e.product(c, a, e.pack(c.cols, func(lo, hi int) *kernel.Packed {
		return kernel.Pack(b[lo*k:hi*k], hi-lo, k)
	}), bias, add)
}

// mulNN is c = a b, or c += a b. B is contiguous, [a.cols, c.cols].
func (e *Engine) mulNN(c, a matrix, b []float32, add bool) {
	e.product(c, a, e.packTransposed(b, c.cols, a.cols), nil, add)
}

// mulTN is c = aT b, or c += aT b, summed over rows in order. B is contiguous,
// [a.rows, c.cols].
func (e *Engine) mulTN(g *Graph, c, a matrix, b []float32, add bool) {
	t := g.take(a.rows * a.cols)
	e.transpose(t, a)
	e.product(c, dense(t, a.cols, a.rows), e.packTransposed(b, c.cols, a.rows), nil, add)
	g.give(t)
}

// pack packs shareCols columns at a time.
func (e *Engine) pack(n int, pack func(lo, hi int) *kernel.Packed) []*kernel.Packed {
	parts := make([]*kernel.Packed, (n+shareCols-1)/shareCols)
	e.each(len(parts), func(i int) {
		parts[i] = pack(i*shareCols, min(n, (i+1)*shareCols))
	})
	return parts
}

// packTransposed packs b, k rows of n values.
func (e *Engine) packTransposed(b []float32, n, k int) []*kernel.Packed {
	return e.pack(n, func(lo, hi int) *kernel.Packed {
		if hi-lo == n {
			return kernel.PackTransposed(b, n, k)
		}
		part := e.ws.take((hi - lo) * k)
		defer e.ws.give(part)
		for i := range k {
			copy(part[i*(hi-lo):(i+1)*(hi-lo)], b[i*n+lo:i*n+hi])
		}
		return kernel.PackTransposed(part, hi-lo, k)
	})
}

// product is c = a bT over the parts of b.
func (e *Engine) product(c, a matrix, parts []*kernel.Packed, bias []float32, add bool) {
	down := (c.rows + shareRows - 1) / shareRows
	e.each(down*len(parts), func(i int) {
		lo, part := i%down*shareRows, i/down
		hi, b := min(c.rows, lo+shareRows), parts[part]
		var partBias []float32
		if bias != nil {
			partBias = bias[part*shareCols:][:b.N]
		}
		g := gemm(c.span(lo, hi).columns(part*shareCols, b.N), a.span(lo, hi), b, partBias, add)
		g.Run(e.level, 0, b.Panels())
	})
}

func gemm(c, a matrix, b *kernel.Packed, bias []float32, add bool) kernel.Gemm {
	return kernel.Gemm{M: c.rows, A: a.data, LDA: a.stride, B: b, C: c.data, LDC: c.stride, Bias: bias, Add: add}
}

// smallNT, smallNN and smallTN are the products of one attention head, on one
// goroutine. B may have a stride.

// smallNT is c = a bT.
func (e *Engine) smallNT(c, a, b matrix) {
	flat, own := e.compact(b)
	p := kernel.Pack(flat, b.rows, b.cols)
	e.ws.give(own)
	g := gemm(c, a, p, nil, false)
	g.Run(e.level, 0, p.Panels())
}

// smallNN is c = a b.
func (e *Engine) smallNN(c, a, b matrix) {
	flat, own := e.compact(b)
	p := kernel.PackTransposed(flat, b.cols, b.rows)
	e.ws.give(own)
	g := gemm(c, a, p, nil, false)
	g.Run(e.level, 0, p.Panels())
}

// smallTN is c = aT b.
func (e *Engine) smallTN(c, a, b matrix, scratch []float32) {
	transpose(scratch, a, 0, a.rows)
	e.smallNN(c, dense(scratch, a.cols, a.rows), b)
}

// compact is the values of m without gaps, and the buffer to give back, which is
// empty if m has none.
func (e *Engine) compact(m matrix) (flat, own []float32) {
	if m.stride == m.cols {
		return m.data[:m.rows*m.cols], nil
	}
	own = e.ws.take(m.rows * m.cols)
	for i := range m.rows {
		copy(own[i*m.cols:], m.row(i))
	}
	return own, own
}

// transpose writes aT, [a.cols, a.rows], to dst.
func (e *Engine) transpose(dst []float32, a matrix) {
	e.eachBlock(a.rows, func(_, lo, hi int) { transpose(dst, a, lo, hi) })
}

// transpose writes the columns of dst that come from the rows [lo, hi) of a, in
// tiles that stay in the cache.
func transpose(dst []float32, a matrix, lo, hi int) {
	const tile = 16
	for r := lo; r < hi; r += tile {
		end := min(hi, r+tile)
		for c := range a.cols {
			out := dst[c*a.rows:]
			for i := r; i < end; i++ {
				out[i] = a.data[i*a.stride+c]
			}
		}
	}
}
