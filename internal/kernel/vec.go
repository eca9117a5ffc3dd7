package kernel

import "math"

// lanes is the number of float32 values a vector holds at the highest level.
// Buffers whose lengths are multiples of it never take the slow tail.
const lanes = 16

// Padded rounds n up to whole vectors.
func Padded(n int) int { return (n + lanes - 1) / lanes * lanes }

// Softmax replaces the first n values of x by the softmax of scale*x, and the
// values from n to Padded(n), which x must have, by zeros.
func (l Level) Softmax(x []float32, n int, scale float32) {
	if n == 0 {
		return
	}
	x = x[:Padded(n)]
	for i := n; i < len(x); i++ {
		x[i] = float32(math.Inf(-1))
		if scale < 0 {
			x[i] = -x[i]
		}
	}
	l.softmax(x, scale)
	clear(x[n:])
}

// GELU applies x/2 (1 + erf(x/sqrt 2)) to every value (Hendrycks and Gimpel
// 2016, the exact form); absolute error below 1e-6.
func (l Level) GELU(x []float32) {
	whole := len(x) / lanes * lanes
	if whole > 0 {
		l.gelu(x[:whole])
	}
	if whole < len(x) {
		var tail [lanes]float32
		copy(tail[:], x[whole:])
		l.gelu(tail[:])
		copy(x[whole:], tail[:])
	}
}

// LayerNorm replaces x by (x+add - mean)/sqrt(variance + eps) * w + b (Ba et
// al. 2016). All slices have the same length; one that is not whole vectors
// takes the plain path.
func (l Level) LayerNorm(x, add, w, b []float32, eps float32) {
	if len(x)%lanes != 0 {
		l = Plain
	}
	l.layerNorm(x, add[:len(x)], w[:len(x)], b[:len(x)], eps)
}

// Dot is the inner product of a and b, which have the same length.
func (l Level) Dot(a, b []float32) float32 {
	b = b[:len(a)]
	whole := len(a) / (4 * lanes) * (4 * lanes)
	var sum float32
	if whole > 0 {
		sum = l.dot(a[:whole], b[:whole])
	}
	for i := whole; i < len(a); i++ {
		sum += a[i] * b[i]
	}
	return sum
}

// Axpy adds s*x to y; both have the same length.
func (l Level) Axpy(y, x []float32, s float32) {
	x = x[:len(y)]
	whole := len(y) / lanes * lanes
	if whole > 0 {
		l.axpy(y[:whole], x[:whole], s)
	}
	for i := whole; i < len(y); i++ {
		y[i] += s * x[i]
	}
}

// Scale multiplies every value of x by s.
func (l Level) Scale(x []float32, s float32) {
	whole := len(x) / lanes * lanes
	if whole > 0 {
		l.scale(x[:whole], s)
	}
	for i := whole; i < len(x); i++ {
		x[i] *= s
	}
}

// SumRows adds rows of len(dst) values, ld values apart, to dst, in their
// order.
func (l Level) SumRows(dst, rows []float32, n, ld int) {
	for i := range n {
		l.Axpy(dst, rows[i*ld:][:len(dst)], 1)
	}
}

// The plain versions, which are also the references in tests.

func softmaxPlain(x []float32, scale float32) {
	top := float32(math.Inf(-1))
	for _, v := range x {
		top = max(top, scale*v)
	}
	var sum float32
	for i, v := range x {
		e := float32(math.Exp(float64(scale*v - top)))
		x[i] = e
		sum += e
	}
	for i := range x {
		x[i] /= sum
	}
}

// softmaxColumnsPlain is the reference of the assembly: in each of the first
// columns, 2^(scale*x) over its sum over n rows.
func softmaxColumnsPlain(x []float32, n, cols int, scale float32) {
	for j := range cols {
		top := float32(math.Inf(-1))
		for r := range n {
			top = max(top, x[r*panel+j])
		}
		var sum float32
		for r := range n {
			e := float32(math.Exp2(float64(scale) * (float64(x[r*panel+j]) - float64(top))))
			x[r*panel+j] = e
			sum += e
		}
		for r := range n {
			x[r*panel+j] /= sum
		}
	}
}

func geluPlain(x []float32) {
	for i, v := range x {
		x[i] = float32(0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2))
	}
}

func layerNormPlain(x, add, w, b []float32, eps float32) {
	var sum, sq float32
	for i := range x {
		x[i] += add[i]
		sum += x[i]
	}
	mean := sum / float32(len(x))
	for _, v := range x {
		sq += (v - mean) * (v - mean)
	}
	r := 1 / float32(math.Sqrt(float64(sq/float32(len(x))+eps)))
	for i, v := range x {
		x[i] = (v-mean)*r*w[i] + b[i]
	}
}

func dotPlain(a, b []float32) float32 {
	var s0, s1, s2, s3 float32
	for i := 0; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	return (s0 + s1) + (s2 + s3)
}

func scalePlain(x []float32, s float32) {
	for i := range x {
		x[i] *= s
	}
}

func axpyPlain(y, x []float32, s float32) {
	for i, v := range x {
		y[i] += s * v
	}
}
