package kernel

// Gemm describes C = From + A B^T over M rows of A and some panels of B's
// columns. Strides count values. Slices reach at least to the last value used.
type Gemm struct {
	M    int
	A    []float32 // [M, K], rows LDA apart
	LDA  int
	B    *Packed   // [N, K]
	C    []float32 // [M, N], rows LDC apart
	LDC  int
	Bias []float32 // [N], added to every row; nil: none
	Add  bool      // add to what C holds; Bias is ignored then
}

// tileRows bounds the height of a tile over all levels.
const tileRows = 12

// cacheRows is the number of rows of A, k values each, that stay in the second
// cache level while all panels pass over them.
func cacheRows(k int) int {
	const budget = 64 << 10 // values: 256 KiB
	return max(tileRows, budget/max(k, 1)/tileRows*tileRows)
}

// Run computes the panels [lo, hi) of C; Run(0, B.Panels()) computes all.
// Distinct panels touch distinct values of C, so they may run concurrently.
func (g *Gemm) Run(l Level, lo, hi int) {
	if g.B.K == 0 || g.M == 0 {
		return
	}
	step := cacheRows(g.B.K)
	for row := 0; row < g.M; row += step {
		rows := min(step, g.M-row)
		for p := lo; p < hi; p++ {
			g.panel(l, row, rows, p)
		}
	}
}

// panel computes rows [row, row+rows) of one panel in tiles of nearly equal
// height.
func (g *Gemm) panel(l Level, row, rows, p int) {
	b := g.B.data[p*panel*g.B.K:]
	col := p * panel
	if col+panel > g.B.N {
		g.edge(l, row, rows, col, b)
		return
	}
	t := tile{k: g.B.K, lda: g.LDA, ldb: panel, ldc: g.LDC, b: b}
	var zero [panel]float32
	for r, end := row, row+rows; r < end; {
		h := l.height(end - r)
		t.a = g.A[r*g.LDA:]
		t.c = g.C[r*g.LDC+col:]
		switch {
		case g.Add:
			t.from, t.ldfrom = t.c, g.LDC
		case g.Bias != nil:
			t.from, t.ldfrom = g.Bias[col:], 0
		default:
			t.from, t.ldfrom = zero[:], 0
		}
		t.run(l, h)
		r += h
	}
}

// edge computes the last panel where B has fewer than 32 columns left, through
// a tile of its own so that nothing is written beside C.
func (g *Gemm) edge(l Level, row, rows, col int, b []float32) {
	var c [tileRows * panel]float32
	n := g.B.N - col
	for r, end := row, row+rows; r < end; {
		h := l.height(end - r)
		for i := range h {
			from := c[i*panel : i*panel+n]
			switch {
			case g.Add:
				copy(from, g.C[(r+i)*g.LDC+col:])
			case g.Bias != nil:
				copy(from, g.Bias[col:])
			default:
				clear(from)
			}
		}
		t := tile{k: g.B.K, a: g.A[r*g.LDA:], lda: g.LDA, b: b, ldb: panel, c: c[:], ldc: panel, from: c[:], ldfrom: panel}
		t.run(l, h)
		for i := range h {
			copy(g.C[(r+i)*g.LDC+col:(r+i)*g.LDC+g.B.N], c[i*panel:])
		}
		r += h
	}
}

// height is the height of the next tile when rows remain: as few tiles as
// possible, as even as possible.
func (l Level) height(rows int) int {
	tallest := 6
	switch {
	case l >= AVX512:
		tallest = 12
	case l == Plain:
		tallest = 4
	}
	tiles := (rows + tallest - 1) / tallest
	return (rows + tiles - 1) / tiles
}

// tile is one call of a micro-kernel: h rows, 32 columns.
type tile struct {
	k      int
	a      []float32
	lda    int
	b      []float32
	ldb    int
	c      []float32
	ldc    int
	from   []float32
	ldfrom int
}

// runPlain is the reference of the assembly.
func (t *tile) runPlain(h int) {
	for r := range h {
		var acc [panel]float32
		copy(acc[:], t.from[r*t.ldfrom:r*t.ldfrom+panel])
		for k, x := range t.a[r*t.lda : r*t.lda+t.k] {
			b := (*[panel]float32)(t.b[k*t.ldb:])
			for j, w := range b {
				acc[j] += x * w
			}
		}
		copy(t.c[r*t.ldc:r*t.ldc+panel], acc[:])
	}
}
