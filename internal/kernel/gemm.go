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

// A block of A of blockRows times blockDepth values stays in the second cache
// level while all panels pass over it, some 300 KiB.
const (
	blockRows  = 8 * tileRows
	blockDepth = 768
)

// Run computes the panels [lo, hi) of C; Run(l, 0, B.Panels()) computes all.
// Distinct panels touch distinct values of C, so they may run concurrently.
func (g *Gemm) Run(l Level, lo, hi int) {
	if g.B.K == 0 || g.M == 0 {
		return
	}
	for row := 0; row < g.M; row += blockRows {
		rows := min(blockRows, g.M-row)
		for from := 0; from < g.B.K; from += blockDepth {
			for p := lo; p < hi; p++ {
				g.panel(l, row, rows, p*panel, g.B.data[p*panel*g.B.K:], from)
			}
		}
	}
}

// a is A from a row and a value of k on.
func (g *Gemm) a(row, k int) []float32 {
	if g.TransA {
		return g.A[k*g.LDA+row:]
	}
	return g.A[row*g.LDA+k:]
}

// panel adds a block of k, from some value on, to rows [row, row+rows) of the
// columns from col on, whose packed panel is b. C holds the sums between the
// blocks, so that each remains one chain.
func (g *Gemm) panel(l Level, row, rows, col int, b []float32, from int) {
	if col+panel > g.B.N {
		if from == 0 {
			g.edge(l, row, rows, col, b)
		}
		return
	}
	t := tile{
		k: min(blockDepth, g.B.K-from), a: g.a(row, from), lda: g.LDA, transposed: g.TransA,
		b: b[from*panel:], ldb: panel, next: g.B.K * panel, c: g.C[row*g.LDC+col:], ldc: g.LDC,
	}
	var zero [panel]float32
	switch {
	case g.Add || from > 0:
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
		t := tile{k: g.B.K, a: g.a(r, 0), lda: g.LDA, transposed: g.TransA, b: b, ldb: panel, c: c[:], ldc: panel, from: c[:], ldfrom: panel}
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
	next       int // from b to the panel that is wanted next
	step       int // bytes of it to fetch for each k and tile
	c          []float32
	ldc        int
	from       []float32
	ldfrom     int
	narrow     bool // only the first 16 columns are wanted
}

// rows computes n rows in tiles of nearly equal height.
func (t *tile) rows(l Level, n int) {
	t.step = rowBytes / max(1, (n+l.tallest()-1)/l.tallest())
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
		t.next += t.k * tiles * t.step / 4
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
