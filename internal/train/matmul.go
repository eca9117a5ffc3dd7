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

// share is the number of rows of a product that one worker takes at once. The
// kernels' results do not depend on it.
const share = 96

// mulNT is c = a bT + bias, or c += a bT. B is contiguous, [c.cols, a.cols].
func (e *Engine) mulNT(c, a matrix, b []float32, bias []float32, add bool) {
	e.product(c, a, kernel.Pack(b, c.cols, a.cols), bias, add)
}

// mulNN is c = a b, or c += a b. B is contiguous, [a.cols, c.cols].
func (e *Engine) mulNN(c, a matrix, b []float32, add bool) {
	e.product(c, a, kernel.PackTransposed(b, c.cols, a.cols), nil, add)
}

// mulTN is c = aT b, or c += aT b, summed over rows in order. B is contiguous,
// [a.rows, c.cols].
func (e *Engine) mulTN(g *Graph, c, a matrix, b []float32, add bool) {
	t := g.take(a.rows * a.cols)
	e.transpose(t, a)
	e.product(c, dense(t, a.cols, a.rows), kernel.PackTransposed(b, c.cols, a.rows), nil, add)
	g.give(t)
}

// product shares c = a bT by rows, or by panels where there are few rows.
func (e *Engine) product(c, a matrix, b *kernel.Packed, bias []float32, add bool) {
	if parts := (c.rows + share - 1) / share; parts >= e.workers {
		e.each(parts, func(i int) {
			lo, hi := i*share, min(c.rows, (i+1)*share)
			gemm(c.span(lo, hi), a.span(lo, hi), b, bias, add).Run(e.level, 0, b.Panels())
		})
		return
	}
	g := gemm(c, a, b, bias, add)
	const panels = 4
	e.each((b.Panels()+panels-1)/panels, func(i int) {
		g.Run(e.level, i*panels, min(b.Panels(), (i+1)*panels))
	})
}

func gemm(c, a matrix, b *kernel.Packed, bias []float32, add bool) *kernel.Gemm {
	return &kernel.Gemm{M: c.rows, A: a.data, LDA: a.stride, B: b, C: c.data, LDC: c.stride, Bias: bias, Add: add}
}

// smallNT, smallNN and smallTN are the products of one attention head, on one
// goroutine. B may have a stride.

// smallNT is c = a bT.
func (e *Engine) smallNT(c, a, b matrix) {
	p := kernel.Pack(b.compact(), b.rows, b.cols)
	gemm(c, a, p, nil, false).Run(e.level, 0, p.Panels())
}

// smallNN is c = a b.
func (e *Engine) smallNN(c, a, b matrix) {
	p := kernel.PackTransposed(b.compact(), b.cols, b.rows)
	gemm(c, a, p, nil, false).Run(e.level, 0, p.Panels())
}

// smallTN is c = aT b.
func (e *Engine) smallTN(c, a, b matrix, scratch []float32) {
	transpose(scratch, a, 0, a.rows)
	e.smallNN(c, dense(scratch, a.cols, a.rows), b)
}

// compact is the values of m without gaps.
func (m matrix) compact() []float32 {
	if m.stride == m.cols {
		return m.data[:m.rows*m.cols]
	}
	out := make([]float32, 0, m.rows*m.cols)
	for i := range m.rows {
		out = append(out, m.row(i)...)
	}
	return out
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
