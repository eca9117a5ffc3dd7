package kernel

import "math"

// Bytes holds rows of activations quantised to unsigned bytes:
// x ~ Scale[r] * (byte[r,k] - Zero[r]). Levels without byte products hold each
// in 16 bits, so a Bytes belongs to the level that fitted and filled it.
type Bytes struct {
	data   []uint8
	stride int // bytes from row to row
	Scale  []float32
	Zero   []int32
}

// FitBytes makes room for rows of width values.
func (l Level) FitBytes(q *Bytes, rows, width int) {
	q.stride = oddLines(Padded(width) * l.byteSize())
	if need := rows * q.stride; len(q.data) < need {
		q.data = make([]uint8, need)
	}
	if len(q.Scale) < rows {
		q.Scale, q.Zero = make([]float32, rows), make([]int32, rows)
	}
}

// IntegerProducts reports whether products of bytes are faster than products of
// float32 at this level.
func (l Level) IntegerProducts() bool { return l == AVX2 || l >= VNNI }

// byteSize is the number of bytes that hold a quantised activation.
func (l Level) byteSize() int {
	if l == AVX2 || l == AVX512 {
		return 2
	}
	return 1
}

// Quantize fills row r of q with the bytes of x. The range is that of the row,
// zero included, so that zero is exact. A row with NaN or infinity gets NaN as
// its scale, so that what is computed from it is NaN too.
func (l Level) Quantize(q *Bytes, r int, x []float32) {
	row := q.data[r*q.stride : (r+1)*q.stride]
	if l > Plain && len(x)%lanes == 0 {
		q.Scale[r], q.Zero[r] = l.quantize(x, row)
		return
	}
	q.Scale[r], q.Zero[r] = quantizePlain(x, row)
	clear(row[len(x):])
	if l.byteSize() == 2 {
		for i := len(x) - 1; i >= 0; i-- {
			row[2*i], row[2*i+1] = row[i], 0
		}
	}
}

// quantizePlain is the reference of the assembly, operation by operation.
func quantizePlain(x []float32, q []uint8) (scale float32, zero int32) {
	var lo, hi, odd float32
	for _, v := range x {
		lo, hi = min(lo, v), max(hi, v)
		odd += 0 * v // NaN from NaN and infinity
	}
	span := max(hi-lo, math.Float32frombits(0x00800000)*256)
	scale = span * (float32(1) / 255)
	inv := 255 / span
	zero = -int32(math.RoundToEven(float64(lo * inv)))
	for i, v := range x {
		q[i] = uint8(min(max(int32(math.RoundToEven(float64(v*inv)))+zero, 0), 255))
	}
	return scale + odd, zero
}

// GemmInt8 describes C = From + A B^T with quantised operands; the products
// are summed exactly, then scaled. See Gemm for the other fields.
type GemmInt8 struct {
	M    int
	A    *Bytes
	B    *PackedInt8
	C    []float32
	LDC  int
	Bias []float32
	Add  bool
}

// Run computes the panels [lo, hi) of C.
func (g *GemmInt8) Run(l Level, lo, hi int) {
	if g.B.K == 0 || g.M == 0 {
		return
	}
	for row := 0; row < g.M; row += blockRows {
		for p := lo; p < hi; p++ {
			g.panel(l, row, min(blockRows, g.M-row), p*panel)
		}
	}
}

// panel computes rows [row, row+rows) of the columns from col on.
func (g *GemmInt8) panel(l Level, row, rows, col int) {
	if col+panel > g.B.N {
		g.edge(l, row, rows, col)
		return
	}
	t := tileInt8{a: g.A, row: row, b: g.B, col: col, c: g.C[row*g.LDC+col:], ldc: g.LDC}
	var zero [panel]float32
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
func (g *GemmInt8) edge(l Level, row, rows, col int) {
	var c [tileRows * panel]float32
	n := g.B.N - col
	for end := row + rows; row < end; {
		h := l.heightInt8(end - row)
		for i := range h {
			from := c[i*panel : i*panel+n]
			switch {
			case g.Add:
				copy(from, g.C[(row+i)*g.LDC+col:])
			case g.Bias != nil:
				copy(from, g.Bias[col:])
			default:
				clear(from)
			}
		}
		t := tileInt8{a: g.A, row: row, b: g.B, col: col, c: c[:], ldc: panel, from: c[:], ldfrom: panel}
		t.run(l, h, 1)
		for i := range h {
			copy(g.C[(row+i)*g.LDC+col:(row+i)*g.LDC+g.B.N], c[i*panel:])
		}
		row += h
	}
}

// heightInt8 is the height of the next tile when rows remain.
func (l Level) heightInt8(rows int) int {
	if l == AVX512 {
		l = AVX2
	}
	return l.height(rows)
}

// tileInt8 is one call of a quantised micro-kernel.
type tileInt8 struct {
	a      *Bytes
	row    int
	b      *PackedInt8
	col    int
	c      []float32
	ldc    int
	from   []float32
	ldfrom int
	// Of the next panel: bytes fetched, and bytes to fetch for each group of k
	// and tile.
	fetched, step int
}

// rows computes n rows in tiles of nearly equal height.
func (t *tileInt8) rows(l Level, n int) {
	t.step = rowBytes / max(1, (n+l.tallest()-1)/l.tallest())
	for n > 0 {
		h := l.heightInt8(n)
		tiles := 1
		for rest := n - h; rest > 0 && l.heightInt8(rest) == h; rest -= h {
			tiles++
		}
		t.run(l, h, tiles)
		done := h * tiles
		if n -= done; n == 0 {
			return
		}
		t.row += done
		t.fetched += groups(t.b.K) * tiles * t.step
		t.c, t.from = t.c[done*t.ldc:], t.from[done*t.ldfrom:]
	}
}

// panelData is the packed panel that the tile's columns lie in.
func (t *tileInt8) panelData() []int8 { return t.b.data[t.col*groups(t.b.K)*4:] }

// runPlain is the reference of the assembly.
func (t *tileInt8) runPlain(h int) {
	b := t.panelData()
	for r := range h {
		var acc [panel]int32
		for k, x := range t.a.data[(t.row+r)*t.a.stride:][:t.b.K] {
			w := b[k/4*panel*4+k%4:]
			for j := range acc {
				acc[j] += int32(x) * int32(w[4*j])
			}
		}
		for j, v := range acc {
			v += t.a.Zero[t.row+r] * t.b.negSum[t.col+j]
			t.c[r*t.ldc+j] = t.from[r*t.ldfrom+j] + t.a.Scale[t.row+r]*(t.b.Col[t.col+j]*float32(v))
		}
	}
}
