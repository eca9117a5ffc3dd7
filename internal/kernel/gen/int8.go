package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	gemmI8Params = "tiles int, k4 int, a *uint8, lda int, b *int8, next int, step int, c *float32, ldc int, from *float32, ldfrom int, scale *float32, zero *int32, colScale *float32, negSum *int32"
	gemmI8Args   = "tiles, k4, a, lda, b, next, step, c, ldc, from, ldfrom, scale, zero, colScale, negSum"
)

// gemmI8 writes tiles of the quantised product, one below the other: rows of
// unsigned bytes times columns of signed bytes, summed exactly in 32-bit
// integers, then scaled.
//
//	C[r,j] = from[r,j] + scale[r] * colScale[j] * (sum_k a[r,k] b[j,k] - zero[r]*colSum[j])
func gemmI8(rows int) {
	i := avx512
	name := fmt.Sprintf("gemmI8VNNIx%d", rows)
	TEXT(name, NOSPLIT, "func("+gemmI8Params+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d x 32 tiles over 4*k4 values; strides are in bytes, tiles and k4 > 0.", name, rows))
	ahead := newPrefetch(Load(Param("b"), GP64()))
	Label("tile")
	k := Load(Param("k4"), GP64())
	lda := Load(Param("lda"), GP64())
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	acc := make([][2]reg.VecVirtual, rows)
	for r := range acc {
		for j := range acc[r] {
			acc[r][j] = i.vec()
		}
	}
	i.int8Start(rows, 2, nil, func(r, j int) reg.VecVirtual { return acc[r][j] })
	t := newTileRows(a, lda, rows)
	Label("loop")
	b0, b1 := i.vec(), i.vec()
	ahead.fetch()
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
	i.int8Store(rows, 2, nil, func(r, j int) reg.VecVirtual { return acc[r][j] })
	int8Next(rows)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// int8Start puts -zero[r] colSum[j] into the sums of vecs vectors of each row,
// col bytes into the panel's columns if col is given.
func (i isa) int8Start(rows, vecs int, col reg.Register, acc func(r, j int) reg.VecVirtual) {
	zero := Load(Param("zero"), GP64())
	sums := columnsAt("negSum", col)
	sum := make([]reg.VecVirtual, vecs)
	for j := range sum {
		sum[j] = i.vec()
		VMOVUPS(Mem{Base: sums, Disp: j * i.bytes()}, sum[j])
	}
	for r := range rows {
		z := i.vec()
		VPBROADCASTD(Mem{Base: zero, Disp: 4 * r}, z)
		for j := range sum {
			VPMULLD(sum[j], z, acc(r, j))
		}
	}
}

// int8Store scales the sums and stores them.
func (i isa) int8Store(rows, vecs int, col reg.Register, acc func(r, j int) reg.VecVirtual) {
	scale := Load(Param("scale"), GP64())
	scales := columnsAt("colScale", col)
	from, ldfrom := columnsAt("from", col), Load(Param("ldfrom"), GP64())
	c, ldc := columnsAt("c", col), Load(Param("ldc"), GP64())
	for r := range rows {
		s := i.vec()
		VBROADCASTSS(Mem{Base: scale, Disp: 4 * r}, s)
		for j := range vecs {
			v, d := acc(r, j), j*i.bytes()
			VCVTDQ2PS(v, v)
			VMULPS(Mem{Base: scales, Disp: d}, v, v)
			VFMADD213PS(Mem{Base: from, Disp: d}, s, v)
			VMOVUPS(v, Mem{Base: c, Disp: d})
		}
		if r < rows-1 {
			ADDQ(ldfrom, from)
			ADDQ(ldc, c)
		}
	}
}

// columnsAt is a pointer parameter, moved to the tile's columns.
func columnsAt(param string, col reg.Register) reg.Register {
	p := Load(Param(param), GP64())
	if col != nil {
		ADDQ(col, p)
	}
	return p
}

// int8Next moves the parameters to the next tile and counts it.
func int8Next(rows int) {
	for _, p := range [][2]string{{"a", "lda"}, {"from", "ldfrom"}, {"c", "ldc"}} {
		step := Load(Param(p[1]), GP64())
		IMUL3Q(Imm(uint64(rows)), step, step)
		ADDQ(step, address(p[0]))
	}
	ADDQ(Imm(uint64(4*rows)), address("scale"))
	ADDQ(Imm(uint64(4*rows)), address("zero"))
	SUBQ(Imm(1), address("tiles"))
}

// gemmI8Wide is gemmI8 for processors without byte products: weights widen to
// 16 bits as they are loaded, activations are stored so. Eight columns at a
// time, four values of k in two sums per column, which meet at the end.
func gemmI8Wide(rows int) {
	i := avx2
	name := fmt.Sprintf("gemmI8AVX2x%d", rows)
	TEXT(name, NOSPLIT, "func("+gemmI8Params+")")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s computes %d x 32 tiles over 4*k4 values; strides are in bytes, tiles and k4 > 0.", name, rows))
	Label("tile")
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

	for r := range acc {
		VPHADDD(acc[r][1], acc[r][0], acc[r][0]) // columns 0 1 4 5 2 3 6 7
		VPERMQ(Imm(0b11011000), acc[r][0], acc[r][0])
	}
	i.int8Start(rows, 1, col, func(r, _ int) reg.VecVirtual { return acc[r][1] })
	for r := range acc {
		VPADDD(acc[r][1], acc[r][0], acc[r][0])
	}
	i.int8Store(rows, 1, col, func(r, _ int) reg.VecVirtual { return acc[r][0] })
	ADDQ(Imm(32), panel)
	ADDQ(Imm(32), col)
	CMPQ(col, Imm(128))
	JL(LabelRef("columns"))
	int8Next(rows)
	JNZ(LabelRef("tile"))
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
