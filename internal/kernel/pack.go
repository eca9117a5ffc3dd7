package kernel

// panel is the number of output columns that lie together in packed weights.
const panel = 32

// Packed is a weight matrix laid out for GEMM: panels of 32 output columns,
// within a panel the 32 values of one k side by side, the last panel filled up
// with zeros. It is immutable.
type Packed struct {
	N, K int
	data []float32 // [panels][K][32]
}

// Pack lays out w, n rows of k values (the outputs' weights, as model files
// store a linear layer), for products with activations of k columns. The
// assembly of the best level does it, with the same result as plain Go.
func Pack(w []float32, n, k int) *Packed {
	p, l := newPacked(n, k), detect()
	for j := 0; j < n; j += panel {
		l.packColumns(p.data[j*k:], w[j*k:], k, min(panel, n-j), k)
	}
	if last := n % panel; last > 0 {
		for data := p.data[n/panel*panel*k:]; len(data) > 0; data = data[panel:] {
			clear(data[last:panel])
		}
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
	return &Packed{N: n, K: k, data: make([]float32, (n+panel-1)/panel*panel*k)}
}

// Panels is the number of panels: the units into which GEMM's columns divide.
func (p *Packed) Panels() int { return (p.N + panel - 1) / panel }
