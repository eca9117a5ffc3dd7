package kernel

import "math"

// The dispatchers. Their slices hold whole vectors, at least one.

// transpose writes up to one vector's lanes of rows as columns of a panel.
func (l Level) transpose(dst, rows []float32, ld, n, k int) {
	if l >= AVX512 {
		transposeAVX512(&rows[0], 4*ld, n, &dst[0], k)
		return
	}
	transposeAVX2(&rows[0], 4*ld, n, &dst[0], k)
}

func (l Level) softmaxColumns(x []float32, n, cols int, scale float32) {
	scale *= math.Log2E
	switch {
	case l >= AVX512 && cols <= 16:
		softmaxColumnsAVX512x1(&x[0], n, scale)
	case l >= AVX512:
		softmaxColumnsAVX512x2(&x[0], n, scale)
	case l == AVX2:
		softmaxColumnsAVX2x2(&x[0], n, scale)
		if cols > 16 {
			softmaxColumnsAVX2x2(&x[16], n, scale)
		}
	default:
		softmaxColumnsPlain(x, n, cols, scale)
	}
}

func (l Level) softmax(x []float32, scale float32) {
	switch {
	case l >= AVX512:
		softmaxAVX512(&x[0], len(x), scale*math.Log2E)
	case l == AVX2:
		softmaxAVX2(&x[0], len(x), scale*math.Log2E)
	default:
		softmaxPlain(x, scale)
	}
}

func (l Level) gelu(x []float32) {
	switch {
	case l >= AVX512:
		geluAVX512(&x[0], len(x))
	case l == AVX2:
		geluAVX2(&x[0], len(x))
	default:
		geluPlain(x)
	}
}

func (l Level) layerNorm(x, add, w, b []float32, eps float32) {
	inv := 1 / float32(len(x))
	switch {
	case l >= AVX512:
		layerNormAVX512(&x[0], &add[0], &w[0], &b[0], len(x), eps, inv)
	case l == AVX2:
		layerNormAVX2(&x[0], &add[0], &w[0], &b[0], len(x), eps, inv)
	default:
		layerNormPlain(x, add, w, b, eps)
	}
}

func (l Level) dot(a, b []float32) float32 {
	switch {
	case l >= AVX512:
		return dotAVX512(&a[0], &b[0], len(a))
	case l == AVX2:
		return dotAVX2(&a[0], &b[0], len(a))
	}
	return dotPlain(a, b)
}

func (l Level) scale(x []float32, s float32) {
	switch {
	case l >= AVX512:
		scaleAVX512(&x[0], len(x), s)
	case l == AVX2:
		scaleAVX2(&x[0], len(x), s)
	default:
		scalePlain(x, s)
	}
}

func (l Level) axpy(y, x []float32, s float32) {
	switch {
	case l >= AVX512:
		axpyAVX512(&y[0], &x[0], len(y), s)
	case l == AVX2:
		axpyAVX2(&y[0], &x[0], len(y), s)
	default:
		axpyPlain(y, x, s)
	}
}

func (l Level) largest(x []float32) float32 { return largestAVX512(&x[0], len(x)) }

func (l Level) roundWeights(x []float32, q []int8, inv float32) int32 {
	_ = q[len(x)-1]
	return roundWeightsAVX512(&x[0], len(x), &q[0], inv)
}

func (l Level) widenF16(dst []float32, src []byte) {
	if l >= AVX512 {
		widenF16AVX512(&dst[0], &src[0], len(dst))
		return
	}
	widenF16AVX2(&dst[0], &src[0], len(dst))
}
