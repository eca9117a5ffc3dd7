package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// constants are read-only vectors that hold one float32 value in every lane,
// so that an instruction of either width takes them as its memory operand.
var constants = map[uint32]Mem{}

// constant returns a memory operand full of v.
func constant(v float32) Mem {
	bits := math.Float32bits(v)
	m, ok := constants[bits]
	if !ok {
		m = GLOBL("f32_"+hex(bits), RODATA|NOPTR)
		for j := range avx512.lanes {
			DATA(4*j, U32(bits))
		}
		constants[bits] = m
	}
	return m
}

func hex(v uint32) string {
	const digits = "0123456789abcdef"
	b := make([]byte, 8)
	for i := range b {
		b[i] = digits[v>>(28-4*i)&15]
	}
	return string(b)
}

// splat fills a vector with a constant.
func (i isa) splat(v float32) reg.VecVirtual {
	x := i.vec()
	VMOVUPS(constant(v), x)
	return x
}

// loop emits body for every vector of the n values (a multiple of the lanes,
// at least one vector) that ptrs walk over.
func (i isa) loop(label string, n reg.Register, ptrs []reg.Register, body func()) {
	count := GP64()
	MOVQ(n, count)
	Label(label)
	body()
	for _, p := range ptrs {
		ADDQ(Imm(uint64(i.bytes())), p)
	}
	SUBQ(Imm(uint64(i.lanes)), count)
	JG(LabelRef(label))
}

// pairs is loop with two vectors at a time, so that body can keep two chains of
// operations in flight; an odd last vector counts as the first of a pair.
func (i isa) pairs(label string, n reg.Register, ptrs []reg.Register, body func(j, disp int)) {
	count := GP64()
	MOVQ(n, count)
	SUBQ(Imm(uint64(2*i.lanes)), count)
	JL(LabelRef(label + "odd"))
	Label(label)
	body(0, 0)
	body(1, i.bytes())
	for _, p := range ptrs {
		ADDQ(U32(uint32(2*i.bytes())), p)
	}
	SUBQ(Imm(uint64(2*i.lanes)), count)
	JGE(LabelRef(label))
	Label(label + "odd")
	ADDQ(Imm(uint64(2*i.lanes)), count)
	JZ(LabelRef(label + "end"))
	body(0, 0)
	Label(label + "end")
}

// reduce folds a vector's lanes into its lowest by op, halves first.
func (i isa) reduce(v reg.VecVirtual, op func(...Op)) reg.Register {
	y := v.AsY()
	if i.lanes == 16 {
		t := YMM()
		VEXTRACTF64X4(Imm(1), v.AsZ(), t)
		op(t, y, y)
	}
	x, t := v.AsX(), XMM()
	if i.lanes == 16 {
		VEXTRACTF32X4(Imm(1), y, t) // reaches all 32 registers
	} else {
		VEXTRACTF128(Imm(1), y, t)
	}
	op(t, x, x)
	VPERMILPS(Imm(0b1110), x, t)
	op(t, x, x)
	VPERMILPS(Imm(0b01), x, t)
	op(t, x, x)
	return x
}

// exp2Poly are the minimax coefficients for the relative error of 2^r over
// |r| <= 1/2, highest power first; the error is 3e-9.
var exp2Poly = []float32{1.55946720957e-4, 1.34066435875e-3, 9.61769299263e-3, 5.550310552e-2, 2.40226527827e-1, 6.93147214967e-1, 1}

// exp2 computes powers of two. With AVX-512 its constants stay in registers,
// with AVX2 they come from memory.
type exp2 struct {
	isa
	poly []Op
	low  reg.VecVirtual
}

func newExp2(i isa) exp2 { return newExp2With(i, exp2Poly) }

// newExp2With takes other coefficients.
func newExp2With(i isa, poly []float32) exp2 {
	hold := func(v float32) Op {
		if i.lanes == 16 {
			return i.splat(v)
		}
		return constant(v)
	}
	e := exp2{isa: i, low: i.splat(-126)}
	for _, c := range poly {
		e.poly = append(e.poly, hold(c))
	}
	return e
}

