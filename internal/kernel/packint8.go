package kernel

import (
	"math"
	"unsafe"
)

// PackedInt8 is a weight matrix in signed bytes with one scale per output
// column, laid out for GEMM: panels of 32 columns, within a panel four values
// of k side by side for each column. It is immutable.
type PackedInt8 struct {
	N, K int
	data []int8    // [panels][groups(K)][32][4]
	Col  []float32 // [panels*32] scale of a column's weights
	// negSum is the negative sum of a column's bytes, for the zero point.
	negSum []int32 // [panels*32]
}

// groups is the number of groups of four that hold k values.
func groups(k int) int { return (k + 3) / 4 }

// PackInt8 quantises w, n rows of k values, symmetrically: each row by its
// largest magnitude.
func PackInt8(w []float32, n, k int) *PackedInt8 {
	return (*Arena)(nil).PackInt8(n, k, RowsOf(w, k))
}

// PackInt8 quantises n rows of k values. The assembly of the best level does
// it, with the same result as plain Go.
func (a *Arena) PackInt8(n, k int, rows Rows) *PackedInt8 {
	g, wide := groups(k), padPanel(n)
	p := &PackedInt8{N: n, K: k, data: a.int8s(wide * g * 4), Col: make([]float32, wide), negSum: make([]int32, wide)}
	l, row, block := detect(), make([]float32, k), make([]int8, panel*g*4)
	for j := 0; j < n; j += panel {
		clear(block)
		for i := range min(panel, n-j) {
			rows(row, j+i)
			scale, sum := l.quantizeWeights(row, block[i*g*4:])
			p.Col[j+i], p.negSum[j+i] = scale, -sum
		}
		// Four bytes travel together, in the place of a float32.
		l.packColumns(words(p.data[j*g*4:]), words(block), g, panel, g)
	}
	return p
}

// words views bytes four by four.
func words(b []int8) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/4)
}

// quantizeWeights writes the bytes of w and returns their scale and sum.
func (l Level) quantizeWeights(w []float32, q []int8) (scale float32, sum int32) {
	whole := 0
	if l >= AVX512 {
		whole = len(w) / lanes * lanes
	}
	var top float32
	if whole > 0 {
		top = l.largest(w[:whole])
	}
	for _, v := range w[whole:] {
		top = max(top, float32(math.Abs(float64(v))))
	}
	if top == 0 {
		clear(q[:len(w)])
		return 0, 0
	}
	inv := 127 / top
	if whole > 0 {
		sum = l.roundWeights(w[:whole], q, inv)
	}
	for i, v := range w[whole:] {
		b := int32(math.RoundToEven(float64(v * inv)))
		q[whole+i] = int8(b)
		sum += b
	}
	return top / 127, sum
}

// Panels is the number of panels: the units into which GEMM's columns divide.
func (p *PackedInt8) Panels() int { return (p.N + panel - 1) / panel }

// RoundInt8 packs n rows of k values after rounding them as PackInt8 does, for
// levels without integer products.
func (a *Arena) RoundInt8(n, k int, rows Rows) *Packed {
	l, q := detect(), make([]int8, k)
	return a.Pack(n, k, func(dst []float32, i int) {
		rows(dst, i)
		scale, _ := l.quantizeWeights(dst, q)
		for j, b := range q {
			dst[j] = scale * float32(b)
		}
	})
}
