package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Attention over bytes works on blocks of 16 queries by 16 keys (or by 16
// columns of the values), one vector for each query. Words hold four bytes that
// a product sums over; a block of words is [words][16 lanes].
const byteBlock = 16

// byteAttention writes all parts.
func byteAttention() {
	quantizeColumns()
	scoreBytes()
	softmaxBytes()
	mixBytes()
}

// quantizeColumns writes the symmetric quantisation of 16 columns, each with a
// scale of its own, to words of four rows.
func quantizeColumns() {
	i := avx512
	TEXT("quantizeColumnsVNNI", NOSPLIT, "func(x *float32, ld int, n int, words *int8, flip uint32, factor float32, scale *float32, base *int32)")
	Pragma("noescape")
	Doc("quantizeColumnsVNNI quantises 16 columns of n > 0 values, ld bytes from row to row, to words of four",
		"bytes XOR flip; a last word that is not full repeats the last row. scale gets the largest",
		"magnitude times factor, base -128 times the sum of the bytes in all words.")
	x := Load(Param("x"), GP64())
	ld := Load(Param("ld"), GP64())
	n := Load(Param("n"), GP64())
	top, none := i.vec(), i.vec()
	i.zero(top)
	i.zero(none)
	p, count := GP64(), GP64()
	MOVQ(x, p)
	MOVQ(n, count)
	magnitude := i.splat(math.Float32frombits(1<<31 - 1))
	Label("max")
	v := i.vec()
	VPANDD(Mem{Base: p}, magnitude, v)
	VPMAXSD(v, top, top) // as integers, so that NaN is the largest
	last := GP64()
	MOVQ(p, last)
	ADDQ(ld, p)
	SUBQ(Imm(1), count)
	JNZ(LabelRef("max"))

	// The smallest normal number keeps a column of zeros from dividing by zero.
	zeroOrNaN, span, inv := i.vec(), i.vec(), i.vec()
	VMULPS(none, top, zeroOrNaN)
	VMAXPS(constant(math.Float32frombits(0x00800000)*256), top, span)
	factor := i.vec()
	VBROADCASTSS(address("factor"), factor)
	VFMADD231PS(span, factor, zeroOrNaN)
	VMOVUPS(zeroOrNaN, Mem{Base: Load(Param("scale"), GP64())})
	VMOVUPS(constant(127), inv)
	VDIVPS(span, inv, inv)

	words := Load(Param("words"), GP64())
	flip, low, sum := i.vec(), i.vec(), i.vec()
	VPBROADCASTD(Load(Param("flip"), GP32()), flip)
	VMOVDQU32(integers(255), low)
	i.zero(sum)
	Label("words")
	var b [4]reg.VecVirtual
	for r := range b {
		b[r] = i.vec()
		VMULPS(Mem{Base: x}, inv, b[r])
		VCVTPS2DQ(b[r], b[r])
		VPADDD(b[r], sum, sum)
		ADDQ(ld, x)
		if r < len(b)-1 {
			CMPQ(x, last)
			CMOVQHI(last, x)
		}
	}
	for r := range 3 {
		VPANDD(low, b[r], b[r])
	}
	VPSLLD(Imm(8), b[1], b[1])
	VPSLLD(Imm(16), b[2], b[2])
	VPSLLD(Imm(24), b[3], b[3])
	VPORD(b[1], b[0], b[0])
	VPTERNLOGD(Imm(0xfe), b[3], b[2], b[0]) // or
	VPXORD(flip, b[0], b[0])
	VMOVDQU32(b[0], Mem{Base: words})
	ADDQ(Imm(64), words)
	SUBQ(Imm(4), n)
	JG(LabelRef("words"))
	VPSLLD(Imm(7), sum, sum)
	VPSUBD(sum, none, sum)
	VMOVDQU32(sum, Mem{Base: Load(Param("base"), GP64())})
	VZEROUPPER()
	RET()
}

// byteTile holds the sums of 16 rows of unsigned bytes, words that are
// broadcast, times 16 columns of signed bytes.
type byteTile [byteBlock]reg.VecVirtual

// step adds the products of one word. The processor multiplies a word of every
// column by that of the row.
func (t byteTile) step(columns Mem, row func(r int) Mem) {
	c := ZMM()
	VMOVDQU32(columns, c)
	for r := range t {
		x := ZMM()
		VPBROADCASTD(row(r), x)
		VPDPBUSD(c, x, t[r])
	}
}

// scoreBytes writes a block of queries times blocks of keys.
func scoreBytes() {
	i := avx512
	TEXT("scoreBytesVNNI", NOSPLIT, "func(query *int8, words int, key *int8, scale *float32, base *int32, s *float32, ld int, blocks int)")
	Pragma("noescape")
	Doc("scoreBytesVNNI multiplies 16 queries of so many words, bytes plus 128, by blocks of 16 keys:",
		"s[r,j] = scale[j] * (base[j] + sum_k query[r,k] key[j,k]); rows of s are ld bytes apart.")
	key := Load(Param("key"), GP64())
	scale := Load(Param("scale"), GP64())
	base := Load(Param("base"), GP64())
	s := Load(Param("s"), GP64())
	ld := Load(Param("ld"), GP64())
	blocks := Load(Param("blocks"), GP64())
	Label("block")
	query := Load(Param("query"), GP64())
	words := Load(Param("words"), GP64())
	var t byteTile
	for r := range t {
		t[r] = i.vec()
		if r == 0 {
			VMOVDQU32(Mem{Base: base}, t[0])
		} else {
			VMOVDQA32(t[0], t[r])
		}
	}
	Label("loop")
	t.step(Mem{Base: key}, func(r int) Mem { return Mem{Base: query, Disp: 4 * r} })
	ADDQ(Imm(64), key)
	ADDQ(Imm(64), query)
	SUBQ(Imm(1), words)
	JNZ(LabelRef("loop"))
	factor, p := i.vec(), GP64()
	VMOVUPS(Mem{Base: scale}, factor)
	MOVQ(s, p)
	for r := range t {
		VCVTDQ2PS(t[r], t[r])
		VMULPS(factor, t[r], t[r])
		VMOVUPS(t[r], Mem{Base: p})
		ADDQ(ld, p)
	}
	for _, q := range []reg.Register{s, scale, base} {
		ADDQ(Imm(64), q)
	}
	SUBQ(Imm(1), blocks)
	JNZ(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// exp2Coarse are minimax coefficients for the relative error of 2^f over
// 0 <= f < 1, highest power first; the error of 7e-05 disappears in bytes.
var exp2Coarse = []float32{0.0780245227, 0.226067155, 0.695833541, 0.999925219}

// softmaxBytes writes the softmax of 16 rows as bytes.
func softmaxBytes() {
	i := avx512
	TEXT("softmaxBytesVNNI", NOSPLIT, "func(s *float32, ld int, n int, scale *float32, inv *float32)")
	Pragma("noescape")
	Doc("softmaxBytesVNNI replaces 16 rows of n float32 values, a multiple of 16 and ld bytes from row to row,",
		"by n bytes each: 255 * 2^(scale[r] * (s - max s)), rounded. inv gets one over the rows' sums.")
	s := Load(Param("s"), GP64())
	ld := Load(Param("ld"), GP64())
	n := Load(Param("n"), GP64())
	scales := Load(Param("scale"), GP64())
	inv := Load(Param("inv"), GP64())
	poly := make([]reg.VecVirtual, len(exp2Coarse))
	for k, c := range exp2Coarse {
		poly[k] = i.splat(c)
	}
	// Adding it rounds to an integer, in the low bits.
	round, full := i.splat(1<<23), i.splat(float32(math.Log2(255)))
	// Several rows at a time, so that their reductions overlap.
	const together = 4
	var scale, top, sum [together]reg.VecVirtual
	for r := range together {
		scale[r], top[r], sum[r] = i.vec(), i.vec(), i.vec()
	}
	blocks, ld3 := GP64(), GP64()
	MOVQ(U32(byteBlock/together), blocks)
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)
	row := func(base reg.Register, r int) Mem {
		return []Mem{{Base: base}, {Base: base, Index: ld, Scale: 1}, {Base: base, Index: ld, Scale: 2}, {Base: base, Index: ld3, Scale: 1}}[r]
	}
	Label("rows")
	p := GP64()
	for r := range together {
		VBROADCASTSS(Mem{Base: scales, Disp: 4 * r}, scale[r])
		VMOVUPS(row(s, r), top[r])
		i.zero(sum[r])
	}
	MOVQ(s, p)
	i.loop("max", n, []reg.Register{p}, func() {
		for r := range together {
			VMAXPS(row(p, r), top[r], top[r])
		}
	})
	for r := range together {
		i.spread(i.reduce(top[r], func(o ...Op) { VMAXPS(o[0], o[1], o[2]) }), top[r])
		VFMSUB213PS(full, scale[r], top[r])
	}
	q := GP64()
	MOVQ(s, p)
	MOVQ(s, q)
	i.loop("exp", n, []reg.Register{p}, func() {
		for r := range together {
			v, f, e := i.vec(), i.vec(), i.vec()
			VMOVUPS(row(p, r), v)
			VFMSUB213PS(top[r], scale[r], v)
			VREDUCEPS(Imm(0b0001), v, f) // v - floor(v)
			VMOVAPS(poly[0], e)
			for _, c := range poly[1:] {
				VFMADD213PS(c, f, e)
			}
			VSCALEFPS(v, e, v) // times 2^floor(v)
			VADDPS(round, v, v)
			VPMOVDB(v.AsZ(), row(q, r))
			VSUBPS(round, v, v)
			VADDPS(v, sum[r], sum[r])
		}
		ADDQ(Imm(byteBlock), q)
	})
	for r := range together {
		x := i.reduce(sum[r], func(o ...Op) { VADDPS(o[0], o[1], o[2]) })
		one := XMM()
		VMOVSS(constant(1), one)
		VDIVSS(x, one, one)
		VMOVSS(one, Mem{Base: inv, Disp: 4 * r})
	}
	ADDQ(Imm(4*together), inv)
	ADDQ(Imm(4*together), scales)
	LEAQ(Mem{Base: s, Index: ld, Scale: together}, s)
	SUBQ(Imm(1), blocks)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// mixBytes writes 16 columns of the context of 16 queries.
func mixBytes() {
	i := avx512
	TEXT("mixBytesVNNI", NOSPLIT, "func(p *float32, ldp int, value *int8, words int, scale *float32, inv *float32, out *float32, ld int)")
	Pragma("noescape")
	Doc("mixBytesVNNI multiplies 16 rows of bytes, ldp bytes apart, by words > 0 of values:",
		"out[r,j] = inv[r] * scale[j] * sum_k p[r,k] value[j,k]; rows of out are ld bytes apart.")
	p := Load(Param("p"), GP64())
	ldp := Load(Param("ldp"), GP64())
	value := Load(Param("value"), GP64())
	words := Load(Param("words"), GP64())
	var t byteTile
	for r := range t {
		t[r] = i.vec()
		i.zero(t[r])
	}
	rows := newTileRows(p, ldp, byteBlock)
	Label("loop")
	t.step(Mem{Base: value}, func(r int) Mem { return rows.elem(r, 0) })
	ADDQ(Imm(64), value)
	rows.advance(4)
	SUBQ(Imm(1), words)
	JNZ(LabelRef("loop"))
	scale, inv := i.vec(), Load(Param("inv"), GP64())
	VMOVUPS(Mem{Base: Load(Param("scale"), GP64())}, scale)
	out, ld := Load(Param("out"), GP64()), Load(Param("ld"), GP64())
	for r := range t {
		x := i.vec()
		VBROADCASTSS(Mem{Base: inv, Disp: 4 * r}, x)
		VMULPS(scale, x, x)
		VCVTDQ2PS(t[r], t[r])
		VMULPS(x, t[r], t[r])
		VMOVUPS(t[r], Mem{Base: out})
		ADDQ(ld, out)
	}
	VZEROUPPER()
	RET()
}
