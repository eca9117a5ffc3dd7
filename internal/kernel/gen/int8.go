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

	newInt8Store(i).rows(len(acc), func(r, j int) reg.VecVirtual { return acc[r][j] }, 2)
	VZEROUPPER()
	RET()
}

// int8Store writes sums of products as float32.
type int8Store struct {
	isa
	scale, zero, colScale, colSum, from, ldfrom, c, ldc reg.Register
}

func newInt8Store(i isa) int8Store {
	load := func(name string) reg.Register { return Load(Param(name), GP64()) }
	return int8Store{i, load("scale"), load("zero"), load("colScale"), load("colSum"), load("from"), load("ldfrom"), load("c"), load("ldc")}
}

// rows stores vecs vectors of each row.
func (s int8Store) rows(n int, acc func(r, j int) reg.VecVirtual, vecs int) {
	for r := range n {
		for j := range vecs {
			s.vector(acc(r, j), r, j*s.bytes())
		}
		if r < n-1 {
			ADDQ(s.ldfrom, s.from)
			ADDQ(s.ldc, s.c)
		}
	}
}

// vector stores v, the sums of row r at offset d.
func (s int8Store) vector(v reg.VecVirtual, r, d int) {
	z := s.vec()
	VPBROADCASTD(Mem{Base: s.zero, Disp: 4 * r}, z)
	VPMULLD(Mem{Base: s.colSum, Disp: d}, z, z)
	VPSUBD(z, v, v)
	VCVTDQ2PS(v, v)
	VMULPS(Mem{Base: s.colScale, Disp: d}, v, v)
	VBROADCASTSS(Mem{Base: s.scale, Disp: 4 * r}, z)
	VFMADD213PS(Mem{Base: s.from, Disp: d}, z, v)
	VMOVUPS(v, Mem{Base: s.c, Disp: d})
}

