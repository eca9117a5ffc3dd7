package kernel

import "math/bits"

// Product describes C = From + op(A) op(B) over row-major operands that are
// packed as the product runs, which costs little from some dozen rows on. Its
// forms are those of a linear layer y = x W^T with W [out, in] and its
// gradients: the layer itself (TransB), dx = dy W (neither) and dW = dy^T x
// (TransA). Every element is one chain over K in ascending order, however the
// product is cut.
//
// There are two ways to compute it in pieces. If B is small, Pack lays out all
// its panels, and Rows computes blocks of rows. If B is large, Panels computes
// groups of columns and packs for itself.
type Product struct {
	M, N, K int
	A       []float32 // [M, K], or [K, M] with TransA; rows LDA apart
	LDA     int
	TransA  bool
	B       []float32 // [K, N], or [N, K] with TransB; rows LDB apart
	LDB     int
	TransB  bool
	C       []float32 // [M, N], rows LDC apart
	LDC     int
	Bias    []float32 // [N], added to every row; nil: none
	Add     bool      // add to what C holds; Bias is ignored then
	Wide    bool      // rows of C have room for whole panels: what lies beyond N is overwritten
}

// WholePanels rounds a number of columns up to whole panels.
func WholePanels(n int) int { return padPanel(n) }

// Panels is the number of panels of 32 columns.
func (p *Product) Panels() int { return padPanel(p.N) / panel }

// Blocks is the number of blocks of rows.
func (p *Product) Blocks() int { return (p.M + blockRows - 1) / blockRows }

// Packing is the number of values of all packed panels.
func (p *Product) Packing() int { return padPanel(p.N) * p.K }

// Pack lays out panel i of B in packed, of Packing values.
func (p *Product) Pack(l Level, i int, packed []float32) {
	p.packPanel(l, i, 0, p.K, packed[i*panel*p.K:(i+1)*panel*p.K])
}

// packPanel lays out k values of panel i from some value on.
func (p *Product) packPanel(l Level, i, from, k int, dst []float32) {
	cols := min(panel, p.N-i*panel)
	if p.TransB {
		l.packColumns(dst, p.B[i*panel*p.LDB+from:], p.LDB, cols, k)
		return
	}
	packRows(dst, p.B[from*p.LDB+i*panel:], p.LDB, k, cols)
}

// RowsScratch is the number of values that Rows needs.
func (p *Product) RowsScratch() int {
	if !p.copies() {
		return 0
	}
	return blockRows * copyStride(min(p.K, blockDepth))
}

// Rows computes a block of rows with packed B. Distinct blocks may run
// concurrently, each with a scratch of its own.
func (p *Product) Rows(l Level, block int, packed, scratch []float32) {
	row := block * blockRows
	rows := min(blockRows, p.M-row)
	for from := 0; from < p.K; from += blockDepth {
		k := min(blockDepth, p.K-from)
		t := p.tile(l, row, rows, from, k, scratch)
		t.next = p.K * panel
		for i := range p.Panels() {
			t.b = packed[(i*p.K+from)*panel:]
			p.panel(l, t, row, rows, i, from)
		}
	}
}

// groupValues bounds the packed values of a group of panels: with a block of A
// they fit in the second cache level.
const groupValues = 1 << 17

// Group is the number of panels that Run best computes at once.
func (p *Product) Group() int {
	return max(1, groupValues/(panel*max(1, min(p.K, blockDepth))))
}

// Scratch is the number of values that Run needs for n panels.
func (p *Product) Scratch(n int) int {
	return n*panel*min(p.K, blockDepth) + p.RowsScratch()
}