// apply replaces x <= 0 (or a little above) by 2^x, never less than the
// smallest normal number. The relative error is that of rounding x.
func (e exp2) apply(x reg.VecVirtual) {
	i := e.isa
	n, p := i.vec(), i.vec()
	VMAXPS(x, e.low, x) // in this order NaN stays NaN
	if i.lanes == 16 {
		VRNDSCALEPS(Imm(0), x, n)
	} else {
		VROUNDPS(Imm(0), x, n)
	}
	VSUBPS(n, x, x) // r = x - n
	VMOVAPS(e.poly[0], p)
	for _, c := range e.poly[1:] {
		VFMADD213PS(c, x, p)
	}
	if i.lanes == 16 {
		VSCALEFPS(n, p, x)
		return
	}
	// times 2^n, through the exponent's bits
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(23), n, n)
	VPADDD(n, p, x)
}

// softmax writes 2^(scale*x - max) over the sum of all in place.
func softmax(i isa) {
	TEXT("softmax"+i.name, NOSPLIT, "func(x *float32, n int, scale float32)")
	Pragma("noescape")
	Doc("softmax" + i.name + " replaces n values (a multiple of the vector) by 2^(scale*x) over its sum.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	scale := i.vec()
	s, _ := Param("scale").Resolve()
	VBROADCASTSS(s.Addr, scale)
	exp := newExp2(i)

	top := i.splat(float32(math.Inf(-1)))
	p := GP64()
	MOVQ(x, p)
	i.loop("max", n, []reg.Register{p}, func() {
		v := i.vec()
		VMULPS(Mem{Base: p}, scale, v)
		VMAXPS(v, top, top)
	})
	i.spread(i.reduce(top, func(o ...Op) { VMAXPS(o[0], o[1], o[2]) }), top)

	sum := i.vec()
	i.zero(sum)
	MOVQ(x, p)
	i.loop("exp", n, []reg.Register{p}, func() {
		v := i.vec()
		VMULPS(Mem{Base: p}, scale, v)
		VSUBPS(top, v, v)
		exp.apply(v)
		VMOVUPS(v, Mem{Base: p})
		VADDPS(v, sum, sum)
	})
	i.spread(i.reduce(sum, func(o ...Op) { VADDPS(o[0], o[1], o[2]) }), sum)
	inv := i.splat(1)
	VDIVPS(sum, inv, inv)
	i.loop("scale", n, []reg.Register{x}, func() {
		v := i.vec()
		VMULPS(Mem{Base: x}, inv, v)
		VMOVUPS(v, Mem{Base: x})
	})
	VZEROUPPER()
	RET()
}

// spread copies the lowest lane of x into every lane of v.
func (i isa) spread(x reg.Register, v reg.VecVirtual) { VBROADCASTSS(x, v) }

// abs writes |v| to z.
func (i isa) abs(v, z reg.VecVirtual) {
	if i.lanes == 16 {
		VPANDD(constant(math.Float32frombits(1<<31-1)), v, z)
	} else {
		VANDPS(constant(math.Float32frombits(1<<31-1)), v, z)
	}
}

// layerNorm normalises a row in place: (x - mean)/sqrt(var + eps) * w + b
// (Ba et al. 2016, section 3), after adding a vector to it.
func layerNorm(i isa) {
	TEXT("layerNorm"+i.name, NOSPLIT, "func(x *float32, add *float32, w *float32, b *float32, n int, eps float32, inv float32)")
	Pragma("noescape")
	Doc("layerNorm" + i.name + " adds a vector to n values (a multiple of the vector) and normalises them; inv is 1/n.")
	x := Load(Param("x"), GP64())
	add := Load(Param("add"), GP64())
	n := Load(Param("n"), GP64())
	inv := i.vec()
	invAddr, _ := Param("inv").Resolve()
	VBROADCASTSS(invAddr.Addr, inv)
	plus := func(o ...Op) { VADDPS(o[0], o[1], o[2]) }

	acc, p := [2]reg.VecVirtual{i.vec(), i.vec()}, GP64()
	i.zero(acc[0])
	i.zero(acc[1])
	MOVQ(x, p)
	i.pairs("sum", n, []reg.Register{p, add}, func(j, d int) {
		v := i.vec()
		VMOVUPS(Mem{Base: p, Disp: d}, v)
		VADDPS(Mem{Base: add, Disp: d}, v, v)
		VMOVUPS(v, Mem{Base: p, Disp: d})
		VADDPS(v, acc[j], acc[j])
	})
	mean := i.vec()
	VADDPS(acc[1], acc[0], mean)
	i.spread(i.reduce(mean, plus), mean)
	VMULPS(inv, mean, mean)

	i.zero(acc[0])
	i.zero(acc[1])
	MOVQ(x, p)
	i.pairs("var", n, []reg.Register{p}, func(j, d int) {
		v := i.vec()
		VMOVUPS(Mem{Base: p, Disp: d}, v)
		VSUBPS(mean, v, v)
		VFMADD231PS(v, v, acc[j])
	})
	sq := i.vec()
	VADDPS(acc[1], acc[0], sq)
	i.spread(i.reduce(sq, plus), sq)
	VMULPS(inv, sq, sq)
	eps := i.vec()
	epsAddr, _ := Param("eps").Resolve()
	VBROADCASTSS(epsAddr.Addr, eps)
	VADDPS(eps, sq, sq)
	VSQRTPS(sq, sq)
	r := i.splat(1)
	VDIVPS(sq, r, r)

	w := Load(Param("w"), GP64())
	b := Load(Param("b"), GP64())
	i.loop("scale", n, []reg.Register{x, w, b}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: x}, v)
		VSUBPS(mean, v, v)
		VMULPS(r, v, v)
		t := i.vec()
		VMOVUPS(Mem{Base: b}, t)
		VFMADD231PS(Mem{Base: w}, v, t)
		VMOVUPS(t, Mem{Base: x})
	})
	VZEROUPPER()
	RET()
}

