// Command gen writes the assembly of package kernel. Run it through
// go generate in internal/kernel.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// isa is a vector width with the names it goes by.
type isa struct {
	name  string
	lanes int // float32 values in a register
	rows  int // tallest GEMM tile: rows*2 accumulators and room for operands
}

var (
	avx2   = isa{"AVX2", 8, 6}
	avx512 = isa{"AVX512", 16, 12}
)

// vec allocates a vector register.
func (i isa) vec() reg.VecVirtual {
	if i.lanes == 16 {
		return ZMM()
	}
	return YMM()
}

// bytes is the size of a vector register.
func (i isa) bytes() int { return 4 * i.lanes }

// zero clears a vector register.
func (i isa) zero(v reg.VecVirtual) {
	if i.lanes == 16 {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

func main() {
	ConstraintExpr("amd64")
	for _, i := range []isa{avx2, avx512} {
		for rows := 1; rows <= i.rows; rows++ {
			gemmF32(i, rows)
		}
		softmax(i)
		gelu(i)
		layerNorm(i)
		dot(i)
		axpy(i)
	}
	for rows := 1; rows <= avx512.rows; rows++ {
		gemmI8(rows)
	}
	quantize()
	pause()
	Generate()
}

// pause writes a short wait for loops that poll.
func pause() {
	TEXT("Pause", NOSPLIT, "func()")
	Doc("Pause gives way to the processor's other thread for about 0.2 µs, in a loop that polls.")
	for range 10 {
		PAUSE()
	}
	RET()
}

// gemmF32 writes a tile of C = init + A B with a fixed height, two vectors
// wide. Every element is one chain of fused multiply-adds over k in ascending
// order, so its value does not depend on the height of the tile it fell into.
func gemmF32(i isa, rows int) {
	TEXT(fmt.Sprintf("gemmF32%sx%d", i.name, rows), NOSPLIT,
		"func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, from *float32, ldfrom int)")
	Doc(fmt.Sprintf("gemmF32%sx%d computes a %d x %d tile; strides are in bytes, k > 0.", i.name, rows, rows, 2*i.lanes))
	Pragma("noescape")
	k := Load(Param("k"), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b"), GP64())
	ldb := Load(Param("ldb"), GP64())

	acc := make([][2]reg.VecVirtual, rows)
	from := Load(Param("from"), GP64())
	ldfrom := Load(Param("ldfrom"), GP64())
	for r := range acc {
		for j := range acc[r] {
			acc[r][j] = i.vec()
			VMOVUPS(Mem{Base: from, Disp: j * i.bytes()}, acc[r][j])
		}
		if r < rows-1 {
			ADDQ(ldfrom, from)
		}
	}

	t := newTileRows(Load(Param("a"), GP64()), lda, rows)
	step := func(disp int) {
		b0, b1 := i.vec(), i.vec()
		VMOVUPS(Mem{Base: b}, b0)
		VMOVUPS(Mem{Base: b, Disp: i.bytes()}, b1)
		ADDQ(ldb, b)
		for r := range acc {
			x := i.vec()
			VBROADCASTSS(t.elem(r, disp), x)
			VFMADD231PS(b0, x, acc[r][0])
			VFMADD231PS(b1, x, acc[r][1])
		}
	}
	const unroll = 4
	SUBQ(Imm(unroll), k)
	JL(LabelRef("tail"))
	Label("loop")
	for u := range unroll {
		step(4 * u)
	}
	t.advance(4 * unroll)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef("loop"))
	Label("tail")
	ADDQ(Imm(unroll), k)
	JZ(LabelRef("store"))
	Label("one")
	step(0)
	t.advance(4)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("one"))

	Label("store")
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	for r := range acc {
		for j := range acc[r] {
			VMOVUPS(acc[r][j], Mem{Base: c, Disp: j * i.bytes()})
		}
		if r < rows-1 {
			ADDQ(ldc, c)
		}
	}
	VZEROUPPER()
	RET()
}

// tileRows addresses the rows of a tile of A. One base register serves three
// rows: base, base+lda, base+2*lda.
type tileRows struct {
	bases []reg.GPVirtual
	lda   reg.Register
}

func newTileRows(a, lda reg.Register, rows int) tileRows {
	t := tileRows{lda: lda}
	for r := 0; r < rows; r += 3 {
		base := GP64()
		if r == 0 {
			MOVQ(a, base)
		} else {
			LEAQ(Mem{Base: t.bases[len(t.bases)-1], Index: lda, Scale: 2}, base)
			ADDQ(lda, base)
		}
		t.bases = append(t.bases, base)
	}
	return t
}

// elem is the operand disp bytes into row r.
func (t tileRows) elem(r, disp int) Mem {
	m := Mem{Base: t.bases[r/3], Disp: disp}
	if r%3 > 0 {
		m.Index, m.Scale = t.lda, uint8(r%3)
	}
	return m
}

// advance moves every row by some bytes.
func (t tileRows) advance(bytes int) {
	for _, base := range t.bases {
		ADDQ(Imm(uint64(bytes)), base)
	}
}