// gemmI8Wide is gemmI8 for processors without byte products: weights widen to
// 16 bits as they are loaded, activations are stored so. Eight columns at a
// time, four values of k in two sums per column, which meet at the end.
func gemmI8Wide(rows int) {
	i := avx2
	name := fmt.Sprintf("gemmI8AVX2x%d", rows)
	TEXT(name, NOSPLIT, "func("+gemmI8Params+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes a %d x 32 tile over 4*k4 values; strides are in bytes, k4 > 0.", name, rows))
	panel := Load(Param("b"), GP64())
	col := GP64() // byte offset of the columns in C
	XORQ(col, col)
	Label("columns")
	k := Load(Param("k4"), GP64())
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	b := GP64()
	MOVQ(panel, b)
	acc := make([][2]reg.VecVirtual, rows)
	for r := range acc {
		for j := range acc[r] {
			acc[r][j] = i.vec()
			i.zero(acc[r][j])
		}
	}
	t := newTileRows(a, lda, rows)
	Label("loop")
	b0, b1 := i.vec(), i.vec()
	VPMOVSXBW(Mem{Base: b}, b0)
	VPMOVSXBW(Mem{Base: b, Disp: 16}, b1)
	ADDQ(U32(128), b)
	for r := range acc {
		x, p := i.vec(), i.vec()
		VPBROADCASTQ(t.elem(r, 0), x)
		VPMADDWD(b0, x, p)
		VPADDD(p, acc[r][0], acc[r][0])
		VPMADDWD(b1, x, x)
		VPADDD(x, acc[r][1], acc[r][1])
	}
	t.advance(8)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("loop"))

	s := newInt8Store(i)
	for _, p := range []reg.Register{s.colScale, s.colSum, s.from, s.c} {
		ADDQ(col, p)
	}
	for r := range acc {
		VPHADDD(acc[r][1], acc[r][0], acc[r][0]) // columns 0 1 4 5 2 3 6 7
		VPERMQ(Imm(0b11011000), acc[r][0], acc[r][0])
	}
	s.rows(rows, func(r, _ int) reg.VecVirtual { return acc[r][0] }, 1)
	ADDQ(Imm(32), panel)
	ADDQ(Imm(32), col)
	CMPQ(col, Imm(128))
	JL(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// quantize writes the dynamic quantisation of one row to unsigned bytes: a
// scale and a zero point such that x ~ scale (q - zero) over [min(x,0), max(x,0)].
// With AVX2 a byte takes 16 bits.
func quantize(i isa) {
	name := "quantizeVNNI"
	if i.lanes == 8 {
		name = "quantizeAVX2"
	}
	TEXT(name, NOSPLIT, "func(x *float32, n int, q *uint8) (scale float32, zero int32)")
	Pragma("noescape")
	Doc(name + " quantises n values, a multiple of 16.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	lo, hi, odd, none, p := i.vec(), i.vec(), i.vec(), i.vec(), GP64()
	for _, v := range []reg.VecVirtual{lo, hi, odd, none} {
		i.zero(v)
	}
	MOVQ(x, p)
	i.loop("range", n, []reg.Register{p}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: p}, v)
		VMINPS(v, lo, lo)
		VMAXPS(v, hi, hi)
		i.abs(v, v)
		VPMAXSD(v, odd, odd) // as integers, so that NaN is the largest
	})
	i.spread(i.reduce(lo, func(o ...Op) { VMINPS(o[0], o[1], o[2]) }), lo)
	i.spread(i.reduce(hi, func(o ...Op) { VMAXPS(o[0], o[1], o[2]) }), hi)
	zeroOrNaN := i.reduce(odd, func(o ...Op) { VPMAXSD(o[0], o[1], o[2]) })
	VMULPS(none.AsX(), zeroOrNaN, zeroOrNaN)
	// The smallest normal number keeps a row of zeros from dividing by zero.
	span := i.vec()
	VSUBPS(lo, hi, span)
	VMAXPS(constant(math.Float32frombits(0x00800000)*256), span, span)
	scale, inv, zero := i.vec(), i.vec(), i.vec()
	VMULPS(constant(float32(1)/255), span, scale)
	VADDPS(zeroOrNaN, scale.AsX(), scale.AsX())
	VMOVUPS(constant(255), inv)
	VDIVPS(span, inv, inv)
	VMULPS(inv, lo, zero)
	VCVTPS2DQ(zero, zero)
	VPSUBD(zero, none, zero)
	Store(scale.AsX(), Return("scale"))
	z := GP32()
	VMOVD(zero.AsX(), z)
	Store(z, Return("zero"))

	q := Load(Param("q"), GP64())
	byteOf := func(d int) reg.VecVirtual {
		v := i.vec()
		VMULPS(Mem{Base: x, Disp: d}, inv, v)
		VCVTPS2DQ(v, v)
		VPADDD(zero, v, v)
		VPMAXSD(none, v, v)
		return v
	}
	Label("bytes")
	if i.lanes == 16 {
		VPMOVUSDB(byteOf(0).AsZ(), Mem{Base: q})
		ADDQ(Imm(16), q)
	} else {
		top := i.vec()
		VMOVDQU(integers(255), top)
		a, b := byteOf(0), byteOf(32)
		VPMINSD(top, a, a)
		VPMINSD(top, b, b)
		VPACKUSDW(b, a, a)
		VPERMQ(Imm(0b11011000), a, a)
		VMOVDQU(a, Mem{Base: q})
		ADDQ(Imm(32), q)
	}
	ADDQ(Imm(64), x)
	SUBQ(Imm(16), n)
	JG(LabelRef("bytes"))
	VZEROUPPER()
	RET()
}

// integers is a vector of 32-bit integers v.
func integers(v uint32) Mem { return constant(math.Float32frombits(v)) }

// largest writes the largest magnitude of a row.
func largest() {
	i := avx512
	TEXT("largestAVX512", NOSPLIT, "func(x *float32, n int) float32")
	Pragma("noescape")
	Doc("largestAVX512 is the largest magnitude of n values, a multiple of 16; NaN counts as the largest.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	top := i.vec()
	i.zero(top)
	i.loop("loop", n, []reg.Register{x}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: x}, v)
		i.abs(v, v)
		VPMAXSD(v, top, top) // as integers, so that NaN is the largest
	})
	Store(i.reduce(top, func(o ...Op) { VPMAXSD(o[0], o[1], o[2]) }), ReturnIndex(0))
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
