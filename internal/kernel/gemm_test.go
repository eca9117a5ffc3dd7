package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// levels are those that this processor runs; under the race detector the best
// alone.
func levels() []Level {
	if raceDetector {
		return []Level{detect()}
	}
	var all []Level
	for l := Plain; l <= detect(); l++ {
		all = append(all, l)
	}
	return all
}

func random(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

func TestGemmAgreesWithFloat64(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	type shape struct{ m, n, k int }
	shapes := []shape{{1, 1, 1}, {5, 31, 3}, {7, 33, 5}, {13, 64, 8}, {25, 95, 17}, {200, 40, 400}}
	for m := 1; m <= 2*tileRows+1; m++ {
		shapes = append(shapes, shape{m, 32, 7})
	}
	for _, l := range levels() {
		for _, s := range shapes {
			for _, from := range []string{"zero", "bias", "add"} {
				t.Run(fmt.Sprintf("%v/%dx%dx%d/%s", l, s.m, s.n, s.k, from), func(t *testing.T) {
					checkGemm(t, r, l, s.m, s.n, s.k, from)
				})
			}
		}
	}
}

func checkGemm(t *testing.T, r *rand.Rand, l Level, m, n, k int, from string) {
	lda, ldc := k+r.IntN(3), n+r.IntN(3)
	a, w, bias := random(r, m*lda), random(r, n*k), random(r, n)
	const guard = 1e30
	c := make([]float32, m*ldc+panel)
	for i := range c {
		c[i] = guard
	}
	want := make([]float64, m*n)
	g := Gemm{M: m, A: a, LDA: lda, B: Pack(w, n, k), C: c[:m*ldc], LDC: ldc, Add: from == "add"}
	if from == "bias" {
		g.Bias = bias
	}
	for i := range m {
		for j := range n {
			sum := 0.0
			switch from {
			case "bias":
				sum = float64(bias[j])
			case "add":
				c[i*ldc+j] = float32(r.NormFloat64())
				sum = float64(c[i*ldc+j])
			}
			for x := range k {
				sum += float64(a[i*lda+x]) * float64(w[j*k+x])
			}
			want[i*n+j] = sum
		}
	}
	g.Run(l, 0, g.B.Panels())
	for i := range m {
		for j := range n {
			if got := float64(c[i*ldc+j]); math.Abs(got-want[i*n+j]) > 1e-5*math.Sqrt(float64(k))*4 {
				t.Fatalf("C[%d,%d] = %v, want %v", i, j, got, want[i*n+j])
			}
		}
		for j := n; j < ldc; j++ {
			if c[i*ldc+j] != guard {
				t.Fatalf("row %d: wrote beside C", i)
			}
		}
	}
	for _, v := range c[m*ldc:] {
		if v != guard {
			t.Fatal("wrote behind C")
		}
	}
}

func TestGemmRowDoesNotDependOnItsNeighbours(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const m, n, k = 41, 70, 131
	a, b := random(r, m*k), Pack(random(r, n*k), n, k)
	for _, l := range levels() {
		all, one := make([]float32, m*n), make([]float32, n)
		g := Gemm{M: m, A: a, LDA: k, B: b, C: all, LDC: n}
		g.Run(l, 0, b.Panels())
		for i := range m {
			g := Gemm{M: 1, A: a[i*k : (i+1)*k], LDA: k, B: b, C: one, LDC: n}
			g.Run(l, 0, b.Panels())
			for j := range n {
				if all[i*n+j] != one[j] {
					t.Fatalf("%v: C[%d,%d] = %v in a batch, %v alone", l, i, j, all[i*n+j], one[j])
				}
			}
		}
	}
}

func TestPackTransposed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const n, k = 45, 6
	w := random(r, n*k)
	wt := make([]float32, n*k)
	for j := range n {
		for i := range k {
			wt[i*n+j] = w[j*k+i]
		}
	}
	a, b := Pack(w, n, k), PackTransposed(wt, n, k)
	for i := range a.data {
		if a.data[i] != b.data[i] {
			t.Fatalf("value %d: %v and %v", i, a.data[i], b.data[i])
		}
	}
}

func TestGemmAllocatesNothing(t *testing.T) {
	const m, n, k = 30, 40, 50
	b := Pack(make([]float32, n*k), n, k)
	a, c := make([]float32, m*k), make([]float32, m*n)
	for _, l := range levels() {
		if allocs := testing.AllocsPerRun(10, func() {
			g := Gemm{M: m, A: a, LDA: k, B: b, C: c, LDC: n}
			g.Run(l, 0, b.Panels())
		}); allocs != 0 {
			t.Errorf("%v: %v allocations", l, allocs)
		}
	}
}

// eachProduct runs f for the products of models with 384 and 768 hidden, [N, K],
// over M rows.
func eachProduct(b *testing.B, f func(b *testing.B, m, n, k int)) {
	for _, m := range []int{16, 32, 96, 512} {
		for _, s := range [][2]int{{1152, 384}, {384, 384}, {1536, 384}, {384, 1536}, {3072, 768}, {768, 3072}} {
			n, k := s[0], s[1]
			b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
				f(b, m, n, k)
				b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GOP/s")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func BenchmarkGemmF32(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for l := AVX2; l <= min(detect(), AVX512); l++ {
		b.Run(l.String(), func(b *testing.B) {
			eachProduct(b, func(b *testing.B, m, n, k int) {
				lda, ldc := Stride(k), Stride(n)
				g := Gemm{
					M: m, A: random(r, m*lda), LDA: lda, C: make([]float32, m*ldc), LDC: ldc,
					B: NewArena(SizePacked(n, k)).Pack(n, k, RowsOf(random(r, n*k), k)),
				}
				for b.Loop() {
					g.Run(l, 0, g.B.Panels())
				}
			})
		})
	}
}
