package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// form is how a tile reads its operands.
type form struct {
	name       string
	vecs       int  // width of the tile in vectors
	transposed bool // A is given as [k, rows]
}

const (
	gemmF32Params = "tiles int, k int, a *float32, lda int, b *float32, ldb int, next int, step int, c *float32, ldc int, from *float32, ldfrom int"
	gemmF32Args   = "tiles, k, a, lda, b, ldb, next, step, c, ldc, from, ldfrom"
)

// gemmF32 writes tiles of C = from + A B of a fixed height, one below the
// other. Every element is one chain of fused multiply-adds over k in ascending
// order, so its value does not depend on the height of the tile it fell into.
func gemmF32(i isa, f form, rows int) {
	name := fmt.Sprintf("gemmF32%s%sx%d", f.name, i.name, rows)
	TEXT(name, NOSPLIT, "func("+gemmF32Params+")")
	Doc(fmt.Sprintf("%s computes %d x %d tiles; strides are in bytes, tiles and k > 0.", name, rows, f.vecs*i.lanes))
	Pragma("noescape")
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	ldb := Load(Param("ldb"), GP64())
	var ahead prefetch
	if !f.transposed {
		ahead = newPrefetch(Load(Param("b"), GP64()))
	}

	Label("tile")
	acc := make([][]reg.VecVirtual, rows)
	from, ldfrom := Load(Param("from"), GP64()), Load(Param("ldfrom"), GP64())
	for r := range acc {
		acc[r] = make([]reg.VecVirtual, f.vecs)
		for j := range acc[r] {
			acc[r][j] = i.vec()
			VMOVUPS(Mem{Base: from, Disp: j * i.bytes()}, acc[r][j])
		}
		ADDQ(ldfrom, from)
	}
	Store(from, Param("from"))
	if f.transposed {
		i.columnChain(a, lda, ldb, acc)
	} else {
		i.rowChain(a, lda, ldb, ahead, acc)
	}
	c, ldc := Load(Param("c"), GP64()), Load(Param("ldc"), GP64())
	for r := range acc {
		for j := range acc[r] {
			VMOVUPS(acc[r][j], Mem{Base: c, Disp: j * i.bytes()})
		}
		ADDQ(ldc, c)
	}
	Store(c, Param("c"))
	if f.transposed {
		ADDQ(Imm(uint64(4*rows)), a)
	} else {
		down := GP64()
		IMUL3Q(Imm(uint64(rows)), lda, down)
		ADDQ(down, a)
	}
	SUBQ(Imm(1), address("tiles"))
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// prefetch walks over the panel that is wanted next while tiles of this one are
// computed: step bytes for each 128 that a tile reads, so that all tiles of the
// panel together fetch it once, at an even pace. Tiles of few rows use up
// weights faster than the processor fetches them from afar by itself. (On small
// pages this costs a few percent, on huge ones it gains 12.)
type prefetch struct{ at, step reg.Register }

// newPrefetch begins next bytes from b.
func newPrefetch(b reg.Register) prefetch {
	p := prefetch{GP64(), Load(Param("step"), GP64())}
	MOVQ(b, p.at)
	ADDQ(address("next"), p.at)
	return p
}

func (p prefetch) fetch() {
	PREFETCHT1(Mem{Base: p.at})
	PREFETCHT1(Mem{Base: p.at, Disp: 64})
	ADDQ(p.step, p.at)
}

// address is where a parameter lies.
func address(param string) Mem {
	p, err := Param(param).Resolve()
	if err != nil {
		panic(err)
	}
	return p.Addr
}

// rowChain adds A B to acc with A in rows lda bytes apart.
func (i isa) rowChain(a, lda, ldb reg.Register, ahead prefetch, acc [][]reg.VecVirtual) {
	k := Load(Param("k"), GP64())
	b := Load(Param("b"), GP64())
	t := newTileRows(a, lda, len(acc))
	step := func(disp int) {
		ahead.fetch()
		i.outer(b, func(r int) Mem { return t.elem(r, disp) }, acc)
		ADDQ(ldb, b)
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
}

// columnChain adds A B to acc with the tile's values of one k side by side.
func (i isa) columnChain(a, lda, ldb reg.Register, acc [][]reg.VecVirtual) {
	k := Load(Param("k"), GP64())
	b := Load(Param("b"), GP64())
	p := GP64()
	MOVQ(a, p)
	Label("loop")
	i.outer(b, func(r int) Mem { return Mem{Base: p, Disp: 4 * r} }, acc)
	ADDQ(ldb, b)
	ADDQ(lda, p)
	SUBQ(Imm(1), k)
	JNZ(LabelRef("loop"))
}

// outer adds the outer product of a column of A and a row of B to acc.
func (i isa) outer(b reg.Register, a func(r int) Mem, acc [][]reg.VecVirtual) {
	row := make([]reg.VecVirtual, len(acc[0]))
	for j := range row {
		row[j] = i.vec()
		VMOVUPS(Mem{Base: b, Disp: j * i.bytes()}, row[j])
	}
	for r := range acc {
		x := i.vec()
		VBROADCASTSS(a(r), x)
		for j := range row {
			VFMADD231PS(row[j], x, acc[r][j])
		}
	}
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
