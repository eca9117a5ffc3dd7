package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// attendBytes is the context of query i in head h by the rules of
// byteAttention, and the sum of its probabilities in 255ths.
func attendBytes(qkv []float32, stride, n, i, h, dim, width int) (out []float64, sum float64) {
	at := func(row, part, d int) float32 { return qkv[row*stride+part*width+h*dim+d] }
	query, qs := roundedBytes(dim, func(d int) float32 { return at(i, 0, d) })
	p, top := make([]float64, n), math.Inf(-1)
	for j := range p {
		key, ks := roundedBytes(dim, func(d int) float32 { return at(j, 1, d) })
		for d := range dim {
			p[j] += query[d] * key[d]
		}
		p[j] *= qs * ks / math.Sqrt(float64(dim))
		top = max(top, p[j])
	}
	for j := range p {
		p[j] = math.RoundToEven(255 * math.Exp(p[j]-top))
		sum += p[j]
	}
	out = make([]float64, dim)
	for d := range out {
		value, vs := roundedBytes(n, func(j int) float32 { return at(j, 2, d) })
		for j := range p {
			out[d] += p[j] / sum * value[j] * vs
		}
	}
	return out, sum
}

// roundedBytes quantises n values, in float32 so that nothing falls on another
// side of a rounding than in the assembly.
func roundedBytes(n int, v func(int) float32) (q []float64, scale float64) {
	var top float32
	for k := range n {
		top = max(top, float32(math.Abs(float64(v(k)))))
	}
	inv := 127 / top
	for k := range n {
		q = append(q, math.RoundToEven(float64(v(k)*inv)))
	}
	return q, float64(top) / 127
}

// TestAttentionInt8 holds the assembly against the rules, spread and peaked
// attention alike. Some probabilities fall on the other side of a rounding.
func TestAttentionInt8(t *testing.T) {
	if detect() < VNNI {
		t.Skip("needs a processor with AVX-512 VNNI")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, s := range []struct {
		n, heads, dim int
		spread        float32
	}{{byteTokens, 3, 32, 1}, {47, 1, 16, 1}, {48, 2, 64, 4}, {49, 2, 48, 1}, {100, 2, 64, 8}, {130, 1, 32, 3}, {257, 1, 32, 1}} {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			width := s.heads * s.dim
			stride := 3*width + 5
			qkv := random(r, s.n*stride)
			for i := range s.n {
				for d := range 2 * width {
					qkv[i*stride+d] *= s.spread
				}
			}
			out, check := guarded(r, s.n*width)
			a := Attention{Heads: s.heads, Dim: s.dim, Int8: true}
			a.Run(VNNI, s.n-7, qkv, qkv[width:], qkv[2*width:], stride, out, width) // leave rubbish in the buffers
			a.Run(VNNI, s.n, qkv, qkv[width:], qkv[2*width:], stride, out, width)
			for h := range s.heads {
				for i := range s.n {
					wants, sum := attendBytes(qkv, stride, s.n, i, h, s.dim, width)
					for d, want := range wants {
						close32(t, "context", i, out[i*width+h*s.dim+d], want, 8/sum)
					}
				}
			}
			check(t)
		})
	}
}

// TestAttentionInt8NotANumber: what is not a number spoils what depends on it
// and nothing else.
func TestAttentionInt8NotANumber(t *testing.T) {
	if detect() < VNNI {
		t.Skip("needs a processor with AVX-512 VNNI")
	}
	const n, dim, stride = 70, 32, 96
	for part, name := range []string{"query", "key", "value"} {
		for _, odd := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			qkv := random(rand.New(rand.NewPCG(1, 1)), n*stride)
			const row, col = 33, 5
			qkv[row*stride+part*dim+col] = odd
			out := make([]float32, n*dim)
			a := Attention{Heads: 1, Dim: dim, Int8: true}
			a.Run(VNNI, n, qkv, qkv[dim:], qkv[2*dim:], stride, out, dim)
			for i, v := range out {
				spoiled := name == "key" || name == "query" && i/dim == row || name == "value" && i%dim == col
				if math.IsNaN(float64(v)) != spoiled {
					t.Fatalf("%v in a %s: context of token %d, column %d is %v", odd, name, i/dim, i%dim, v)
				}
			}
		}
	}
}
