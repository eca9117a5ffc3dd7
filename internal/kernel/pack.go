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
// store a linear layer), for products with activations of k columns.
func Pack(w []float32, n, k int) *Packed {
	p := newPacked(n, k)
	for j := range n {
		row := w[j*k : j*k+k]
		dst := p.data[(j/panel)*k*panel+j%panel:]
		for i, v := range row {
			dst[i*panel] = v
		}
	}
	return p
}

// PackTransposed lays out w given as k rows of n values.
func PackTransposed(w []float32, n, k int) *Packed {
	p := newPacked(n, k)
	for j := 0; j < n; j += panel {
		dst := p.data[j*k:]
		for i := range k {
			copy(dst[i*panel:(i+1)*panel], w[i*n+j:min(i*n+j+panel, (i+1)*n)])
		}
	}
	return p
}

func newPacked(n, k int) *Packed {
	return &Packed{N: n, K: k, data: make([]float32, (n+panel-1)/panel*panel*k)}
}

// Panels is the number of panels: the units into which GEMM's columns divide.
func (p *Packed) Panels() int { return (p.N + panel - 1) / panel }
