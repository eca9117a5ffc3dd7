package kernel

// Gemm describes C = From + A B^T over M rows of A and some panels of B's
// columns. Strides count values. Slices reach at least to the last value used.
type Gemm struct {
	M      int
	A      []float32 // [M, K], or [K, M] with TransA; rows LDA apart
	LDA    int
	TransA bool
	B      *Packed   // [N, K]
	C      []float32 // [M, N], rows LDC apart
	LDC    int
	Bias   []float32 // [N], added to every row; nil: none
	Add    bool      // add to what C holds; Bias is ignored then
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
			g.panel(l, row, rows, p*panel, g.B.data[p*panel*g.B.K:])
		}
	}
}

// a is A from a row on.
func (g *Gemm) a(row int) []float32 {
	if g.TransA {
		return g.A[row:]
	}
	return g.A[row*g.LDA:]
}

// panel computes rows [row, row+rows) of the columns from col on, whose packed
// panel is b.
func (g *Gemm) panel(l Level, row, rows, col int, b []float32) {
	if col+panel > g.B.N {
		g.edge(l, row, rows, col, b)
		return
	}
	t := tile{k: g.B.K, a: g.a(row), lda: g.LDA, transposed: g.TransA, ldb: panel, ldc: g.LDC, b: b}
	var zero [panel]float32
	t.c = g.C[row*g.LDC+col:]
	switch {
	case g.Add:
		t.from, t.ldfrom = t.c, g.LDC
	case g.Bias != nil:
		t.from, t.ldfrom = g.Bias[col:], 0
	default:
		t.from, t.ldfrom = zero[:], 0
	}
	t.rows(l, rows)
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
		t := tile{k: g.B.K, a: g.a(r), lda: g.LDA, transposed: g.TransA, b: b, ldb: panel, c: c[:], ldc: panel, from: c[:], ldfrom: panel}
		t.run(l, h, 1)
		for i := range h {
			copy(g.C[(r+i)*g.LDC+col:(r+i)*g.LDC+g.B.N], c[i*panel:])
		}
		r += h
	}
}

// tallest is the greatest height of a tile.
func (l Level) tallest() int {
	switch {
	case l >= AVX512:
		return 12
	case l == Plain:
		return 4
	}
	return 6
}

// height is the height of the next tile when rows remain: as few tiles as
// possible, as even as possible.
func (l Level) height(rows int) int {
	tiles := (rows + l.tallest() - 1) / l.tallest()
	return (rows + tiles - 1) / tiles
}

// tile is a call of micro-kernels: rows of 32 columns of C.
type tile struct {
	k          int
	a          []float32 // [rows, k]
	lda        int
	transposed bool // a is [k, rows]
	b          []float32
	ldb        int
	c          []float32
	ldc        int
	from       []float32
	ldfrom     int
	narrow     bool // only the first 16 columns are wanted
}

// rows computes n rows in tiles of nearly equal height.
func (t *tile) rows(l Level, n int) {
	for n > 0 {
		tiles := (n + l.tallest() - 1) / l.tallest()
		h, more := n/tiles, n%tiles
		if more > 0 { // so many are taller by one
			h, tiles = h+1, more
		}
		t.run(l, h, tiles)
		if n -= h * tiles; n == 0 {
			return
		}
		if t.transposed {
			t.a = t.a[h*tiles:]
		} else {
			t.a = t.a[h*tiles*t.lda:]
		}
		t.c, t.from = t.c[h*tiles*t.ldc:], t.from[h*tiles*t.ldfrom:]
	}
}

func (t *tile) cols() int {
	if t.narrow {
		return panel / 2
	}
	return panel
}

// check touches the last value of each operand, so that a slice too short
// fails here and not in the assembly.
func (t *tile) check(rows int) {
	cols := t.cols()
	if t.transposed {
		_ = t.a[(t.k-1)*t.lda+rows-1]
	} else {
		_ = t.a[(rows-1)*t.lda+t.k-1]
	}
	_ = t.b[(t.k-1)*t.ldb+cols-1]
	_ = t.c[(rows-1)*t.ldc+cols-1]
	_ = t.from[(rows-1)*t.ldfrom+cols-1]
}

// runPlain is the reference of the assembly.
func (t *tile) runPlain(rows int) {
	next, step := t.lda, 1
	if t.transposed {
		next, step = 1, t.lda
	}
	for r := range rows {
		var acc [panel]float32
		copy(acc[:], t.from[r*t.ldfrom:])
		for k := range t.k {
			x := t.a[r*next+k*step]
			for j, w := range t.b[k*t.ldb:][:t.cols()] {
				acc[j] += x * w
			}
		}
		copy(t.c[r*t.ldc:][:t.cols()], acc[:])
	}
}
