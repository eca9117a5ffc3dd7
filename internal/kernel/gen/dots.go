package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const dotsParams = "out *int32, n int, query *int8, rows *int8, stride int, at *uint32, whole int"

// dots writes the inner products of one query with n rows, four at a time, all
// of signed bytes and summed exactly. Rows are given by their numbers.
func dots(name, doc string, step int, body func(d *dotsBlock)) {
	TEXT(name, NOSPLIT, "func("+dotsParams+")")
	Pragma("noescape")
	Doc(name + " computes n dots, a multiple of four, over a multiple of " + doc + " bytes.")
	d := &dotsBlock{step: step}
	d.out = Load(Param("out"), GP64())
	d.n = Load(Param("n"), GP64())
	d.query = Load(Param("query"), GP64())
	d.rows = Load(Param("rows"), GP64())
	d.stride = Load(Param("stride"), GP64())
	d.at = Load(Param("at"), GP64())
	d.whole = Load(Param("whole"), GP64())
	body(d)
	VZEROUPPER()
	RET()
}

// dotsBlock holds what the loops over four rows share.
type dotsBlock struct {
	step                                   int
	out, n, query, rows, stride, at, whole reg.Register
}

// blocks emits the loop over blocks of four rows. Body adds the products at
// offset k to four sums, finish folds them into four int32.
func (d *dotsBlock) blocks(vec func() reg.VecVirtual, zero func(reg.VecVirtual), body func(k reg.Register, row [4]reg.GPVirtual, acc [4]reg.VecVirtual), finish func(acc [4]reg.VecVirtual) reg.Register) {
	Label("block")
	var row [4]reg.GPVirtual
	var acc [4]reg.VecVirtual
	for r := range row {
		row[r] = GP64()
		MOVL(Mem{Base: d.at, Disp: 4 * r}, row[r].As32())
		IMULQ(d.stride, row[r])
		ADDQ(d.rows, row[r])
		acc[r] = vec()
		zero(acc[r])
	}
	k := GP64()
	XORQ(k, k)
	Label("bytes")
	body(k, row, acc)
	ADDQ(Imm(uint64(d.step)), k)
	CMPQ(k, d.whole)
	JL(LabelRef("bytes"))
	VMOVDQU(finish(acc), Mem{Base: d.out})
	ADDQ(Imm(16), d.out)
	ADDQ(Imm(16), d.at)
	SUBQ(Imm(4), d.n)
	JG(LabelRef("block"))
}

// fold sums the lanes of each of four vectors.
func fold(acc [4]reg.VecVirtual) reg.Register {
	var y [4]reg.Register
	for r, v := range acc {
		y[r] = v.AsY()
	}
	a, b := YMM(), YMM()
	VPHADDD(y[1], y[0], a)
	VPHADDD(y[3], y[2], b)
	VPHADDD(b, a, a)
	hi := XMM()
	VEXTRACTI128(Imm(1), a, hi)
	VPADDD(hi, a.AsX(), hi)
	return hi
}

// dotsVNNI takes rows as unsigned bytes by adding 128 and subtracts 128 times
// the query's sum.
func dotsVNNI() {
	i := avx512
	dots("dotsI8VNNI", "64", 64, func(d *dotsBlock) {
		high := i.vec()
		VMOVUPS(bytes128(), high)
		excess, k := i.vec(), GP64()
		i.zero(excess)
		XORQ(k, k)
		Label("excess")
		q := i.vec()
		VMOVDQU32(Mem{Base: d.query, Index: k, Scale: 1}, q)
		VPDPBUSD(q, high, excess)
		ADDQ(Imm(64), k)
		CMPQ(k, d.whole)
		JL(LabelRef("excess"))
		d.blocks(i.vec, i.zero, func(k reg.Register, row [4]reg.GPVirtual, acc [4]reg.VecVirtual) {
			q := i.vec()
			VMOVDQU32(Mem{Base: d.query, Index: k, Scale: 1}, q)
			for r := range row {
				u := i.vec()
				VPXORD(Mem{Base: row[r], Index: k, Scale: 1}, high, u)
				VPDPBUSD(q, u, acc[r])
			}
		}, func(acc [4]reg.VecVirtual) reg.Register {
			for _, v := range acc {
				t := YMM()
				VPSUBD(excess, v, v)
				VEXTRACTI64X4(Imm(1), v.AsZ(), t)
				VPADDD(t, v.AsY(), v.AsY())
			}
			return fold(acc)
		})
	})
}

// bytes128 is a vector of bytes 128, the sign bit.
func bytes128() Mem {
	m := GLOBL("bytes128", RODATA|NOPTR)
	for j := range 8 {
		DATA(8*j, U64(0x8080808080808080))
	}
	return m
}

// dotsAVX2 widens bytes to 16 bits.
func dotsAVX2() {
	i := avx2
	dots("dotsI8AVX2", "16", 16, func(d *dotsBlock) {
		d.blocks(i.vec, i.zero, func(k reg.Register, row [4]reg.GPVirtual, acc [4]reg.VecVirtual) {
			q := i.vec()
			VPMOVSXBW(Mem{Base: d.query, Index: k, Scale: 1}, q)
			for r := range row {
				w := i.vec()
				VPMOVSXBW(Mem{Base: row[r], Index: k, Scale: 1}, w)
				VPMADDWD(q, w, w)
				VPADDD(w, acc[r], acc[r])
			}
		}, fold)
	})
}