// dot writes the inner product with four accumulators.
func dot(i isa) {
	TEXT("dot"+i.name, NOSPLIT, "func(a *float32, b *float32, n int) float32")
	Pragma("noescape")
	Doc("dot" + i.name + " is the inner product of n values, a multiple of four vectors.")
	a := Load(Param("a"), GP64())
	b := Load(Param("b"), GP64())
	n := Load(Param("n"), GP64())
	acc := [4]reg.VecVirtual{}
	for j := range acc {
		acc[j] = i.vec()
		i.zero(acc[j])
	}
	Label("loop")
	for j := range acc {
		v := i.vec()
		VMOVUPS(Mem{Base: a, Disp: j * i.bytes()}, v)
		VFMADD231PS(Mem{Base: b, Disp: j * i.bytes()}, v, acc[j])
	}
	ADDQ(U32(4*i.bytes()), a)
	ADDQ(U32(4*i.bytes()), b)
	SUBQ(Imm(uint64(4*i.lanes)), n)
	JG(LabelRef("loop"))
	VADDPS(acc[1], acc[0], acc[0])
	VADDPS(acc[3], acc[2], acc[2])
	VADDPS(acc[2], acc[0], acc[0])
	sum := i.reduce(acc[0], func(o ...Op) { VADDPS(o[0], o[1], o[2]) })
	Store(sum, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

// axpy writes y += s x.
func axpy(i isa) {
	TEXT("axpy"+i.name, NOSPLIT, "func(y *float32, x *float32, n int, s float32)")
	Pragma("noescape")
	Doc("axpy" + i.name + " adds s times x to y, n values, a multiple of the vector.")
	y := Load(Param("y"), GP64())
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	s := i.vec()
	addr, _ := Param("s").Resolve()
	VBROADCASTSS(addr.Addr, s)
	i.loop("loop", n, []reg.Register{y, x}, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: y}, v)
		VFMADD231PS(Mem{Base: x}, s, v)
		VMOVUPS(v, Mem{Base: y})
	})
	VZEROUPPER()
	RET()
}

// scale writes x *= s.
func scale(i isa) {
	TEXT("scale"+i.name, NOSPLIT, "func(x *float32, n int, s float32)")
	Pragma("noescape")
	Doc("scale" + i.name + " multiplies n values, a multiple of the vector, by s.")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	s := i.vec()
	addr, _ := Param("s").Resolve()
	VBROADCASTSS(addr.Addr, s)
	i.loop("loop", n, []reg.Register{x}, func() {
		v := i.vec()
		VMULPS(Mem{Base: x}, s, v)
		VMOVUPS(v, Mem{Base: x})
	})
	VZEROUPPER()
	RET()
}

// widenF16 writes the conversion of binary16 to float32.
func widenF16(i isa) {
	TEXT("widenF16"+i.name, NOSPLIT, "func(dst *float32, src *byte, n int)")
	Pragma("noescape")
	Doc("widenF16" + i.name + " converts n values, a multiple of the vector.")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	n := Load(Param("n"), GP64())
	i.loop("loop", n, []reg.Register{dst}, func() {
		v := i.vec()
		VCVTPH2PS(Mem{Base: src}, v)
		VMOVUPS(v, Mem{Base: dst})
		ADDQ(Imm(uint64(2*i.lanes)), src)
	})
	VZEROUPPER()
	RET()
}
