package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestAttention(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, l := range levels() {
		for _, s := range []struct{ n, heads, dim int }{{1, 2, 32}, {16, 3, 32}, {31, 2, 64}, {33, 1, 8}, {100, 2, 40}, {70, 12, 32}} {
			t.Run(fmt.Sprintf("%v/%v", l, s), func(t *testing.T) {
				width := s.heads * s.dim
				stride := 3*width + 5
				qkv := random(r, s.n*stride)
				out, check := guarded(r, s.n*width)
				a := Attention{Heads: s.heads, Dim: s.dim}
				a.Run(l, min(3, s.n), qkv, qkv[width:], qkv[2*width:], stride, out, width) // leave rubbish in the buffers
				a.Run(l, s.n, qkv, qkv[width:], qkv[2*width:], stride, out, width)
				for h := range s.heads {
					for i := range s.n {
						for d, want := range attend(qkv, stride, s.n, i, h, s.dim, width) {
							close32(t, "context", i, out[i*width+h*s.dim+d], want, 3e-5)
						}
					}
				}
				check(t)
			})
		}
	}
}

// attend is the context of query i in head h, in float64.
func attend(qkv []float32, stride, n, i, h, dim, width int) []float64 {
	at := func(row, part, d int) float64 { return float64(qkv[row*stride+part*width+h*dim+d]) }
	p, sum, top := make([]float64, n), 0.0, math.Inf(-1)
	for j := range p {
		for d := range dim {
			p[j] += at(i, 0, d) * at(j, 1, d) / math.Sqrt(float64(dim))
		}
		top = max(top, p[j])
	}
	for j := range p {
		p[j] = math.Exp(p[j] - top)
		sum += p[j]
	}
	out := make([]float64, dim)
	for d := range out {
		for j := range p {
			out[d] += p[j] / sum * at(j, 2, d)
		}
	}
	return out
}

func BenchmarkAttention(b *testing.B) {
	for _, int8 := range []bool{false, true} {
		for _, n := range []int{16, 24, 32, 48, 64, 128, 256, 512} {
			for _, dim := range []int{32, 64} {
				b.Run(fmt.Sprintf("int8=%v/tokens=%d/dim=%d", int8, n, dim), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 1))
					const width = 384
					qkv, out := random(r, n*3*width), make([]float32, n*width)
					a := Attention{Heads: width / dim, Dim: dim, Int8: int8}
					for b.Loop() {
						a.Run(detect(), n, qkv, qkv[width:], qkv[2*width:], 3*width, out, width)
					}
					b.ReportMetric(4*float64(n*n*width)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
