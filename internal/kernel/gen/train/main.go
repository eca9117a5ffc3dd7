// Command train writes the assembly of package kernel that only training needs.
// Run it through go generate in internal/kernel.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a vector width with the names it goes by.
type isa struct {
	name  string
	lanes int // float32 values in a register
}

func main() {
	ConstraintExpr("amd64")
	for _, i := range []isa{{"AVX2", 8}, {"AVX512", 16}} {
		mul(i)
		geluBoth(i)
		dropout(i)
		softmaxGrad(i)
		layerNormGrad(i)
		adamW(i)
	}
	Generate()
}

// vec allocates a vector register.
func (i isa) vec() reg.VecVirtual {
	if i.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// bytes is the size of a vector register.
func (i isa) bytes() int { return 4 * i.lanes }

// zeros is a vector register full of zeros.
func (i isa) zeros() reg.VecVirtual {
	v := i.vec()
	if i.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
	return v
}

func (i isa) and(a Op, b, to reg.VecVirtual) {
	if i.lanes == 16 {
		VPANDD(a, b, to)
	} else {
		VANDPS(a, b, to)
	}
}

func (i isa) xor(a Op, b, to reg.VecVirtual) {
	if i.lanes == 16 {
		VPXORD(a, b, to)
	} else {
		VXORPS(a, b, to)
	}
}

// function begins a function whose parameters are the given pointers, the
// number of values n, and more.
func (i isa) function(name, doc, params string) {
	TEXT(name+i.name, NOSPLIT, "func("+params+")")
	Pragma("noescape")
	Doc(name + i.name + " " + doc)
}

// pointer loads a parameter.
func pointer(name string) reg.Register { return Load(Param(name), GP64()) }

// spread fills a vector with a float32 parameter.
func (i isa) spread(param string) reg.VecVirtual {
	v := i.vec()
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	VBROADCASTSS(p.Addr, v)
	return v
}

// constants are read-only vectors that hold one 32-bit value in every lane.
var constants = map[uint32]Mem{}

func constant(v float32) Mem { return bits32(math.Float32bits(v)) }

func bits32(v uint32) Mem {
	m, ok := constants[v]
	if !ok {
		m = GLOBL(fmt.Sprintf("train32_%08x", v), RODATA|NOPTR)
		for j := range 16 {
			DATA(4*j, U32(v))
		}
		constants[v] = m
	}
	return m
}

// splat fills a vector with a constant.
func (i isa) splat(v float32) reg.VecVirtual {
	x := i.vec()
	VMOVUPS(constant(v), x)
	return x
}

// loop emits body for every vector of the n values (a multiple of the lanes,
// at least one vector) that ptrs walk over.
func (i isa) loop(label string, n reg.Register, body func(), ptrs ...reg.Register) {
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

// total sums a vector's lanes, halves first, and spreads the sum.
func (i isa) total(v reg.VecVirtual) {
	y := v.AsY()
	if i.lanes == 16 {
		t := YMM()
		VEXTRACTF64X4(Imm(1), v.AsZ(), t)
		VADDPS(t, y, y)
	}
	x, t := v.AsX(), XMM()
	VEXTRACTF128(Imm(1), y, t)
	VADDPS(t, x, x)
	VPERMILPS(Imm(0b1110), x, t)
	VADDPS(t, x, x)
	VPERMILPS(Imm(0b01), x, t)
	VADDPS(t, x, x)
	VBROADCASTSS(x, v)
}

// start copies pointers, to walk over the same values again.
func start(ptrs ...reg.Register) []reg.Register {
	at := make([]reg.Register, len(ptrs))
	for i, p := range ptrs {
		r := GP64()
		MOVQ(p, r)
		at[i] = r
	}
	return at
}

func end() {
	VZEROUPPER()
	RET()
}
