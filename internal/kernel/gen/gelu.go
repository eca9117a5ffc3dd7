package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gelu writes GELU in its exact form x/2 (1 + erf(x/sqrt2)) in place, as
// relu(x) - g(|x|) with g(a) = a/2 erfc(a/sqrt2), a bump that loses nothing for
// negative x.
func gelu(i isa) {
	TEXT("gelu"+i.name, NOSPLIT, "func(x *float32, n int)")
	Pragma("noescape")
	Doc("gelu" + i.name + " applies the exact GELU to n values (a multiple of the vector).")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	bump := i.bumpByFormula()
	if i.lanes == 16 {
		bump = bumpByTable()
	}
	zero := i.vec()
	i.zero(zero)
	i.loop("loop", n, []reg.Register{x}, func() {
		v, a := i.vec(), i.vec()
		VMOVUPS(Mem{Base: x}, v)
		i.abs(v, a)
		g := bump(a)
		VMAXPS(v, zero, v) // relu; NaN stays
		VSUBPS(g, v, v)
		VMOVUPS(v, Mem{Base: x})
	})
	VZEROUPPER()
	RET()
}

// erfc are the coefficients of Abramowitz and Stegun 7.1.26, highest power
// first: erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2) with t = 1/(1 + 0.3275911 z),
// absolute error below 1.5e-7.
var erfc = []float32{1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592}

// bumpByFormula gives code for g by that formula.
func (i isa) bumpByFormula() func(a reg.VecVirtual) reg.VecVirtual {
	exp := newExp2(i)
	return func(a reg.VecVirtual) reg.VecVirtual {
		t, q, z := i.vec(), i.vec(), i.vec()
		VMOVUPS(constant(0.3275911/math.Sqrt2), t)
		VFMADD213PS(constant(1), a, t)
		VMOVUPS(constant(1), z)
		VDIVPS(t, z, t)
		VMOVUPS(constant(0.5*erfc[0]), q)
		for _, k := range erfc[1:] {
			VFMADD213PS(constant(0.5*k), t, q)
		}
		VMULPS(t, q, q)
		VMULPS(a, a, z)
		VMULPS(constant(-0.5*math.Log2E), z, z)
		exp.apply(z)
		VMULPS(z, q, q)
		VMULPS(a, q, q)
		return q
	}
}

// The table divides 0 <= a < 5.8 into 16 pieces around the multiples of
// bumpStep and holds a polynomial for each; beyond, g is below 3e-8.
const (
	bumpStep   = 0.375
	bumpDegree = 5
	bumpEnd    = 5.75
)

// bumpByTable gives code for g by 16 polynomials, which fit in registers: a
// permutation looks up each coefficient. The absolute error is below 1e-7.
func bumpByTable() func(a reg.VecVirtual) reg.VecVirtual {
	table := make([]reg.VecVirtual, bumpDegree+1)
	coefficients := bumpTable()
	for p := range table {
		m := GLOBL("gelu_"+string(rune('a'+p)), RODATA|NOPTR)
		for piece := range 16 {
			DATA(4*piece, U32(math.Float32bits(float32(coefficients[piece][p]))))
		}
		table[p] = ZMM()
		VMOVUPS(m, table[p])
	}
	const magic = 1.5 * (1 << 23) // adding it rounds to an integer, in the low bits
	end, inv, round, step := avx512.splat(bumpEnd), avx512.splat(1/bumpStep), avx512.splat(magic), avx512.splat(bumpStep)
	return func(a reg.VecVirtual) reg.VecVirtual {
		at, piece, g, c := ZMM(), ZMM(), ZMM(), ZMM()
		VMINPS(end, a, a)
		VMOVAPS(a, at)
		VFMADD213PS(round, inv, at)
		VSUBPS(round, at, piece)
		VFNMADD231PS(piece, step, a) // a = distance from the piece's middle
		VPERMPS(table[bumpDegree], at, g)
		for p := bumpDegree - 1; p >= 0; p-- {
			VPERMPS(table[p], at, c)
			VFMADD213PS(c, a, g)
		}
		return g
	}
}

// bumpTable interpolates g in the Chebyshev nodes of each piece: coefficients
// of the powers of the distance from its middle. The first piece has no
// constant, so that small x keep their relative accuracy.
func bumpTable() [16][bumpDegree + 1]float64 {
	var table [16][bumpDegree + 1]float64
	for piece := range table {
		first := 0
		if piece == 0 {
			first = 1
		}
		n := bumpDegree + 1 - first
		rows := make([][]float64, n)
		for i := range rows {
			d := bumpStep / 2 * math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
			a := float64(piece)*bumpStep + d
			for p := range n {
				rows[i] = append(rows[i], math.Pow(d, float64(p+first)))
			}
			rows[i] = append(rows[i], a/2*math.Erfc(a/math.Sqrt2))
		}
		copy(table[piece][first:], solve(rows))
	}
	return table
}

// solve is Gauss elimination with pivots over [A | y].
func solve(m [][]float64) []float64 {
	n := len(m)
	for c := range n {
		for r := c + 1; r < n; r++ {
			if math.Abs(m[r][c]) > math.Abs(m[c][c]) {
				m[r], m[c] = m[c], m[r]
			}
		}
		for r := range n {
			if r == c {
				continue
			}
			f := m[r][c] / m[c][c]
			for j := c; j <= n; j++ {
				m[r][j] -= f * m[c][j]
			}
		}
	}
	x := make([]float64, n)
	for r := range x {
		x[r] = m[r][n] / m[r][r]
	}
	return x
}