// Run computes the panels [lo, hi) of C; Run(l, 0, Panels(), scratch) computes
// all. Distinct panels may run concurrently, each caller with a scratch of its
// own, of Scratch(hi - lo) values.
func (p *Product) Run(l Level, lo, hi int, scratch []float32) {
	for from := 0; from < p.K; from += blockDepth {
		k := min(blockDepth, p.K-from)
		packed, rest := scratch[:(hi-lo)*panel*k], scratch[(hi-lo)*panel*k:]
		for i := lo; i < hi && !p.direct(); i++ {
			p.packPanel(l, i, from, k, packed[(i-lo)*panel*k:(i-lo+1)*panel*k])
		}
		for row := 0; row < p.M; row += blockRows {
			rows := min(blockRows, p.M-row)
			t := p.tile(l, row, rows, from, k, rest)
			for i := lo; i < hi; i++ {
				if p.direct() {
					t.b, t.ldb = p.B[from*p.LDB+i*panel:], p.LDB
				} else {
					t.b, t.next = packed[(i-lo)*panel*k:], k*panel
				}
				p.panel(l, t, row, rows, i, from)
			}
		}
	}
}

// direct says that B is read where it lies, since few rows pass over it.
func (p *Product) direct() bool { return !p.TransB && p.N%panel == 0 && p.M <= 2*tileRows }

// tile is the tiles of a block of A, of which it makes a copy if that pays.
func (p *Product) tile(l Level, row, rows, from, k int, scratch []float32) tile {
	t := tile{k: k, lda: p.LDA, transposed: p.TransA, ldb: panel, ldc: p.LDC}
	switch {
	case p.TransA:
		t.a = p.A[from*p.LDA+row:]
	default:
		t.a = p.A[row*p.LDA+from:]
	}
	if !p.copies() {
		return t
	}
	n, m := rows, k
	t.lda = copyStride(k)
	if p.TransA {
		n, m, t.lda = k, rows, blockRows
	}
	for i := range n {
		copy(scratch[i*t.lda:i*t.lda+m], t.a[i*p.LDA:])
	}
	t.a = scratch
	return t
}

// copies says whether blocks of A are copied: those that are read down their
// columns, and those whose rows share so few sets of the first cache level that
// the rows of a tile push each other out.
func (p *Product) copies() bool {
	if p.Panels() < 3 {
		return false
	}
	const sets = 64
	lines := 4 * p.LDA / 64
	return p.TransA || 4*p.LDA%64 == 0 && p.M > 1 && bits.TrailingZeros(uint(lines|sets)) >= 5
}

// copyStride is the distance of rows of k values in a copy.
func copyStride(k int) int { return max(Stride(k), blockRows) }

// panel computes a block of rows of a panel of C with the tiles prepared.
func (p *Product) panel(l Level, t tile, row, rows, i, from int) {
	col := i * panel
	t.c = p.C[row*p.LDC+col:]
	if col+panel > p.N && !p.Wide {
		p.edge(l, t, rows, p.N-col, from)
		return
	}
	var zero [panel]float32
	switch {
	case p.Add || from > 0:
		t.from, t.ldfrom = t.c, p.LDC
	case p.Bias != nil:
		t.from, t.ldfrom = p.Bias[col:], 0
	default:
		t.from, t.ldfrom = zero[:], 0
	}
	t.rows(l, rows)
}

// edge computes the last panel where C has only n columns left, through tiles
// of its own so that nothing is written beside C.
func (p *Product) edge(l Level, t tile, rows, n, from int) {
	var c [2 * tileRows * panel]float32
	out, bias := t.c, p.Bias
	if bias != nil {
		bias = bias[p.N-n:]
	}
	for rows > 0 {
		here := min(rows, 2*tileRows)
		for r := range here {
			row := c[r*panel : r*panel+n]
			switch {
			case p.Add || from > 0:
				copy(row, out[r*p.LDC:])
			case bias != nil:
				copy(row, bias)
			default:
				clear(row)
			}
		}
		part := t
		part.c, part.ldc, part.from, part.ldfrom = c[:], panel, c[:], panel
		part.narrow = n <= panel/2 && !(t.transposed && l >= AVX512)
		part.rows(l, here)
		for r := range here {
			copy(out[r*p.LDC:r*p.LDC+n], c[r*panel:])
		}
		if rows -= here; rows == 0 {
			return
		}
		out = out[here*p.LDC:]
		if t.transposed {
			t.a = t.a[here:]
		} else {
			t.a = t.a[here*t.lda:]
		}
	}
}
