package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panelBytes is the distance of rows in packed operands: 32 values.
const panelBytes = 128

// transpose writes as many rows as a vector has lanes, of k values each, as
// columns of a packed panel. Rows beyond the last repeat it.
func transpose(i isa) {
	TEXT("transpose"+i.name, NOSPLIT, "func(src *float32, ld int, rows int, dst *float32, k int)")
	Pragma("noescape")
	Doc(fmt.Sprintf("transpose%s writes 1 to %d rows of k values, ld bytes apart, as columns of a panel; k is a multiple of %d.", i.name, i.lanes, i.lanes))
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	rows := Load(Param("rows"), GP64())
	dst := Load(Param("dst"), GP64())
	k := Load(Param("k"), GP64())
	stay := GP64()
	XORQ(stay, stay)
	Label("block")
	p := GP64()
	MOVQ(src, p)
	v := make([]reg.VecVirtual, i.lanes)
	for r := range v {
		v[r] = i.vec()
		VMOVUPS(Mem{Base: p}, v[r])
		if r < i.lanes-1 {
			step := GP64()
			MOVQ(stay, step)
			CMPQ(rows, Imm(uint64(r+1)))
			CMOVQGT(ld, step)
			ADDQ(step, p)
		}
	}
	if i.lanes == 16 {
		v = transpose16(v)
	} else {
		v = transpose8(v)
	}
	for c := range v {
		VMOVUPS(v[c], Mem{Base: dst, Disp: c * panelBytes})
	}
	ADDQ(Imm(uint64(i.bytes())), src)
	ADDQ(U32(uint32(i.lanes*panelBytes)), dst)
	SUBQ(Imm(uint64(i.lanes)), k)
	JG(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// interleave transposes 4 x 4 blocks within the 128-bit lanes of each four
// registers: register 4g+c then holds column c of its lanes for rows 4g to 4g+3.
func interleave(v []reg.VecVirtual, vec func() reg.VecVirtual) {
	for g := 0; g < len(v); g += 4 {
		a, b, c, d := v[g], v[g+1], v[g+2], v[g+3]
		t0, t1, t2, t3 := vec(), vec(), vec(), vec()
		VUNPCKLPS(b, a, t0)
		VUNPCKHPS(b, a, t1)
		VUNPCKLPS(d, c, t2)
		VUNPCKHPS(d, c, t3)
		VUNPCKLPD(t2, t0, a)
		VUNPCKHPD(t2, t0, b)
		VUNPCKLPD(t3, t1, c)
		VUNPCKHPD(t3, t1, d)
	}
}

// transpose8 transposes 8 x 8 values.
func transpose8(v []reg.VecVirtual) []reg.VecVirtual {
	interleave(v, func() reg.VecVirtual { return YMM() })
	for c := range 4 {
		hi := YMM()
		VPERM2F128(Imm(0x31), v[4+c], v[c], hi)
		VINSERTF128(Imm(1), v[4+c].AsX(), v[c], v[c])
		VMOVAPS(hi, v[4+c])
	}
	return v
}

// transpose16 transposes 16 x 16 values: within lanes, then the lanes.
func transpose16(v []reg.VecVirtual) []reg.VecVirtual {
	interleave(v, func() reg.VecVirtual { return ZMM() })
	out := make([]reg.VecVirtual, 16)
	for c := range 4 {
		// Lane l of v[4g+c] is column 4l+c of rows 4g to 4g+3.
		a, b, d, e := v[c], v[4+c], v[8+c], v[12+c]
		t0, t1, t2, t3 := ZMM(), ZMM(), ZMM(), ZMM()
		VSHUFF32X4(Imm(0x88), b, a, t0) // a0 a2 b0 b2
		VSHUFF32X4(Imm(0xdd), b, a, t1) // a1 a3 b1 b3
		VSHUFF32X4(Imm(0x88), e, d, t2)
		VSHUFF32X4(Imm(0xdd), e, d, t3)
		VSHUFF32X4(Imm(0x88), t2, t0, a) // a0 b0 d0 e0
		VSHUFF32X4(Imm(0x88), t3, t1, b) // a1 b1 d1 e1
		VSHUFF32X4(Imm(0xdd), t2, t0, d) // a2 b2 d2 e2
		VSHUFF32X4(Imm(0xdd), t3, t1, e)
		out[c], out[4+c], out[8+c], out[12+c] = a, b, d, e
	}
	return out
}

// softmaxColumns writes the softmax of columns in place. Columns lie in lanes,
// so that maximum and sum need no shuffles and each column's sum runs in the
// order of its rows.
func softmaxColumns(i isa, vecs int) {
	name := fmt.Sprintf("softmaxColumns%sx%d", i.name, vecs)
	TEXT(name, NOSPLIT, "func(x *float32, n int, scale float32)")
	Pragma("noescape")
	Doc(fmt.Sprintf("%s replaces %d columns of n values, %d bytes from row to row, by 2^(scale*x) over its sum; n and scale > 0.", name, vecs*i.lanes, panelBytes))
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	scale := i.vec()
	s, _ := Param("scale").Resolve()
	VBROADCASTSS(s.Addr, scale)
	exp := newExp2(i)

	p := GP64()
	rows := func(label string, body func(j int, at Mem)) {
		count := GP64()
		MOVQ(x, p)
		MOVQ(n, count)
		Label(label)
		for j := range vecs {
			body(j, Mem{Base: p, Disp: j * i.bytes()})
		}
		ADDQ(U32(panelBytes), p)
		SUBQ(Imm(1), count)
		JNZ(LabelRef(label))
	}
	top, sum := make([]reg.VecVirtual, vecs), make([]reg.VecVirtual, vecs)
	for j := range vecs {
		top[j], sum[j] = i.splat(float32(math.Inf(-1))), i.vec()
		i.zero(sum[j])
	}
	rows("max", func(j int, at Mem) { VMAXPS(at, top[j], top[j]) })
	for j := range vecs {
		VMULPS(scale, top[j], top[j])
	}
	rows("exp", func(j int, at Mem) {
		v := i.vec()
		VMOVUPS(at, v)
		VFMSUB213PS(top[j], scale, v)
		exp.apply(v)
		VMOVUPS(v, at)
		VADDPS(v, sum[j], sum[j])
	})
	for j := range vecs {
		one := i.splat(1)
		VDIVPS(sum[j], one, sum[j])
	}
	rows("scale", func(j int, at Mem) {
		v := i.vec()
		VMULPS(at, sum[j], v)
		VMOVUPS(v, at)
	})
	VZEROUPPER()
	RET()
}
