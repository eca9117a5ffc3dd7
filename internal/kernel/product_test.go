package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestProductAgreesWithFloat64(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, l := range levels() {
		for _, s := range [][3]int{{1, 1, 1}, {5, 31, 3}, {13, 64, 8}, {40, 77, 21}, {100, 33, 130}, {97, 100, 33}, {3, 70, 800}, {26, 97, 1024}} {
			for _, transA := range []bool{false, true} {
				for _, transB := range []bool{false, true} {
					for _, from := range []string{"zero", "bias", "add"} {
						t.Run(fmt.Sprintf("%v/%v/%v/%v/%s", l, s, transA, transB, from), func(t *testing.T) {
							checkProduct(t, r, l, Product{M: s[0], N: s[1], K: s[2], TransA: transA, TransB: transB, Add: from == "add"}, from == "bias")
						})
					}
				}
			}
		}
	}
}

func checkProduct(t *testing.T, r *rand.Rand, l Level, p Product, bias bool) {
	// op gives the operand's place of row i and column j.
	op := func(rows, cols int, trans bool) (ld int, data []float32, at func(i, j int) float64) {
		if trans {
			rows, cols = cols, rows
		}
		ld = cols + r.IntN(3)
		data = random(r, (rows-1)*ld+cols)
		return ld, data, func(i, j int) float64 {
			if trans {
				i, j = j, i
			}
			return float64(data[i*ld+j])
		}
	}
	var a, b func(i, j int) float64
	p.LDA, p.A, a = op(p.M, p.K, p.TransA)
	p.LDB, p.B, b = op(p.K, p.N, p.TransB)
	p.LDC = p.N + r.IntN(3)
	c, check := guarded(r, (p.M-1)*p.LDC+p.N)
	before := append([]float32(nil), c...)
	p.C = c
	if bias {
		p.Bias = random(r, p.N)
	}
	if r.IntN(2) == 0 {
		cut := r.IntN(p.Panels() + 1)
		p.Run(l, cut, p.Panels(), make([]float32, p.Scratch(p.Panels()-cut)))
		p.Run(l, 0, cut, make([]float32, p.Scratch(cut)))
	} else {
		packed := make([]float32, p.Packing())
		for _, i := range r.Perm(p.Panels()) {
			p.Pack(l, i, packed)
		}
		for _, i := range r.Perm(p.Blocks()) {
			p.Rows(l, i, packed, make([]float32, p.RowsScratch()))
		}
	}
	for i := range p.M {
		for j := range p.N {
			want := 0.0
			switch {
			case p.Add:
				want = float64(before[i*p.LDC+j])
			case bias:
				want = float64(p.Bias[j])
			}
			for k := range p.K {
				want += a(i, k) * b(k, j)
			}
			close32(t, "c", i*p.LDC+j, c[i*p.LDC+j], want, 4e-5*math.Sqrt(float64(p.K)))
		}
		for j := i*p.LDC + p.N; j < min(len(c), (i+1)*p.LDC); j++ {
			if c[j] != before[j] {
				t.Fatalf("row %d: wrote beside C", i)
			}
		}
	}
	check(t)
}

// TestProductIsGemm: packing first or on the fly, the sums are the same.
func TestProductIsGemm(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const m, n, k = 110, 100, 800
	a, w := random(r, m*k), random(r, n*k)
	for _, l := range levels() {
		packed, product := make([]float32, m*n), make([]float32, m*n)
		g := Gemm{M: m, A: a, LDA: k, B: Pack(w, n, k), C: packed, LDC: n}
		g.Run(l, 0, g.B.Panels())
		p := Product{M: m, N: n, K: k, A: a, LDA: k, B: w, LDB: k, TransB: true, C: product, LDC: n}
		scratch := make([]float32, p.Scratch(p.Panels()))
		if allocs := testing.AllocsPerRun(5, func() { p.Run(l, 0, p.Panels(), scratch) }); allocs != 0 {
			t.Errorf("%v: %v allocations", l, allocs)
		}
		if !slices.Equal(packed, product) {
			t.Fatalf("%v: packed first and on the fly differ", l)
		}
		clear(product)
		panels := make([]float32, p.Packing())
		for i := range p.Panels() {
			p.Pack(l, i, panels)
		}
		for i := range p.Blocks() {
			p.Rows(l, i, panels, make([]float32, p.RowsScratch()))
		}
		if !slices.Equal(packed, product) {
			t.Fatalf("%v: by columns and by rows differ", l)
		}
	}
}

// BenchmarkProduct runs a linear layer of 480 tokens and its two gradients.
func BenchmarkProduct(b *testing.B) {
	const tokens, in, out = 480, 384, 1536
	r := rand.New(rand.NewPCG(1, 1))
	x, w, y := random(r, tokens*in), random(r, out*in), random(r, tokens*out)
	for name, p := range map[string]Product{
		"y=xW^T":   {M: tokens, N: out, K: in, A: x, LDA: in, B: w, LDB: in, TransB: true, C: make([]float32, tokens*out), LDC: out},
		"dx=dyW":   {M: tokens, N: in, K: out, A: y, LDA: out, B: w, LDB: in, C: make([]float32, tokens*in), LDC: in},
		"dW=dy^Tx": {M: out, N: in, K: tokens, A: y, LDA: out, TransA: true, B: x, LDB: in, C: make([]float32, out*in), LDC: in},
	} {
		for _, l := range levels() {
			if l == VNNI || l == Plain {
				continue
			}
			scratch := make([]float32, p.Scratch(p.Panels()))
			b.Run(fmt.Sprintf("%s/%v", name, l), func(b *testing.B) {
				for b.Loop() {
					p.Run(l, 0, p.Panels(), scratch)
				}
				b.ReportMetric(2*float64(p.M*p.N*p.K)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
