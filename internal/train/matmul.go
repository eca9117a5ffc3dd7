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

func (m matrix) row(i int) []float32 { return m.data[i*m.stride:][:m.cols] }

// mulNT is c = a bT + bias, or c += a bT. B is contiguous, [c.cols, a.cols].
func (e *Engine) mulNT(c, a matrix, b, bias []float32, add bool) {
	p := productNT(c, a, dense(b, c.cols, a.cols))
	p.Bias, p.Add = bias, add
	e.share(p)
}

// mulNN is c = a b, or c += a b. B is contiguous, [a.cols, c.cols].
func (e *Engine) mulNN(c, a matrix, b []float32, add bool) {
	p := productNN(c, a, dense(b, a.cols, c.cols))
	p.Add = add
	e.share(p)
}

// mulTN is c = aT b, or c += aT b, summed over rows in order. B is contiguous,
// [a.rows, c.cols].
func (e *Engine) mulTN(c, a matrix, b []float32, add bool) {
	p := productTN(c, a, dense(b, a.rows, c.cols))
	p.Add = add
	e.share(p)
}

// productNT is c = a bT.
func productNT(c, a, b matrix) kernel.Product {
	p := productNN(c, a, b)
	p.TransB = true
	return p
}

// productNN is c = a b.
func productNN(c, a, b matrix) kernel.Product {
	return kernel.Product{
		M: c.rows, N: c.cols, K: a.cols, A: a.data, LDA: a.stride, B: b.data, LDB: b.stride, C: c.data, LDC: c.stride,
	}
}

// productTN is c = aT b.
func productTN(c, a, b matrix) kernel.Product {
	p := productNN(c, a, b)
	p.K, p.TransA = a.rows, true
	return p
}
