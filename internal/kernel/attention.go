package kernel

import "math"

// Attention computes scaled dot-product attention (Vaswani et al. 2017,
// section 3.2.1) within one sentence, all heads, every token seeing every
// other. One Attention serves one goroutine; its buffers grow to the longest
// sentence seen and are kept.
type Attention struct {
	Heads, Dim int // Dim values per head

	keys   []float32 // packed K^T of a head
	values []float32 // packed V of a head
	scores []float32 // [queryRows, padded tokens]
}

// queryRows is the number of queries whose scores are held at once.
const queryRows = 4 * tileRows

// padPanel rounds up to whole panels.
func padPanel(n int) int { return (n + panel - 1) / panel * panel }

// Run computes every head of a sentence of n tokens. Queries, keys and values
// are [n, Heads*Dim] with rows stride values apart, so is out with rows
// outStride apart.
func (a *Attention) Run(l Level, n int, query, key, value []float32, stride int, out []float32, outStride int) {
	for h := range a.Heads {
		a.Head(l, h, n, query, key, value, stride, out, outStride)
	}
}

// Head computes one head: Dim columns of out.
func (a *Attention) Head(l Level, head, n int, query, key, value []float32, stride int, out []float32, outStride int) {
	a.Fit(n)
	off := head * a.Dim
	a.pack(n, key[off:], value[off:], stride)
	for lo := 0; lo < n; lo += queryRows {
		rows := min(queryRows, n-lo)
		a.block(l, n, rows, query[lo*stride+off:], stride, out[lo*outStride+off:], outStride)
	}
}

// Fit makes room for sentences of up to n tokens; Head does so by itself.
func (a *Attention) Fit(n int) {
	if size := padPanel(n) * a.Dim; len(a.keys) < size {
		a.keys = make([]float32, size)
		a.scores = make([]float32, queryRows*padPanel(n))
	}
	if size := padPanel(a.Dim) * n; len(a.values) < size {
		a.values = make([]float32, size)
	}
}

// pack lays out one head's K^T, zeros beyond the last token, and V.
func (a *Attention) pack(n int, key, value []float32, stride int) {
	if n%panel != 0 {
		clear(a.keys[n/panel*panel*a.Dim : padPanel(n)*a.Dim])
	}
	for j := range n {
		dst := a.keys[j/panel*panel*a.Dim+j%panel:]
		for i, v := range key[j*stride : j*stride+a.Dim] {
			dst[i*panel] = v
		}
	}
	for col := 0; col < a.Dim; col += panel {
		wide := min(panel, a.Dim-col)
		dst := a.values[col*n:]
		for j := range n {
			clear(dst[j*panel+copy(dst[j*panel:(j+1)*panel], value[j*stride+col:j*stride+col+wide]) : (j+1)*panel])
		}
	}
}

// block computes the context of some queries of one head.
func (a *Attention) block(l Level, n, rows int, query []float32, stride int, out []float32, outStride int) {
	wide := padPanel(n)
	keys := Packed{N: wide, K: a.Dim, data: a.keys}
	g := Gemm{M: rows, A: query, LDA: stride, B: &keys, C: a.scores, LDC: wide}
	g.Run(l, 0, keys.Panels())
	scale := float32(1 / math.Sqrt(float64(a.Dim)))
	for r := range rows {
		l.Softmax(a.scores[r*wide:(r+1)*wide], n, scale)
	}
	values := Packed{N: a.Dim, K: n, data: a.values}
	g = Gemm{M: rows, A: a.scores, LDA: wide, B: &values, C: out, LDC: outStride}
	g.Run(l, 0, values.Panels())
}
