package kernel

const (
	// panel is the number of output columns that lie together in packed
	// weights.
	panel = 32
	// rowBytes is the size of a panel's row: of 32 float32, or of 32 times
	// four int8.
	rowBytes = 128
)

// Packed is a weight matrix laid out for GEMM: panels of 32 output columns,
// within a panel the 32 values of one k side by side, the last panel filled up
// with zeros. It is immutable.
type Packed struct {
	N, K int
	data []float32 // [panels][K][32]
}

// Pack lays out w, n rows of k values (the outputs' weights, as model files
// store a linear layer), for products with activations of k columns.
func Pack(w []float32, n, k int) *Packed { return (*Arena)(nil).Pack(n, k, RowsOf(w, k)) }

// Pack lays out n rows of k values. The assembly of the best level does it,
// with the same result as plain Go.
func (a *Arena) Pack(n, k int, rows Rows) *Packed {
	p, l := &Packed{N: n, K: k, data: a.float32s(padPanel(n) * k)}, detect()
	block := make([]float32, panel*k)
	for j := 0; j < n; j += panel {
		here := min(panel, n-j)
		for i := range here {
			rows(block[i*k:(i+1)*k], j+i)
		}
		clear(block[here*k:])
		l.packColumns(p.data[j*k:], block, k, panel, k)
	}
	return p
}

// PackTransposed lays out w given as k rows of n values.
func PackTransposed(w []float32, n, k int) *Packed {
	p := newPacked(n, k)
	for j := 0; j < n; j += panel {
		packRows(p.data[j*k:], w[j:], n, k, min(panel, n-j))
	}
	return p
}

// packColumns writes n rows of k values, ld values apart, as columns of a
// panel. Columns beyond n hold anything afterwards.
func (l Level) packColumns(panelData, rows []float32, ld, n, k int) {
	rows, panelData = rows[:(n-1)*ld+k], panelData[:k*panel]
	whole := 0
	if lanes := l.lanes(); lanes > 1 && k >= lanes {
		whole = k / lanes * lanes
		for r := 0; r < n; r += lanes {
			l.transpose(panelData[r:], rows[r*ld:], ld, min(lanes, n-r), whole)
		}
	}
	packScalar(panelData, rows, ld, n, whole, k)
}

// packScalar writes values [from, to) of n rows.
func packScalar(dst, src []float32, ld, n, from, to int) {
	for j := range n {
		for i, v := range src[j*ld+from : j*ld+to] {
			dst[(from+i)*panel+j] = v
		}
	}
}

// packRows copies k rows of n values, ld values apart, into a panel and fills
// up with zeros.
func packRows(panelData, rows []float32, ld, k, n int) {
	if n == panel {
		for i := range k {
			*(*[panel]float32)(panelData[i*panel:]) = [panel]float32(rows[i*ld:])
		}
		return
	}
	for i := range k {
		row := panelData[i*panel : (i+1)*panel]
		clear(row[copy(row, rows[i*ld:i*ld+n]):])
	}
}

// lanes is the number of float32 values in a vector.
func (l Level) lanes() int {
	switch {
	case l >= AVX512:
		return 16
	case l == AVX2:
		return 8
	}
	return 1
}

func newPacked(n, k int) *Packed {
	return &Packed{N: n, K: k, data: make([]float32, padPanel(n)*k)}
}

// padPanel rounds up to whole panels.
func padPanel(n int) int { return (n + panel - 1) / panel * panel }

// Panels is the number of panels: the units into which GEMM's columns divide.
func (p *Packed) Panels() int { return (p.N + panel - 1) / panel }

// Stride is the distance of rows of width float32 values at which the rows of a
// tile do not push each other out of the first cache level: an odd number of
// cache lines. At 3072 values, without it, twelve rows share one set of eight
// places.
func Stride(width int) int { return oddLines(4*width) / 4 }

// oddLines rounds up to an odd number of cache lines.
func oddLines(bytes int) int {
	const line = 64
	return ((bytes+line-1)/line | 1) * line
}
