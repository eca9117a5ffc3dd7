package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	gemmI8Params = "k4 int, a *uint8, lda int, b *int8, c *float32, ldc int, from *float32, ldfrom int, scale *float32, zero *int32, colScale *float32, colSum *int32"
	gemmI8Args   = "k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, colScale, colSum"
)

// gemmI8 writes a tile of the quantised product: rows of unsigned bytes times
// columns of signed bytes, summed exactly in 32-bit integers, then scaled.
//
//	C[r,j] = from[r,j] + scale[r] * colScale[j] * (sum_k a[r,k] b[j,k] - zero[r]*colSum[j])
func gemmI8(rows int) {
	i := avx512
	TEXT(fmt.Sprintf("gemmI8VNNIx%d", rows), NOSPLIT, "func("+gemmI8Params+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("gemmI8VNNIx%d computes a %d x 32 tile over 4*k4 values; strides are in bytes, k4 > 0.", rows, rows))
	k := Load(Param("k4"), GP64())
	lda := Load(Param("lda"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())

	acc := make([][2]reg.VecVirtual, rows)
	for r := range acc {
		for j := range acc[r] {
			acc[r][j] = i.vec()
			i.zero(acc[r][j])
		}
	}
	t := newTileRows(a, lda, rows)
	ahead := GP64() // the next panel begins where this one ends
	MOVQ(k, ahead)
	SHLQ(Imm(7), ahead)
	Label("loop")
	b0, b1 := i.vec(), i.vec()
	PREFETCHT1(Mem{Base: b, Index: ahead, Scale: 1})
	PREFETCHT1(Mem{Base: b, Index: ahead, Scale: 1, Disp: 64})
	VMOVDQU32(Mem{Base: b}, b0)
	VMOVDQU32(Mem{Base: b, Disp: 64}, b1)
	ADDQ(U32(128), b)
	for r := range acc {
		x := i.vec()
		VPBROADCASTD(t.elem(r, 0), x)
		VPDPBUSD(b0, x, acc[r][0])
		VPDPBUSD(b1, x, acc[r][1])
	}
	t.advance(4)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("loop"))

	scale := Load(Param("scale"), GP64())
	zero := Load(Param("zero"), GP64())
	colScale := Load(Param("colScale"), GP64())
	colSum := Load(Param("colSum"), GP64())
	from := Load(Param("from"), GP64())
	ldfrom := Load(Param("ldfrom"), GP64())
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	for r := range acc {
		z, s := i.vec(), i.vec()
		VPBROADCASTD(Mem{Base: zero, Disp: 4 * r}, z)
		VBROADCASTSS(Mem{Base: scale, Disp: 4 * r}, s)
		for j, v := range acc[r] {
			d := j * i.bytes()
			m := i.vec()
			VPMULLD(Mem{Base: colSum, Disp: d}, z, m)
			VPSUBD(m, v, v)
			VCVTDQ2PS(v, v)
			VMULPS(Mem{Base: colScale, Disp: d}, v, v)
			VFMADD213PS(Mem{Base: from, Disp: d}, s, v)
			VMOVUPS(v, Mem{Base: c, Disp: d})
		}
		if r < rows-1 {
			ADDQ(ldfrom, from)
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// quantize writes the dynamic quantisation of one row to unsigned bytes: a
// scale and a zero point such that x ~ scale (q - zero) over [min(x,0), max(x,0)].
func quantize() {
	i := avx512
	TEXT("quantizeVNNI", NOSPLIT, "func(x *float32, n int, q *uint8) (scale float32, zero int32)")
	Pragma("noescape")
	Doc("quantizeVNNI quantises n values, a multiple of 16, to bytes.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	lo, hi, p := i.vec(), i.vec(), GP64()
	i.zero(lo)
	i.zero(hi)
	MOVQ(x, p)
	i.loop("range", n, []reg.Register{p}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: p}, v)
		VMINPS(v, lo, lo)
		VMAXPS(v, hi, hi)
	})
	i.spread(i.reduce(lo, func(o ...Op) { VMINPS(o[0], o[1], o[2]) }), lo)
	i.spread(i.reduce(hi, func(o ...Op) { VMAXPS(o[0], o[1], o[2]) }), hi)
	// The smallest normal number keeps a row of zeros from dividing by zero.
	span := i.vec()
	VSUBPS(lo, hi, span)
	VMAXPS(constant(math.Float32frombits(0x00800000)*256), span, span)
	scale, inv, zero := i.vec(), i.vec(), i.vec()
	VMULPS(constant(float32(1)/255), span, scale)
	VMOVUPS(constant(255), inv)
	VDIVPS(span, inv, inv)
	VMULPS(inv, lo, zero)
	VCVTPS2DQ(zero, zero)
	none := i.vec()
	i.zero(none)
	VPSUBD(zero, none, zero)
	Store(scale.AsX(), Return("scale"))
	z := GP32()
	VMOVD(zero.AsX(), z)
	Store(z, Return("zero"))

	q := Load(Param("q"), GP64())
	count := GP64()
	MOVQ(n, count)
	Label("bytes")
	v := i.vec()
	VMULPS(Mem{Base: x}, inv, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
	VPMAXSD(none, v, v)
	VPMOVUSDB(v.AsZ(), Mem{Base: q})
	ADDQ(Imm(64), x)
	ADDQ(Imm(16), q)
	SUBQ(Imm(16), count)
	JG(LabelRef("bytes"))
	VZEROUPPER()
	RET()
}

// largest writes the largest magnitude of a row.
func largest() {
	i := avx512
	TEXT("largestAVX512", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	Doc("largestAVX512 is the largest magnitude of n values, a multiple of 16.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	top := i.vec()
	i.zero(top)
	i.loop("loop", n, []reg.Register{x}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: x}, v)
		i.abs(v, v)
		VMAXPS(v, top, top)
	})
	Store(i.reduce(top, func(o ...Op) { VMAXPS(o[0], o[1], o[2]) }), ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// roundWeights writes a row of signed bytes.
func roundWeights() {
	i := avx512
	TEXT("roundWeightsAVX512", NOSPLIT, "func(x *float32, n int, q *int8, inv float32) int32")
	Pragma("noescape")
	Doc("roundWeightsAVX512 rounds inv times n values, a multiple of 16, to bytes and returns their sum.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	q := Load(Param("q"), GP64())
	inv, sum := i.vec(), i.vec()
	addr, _ := Param("inv").Resolve()
	VBROADCASTSS(addr.Addr, inv)
	i.zero(sum)
	i.loop("loop", n, []reg.Register{x}, func() {
		v := i.vec()
		VMULPS(Mem{Base: x}, inv, v)
		VCVTPS2DQ(v, v)
		VPADDD(v, sum, sum)
		VPMOVSDB(v.AsZ(), Mem{Base: q})
		ADDQ(Imm(16), q)
	})
	total := GP32()
	VMOVD(i.reduce(sum, func(o ...Op) { VPADDD(o[0], o[1], o[2]) }), total)
	Store(total, ReturnIndex(0))
	VZEROUPPER()
	RET()
}
