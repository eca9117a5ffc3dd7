package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The constants of SplitMix64 (Steele, Lea and Flood 2014).
const (
	golden = 0x9e3779b97f4a7c15
	first  = 0xbf58476d1ce4e5b9
	second = 0x94d049bb133111eb
)

// dropout writes a mask: every number of SplitMix64 decides on four values by
// its 16-bit parts, the lowest first.
func dropout(i isa) {
	i.function("dropout", "multiplies n values, a multiple of 16, by scale, or by 0 where a 16-bit part of the numbers after state is below drop.",
		"x *float32, n int, state uint64, drop uint32, scale float32")
	x, n, scale := pointer("x"), pointer("n"), i.spread("scale")
	limit := i.vec()
	d, err := Param("drop").Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(d.Addr, limit)
	s, err := Param("state").Resolve()
	if err != nil {
		panic(err)
	}
	state, step, g := YMM(), YMM(), uint64(golden)
	VPBROADCASTQ(s.Addr, state)
	VPADDQ(quads("steps", g, 2*g, 3*g, 4*g), state, state)
	VMOVDQU(quads("stride", 4*g, 4*g, 4*g, 4*g), step)
	m1, m2 := newFactor(i, "first", first), newFactor(i, "second", second)
	count := GP64()
	MOVQ(n, count)
	Label("loop")
	z, t := YMM(), YMM()
	fold := func(shift uint64, from reg.VecVirtual) {
		VPSRLQ(Imm(shift), from, t)
		VPXOR(from, t, z)
	}
	fold(30, state)
	m1.times(z)
	fold(27, z)
	m2.times(z)
	fold(31, z)
	VPADDQ(step, state, state)
	for part := range 16 / i.lanes {
		u, v := i.vec(), i.vec()
		switch {
		case i.lanes == 16:
			VPMOVZXWD(z, u)
		case part == 0:
			VPMOVZXWD(z.AsX(), u)
		default:
			VEXTRACTI128(Imm(1), z, t.AsX())
			VPMOVZXWD(t.AsX(), u)
		}
		at := Mem{Base: x, Disp: part * i.bytes()}
		VPSUBD(limit, u, u)
		VPSRAD(Imm(31), u, u) // all ones where dropped
		VMULPS(at, scale, v)
		if i.lanes == 16 {
			VPANDND(v, u, v)
		} else {
			VANDNPS(v, u, v)
		}
		VMOVUPS(v, at)
	}
	ADDQ(Imm(64), x)
	SUBQ(Imm(16), count)
	JG(LabelRef("loop"))
	end()
}

// tables are the read-only vectors that have been written.
var tables = map[string]Mem{}

// quads is a read-only vector of 64-bit values.
func quads(name string, v ...uint64) Mem {
	m, ok := tables[name]
	if !ok {
		m = GLOBL("train64_"+name, RODATA|NOPTR)
		for j, x := range v {
			DATA(8*j, U64(x))
		}
		tables[name] = m
	}
	return m
}

// factor multiplies 64-bit lanes by a constant.
type factor struct {
	wide      bool // the instructions have such a product
	all, high reg.VecVirtual
}

func newFactor(i isa, name string, v uint64) factor {
	f := factor{wide: i.lanes == 16, all: YMM()}
	VMOVDQU(quads(name, v, v, v, v), f.all)
	if !f.wide {
		f.high = YMM()
		VPSRLQ(Imm(32), f.all, f.high)
	}
	return f
}

// times multiplies z. Without 64-bit products it takes three of 32 bits.
func (f factor) times(z reg.VecVirtual) {
	if f.wide {
		VPMULLQ(f.all, z, z)
		return
	}
	cross, t := YMM(), YMM()
	VPSRLQ(Imm(32), z, cross)
	VPMULUDQ(f.all, cross, cross)
	VPMULUDQ(f.high, z, t)
	VPADDQ(t, cross, cross)
	VPSLLQ(Imm(32), cross, cross)
	VPMULUDQ(f.all, z, z)
	VPADDQ(cross, z, z)
}
