package kernel

// Product describes C = From + op(A) op(B) over row-major operands that are
// packed as the product runs, which costs little from some dozen rows on. Its
// forms are those of a linear layer y = x W^T with W [out, in] and its
// gradients: the layer itself (TransB), dx = dy W (neither) and dW = dy^T x
// (TransA). Every element is one chain over K in ascending order.
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
}

// Panels is the number of pieces into which the columns of C divide.
func (p *Product) Panels() int { return padPanel(p.N) / panel }

// Scratch is the number of values that Run needs to pack B.
func (p *Product) Scratch() int { return panel * p.K }

// Run computes the panels [lo, hi) of C; Run(l, 0, Panels(), scratch) computes
// all. Distinct panels touch distinct values of C, so they may run
// concurrently, each caller with a scratch of its own.
func (p *Product) Run(l Level, lo, hi int, scratch []float32) {
	if p.M == 0 || p.K == 0 {
		return
	}
	packed := Packed{N: p.N, K: p.K, data: scratch[:p.Scratch()]}
	g := Gemm{M: p.M, A: p.A, LDA: p.LDA, TransA: p.TransA, B: &packed, C: p.C, LDC: p.LDC, Bias: p.Bias, Add: p.Add}
	for i := lo; i < hi; i++ {
		cols := min(panel, p.N-i*panel)
		if p.TransB {
			l.packColumns(packed.data, p.B[i*panel*p.LDB:], p.LDB, cols, p.K)
		} else {
			packRows(packed.data, p.B[i*panel:], p.LDB, p.K, cols)
		}
		for from := 0; from < p.K; from += blockDepth {
			g.panel(l, 0, p.M, i*panel, packed.data, from)
		}
	}
}
