package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// quantized returns a quantised copy of m rows of k values.
func quantized(l Level, x []float32, m, k int) *Bytes {
	q := new(Bytes)
	l.FitBytes(q, m, k)
	for r := range m {
		l.Quantize(q, r, x[r*k:(r+1)*k])
	}
	return q
}

// at is byte k of row r.
func (q *Bytes) at(l Level, r, k int) int32 {
	return int32(q.data[r*q.stride+k*l.byteSize()])
}

func TestQuantizeAgreesWithPlain(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		for _, shift := range []float32{0, 5, -5} {
			x := random(r, n)
			for i := range x {
				x[i] += shift
			}
			got, want := quantized(l, x, 1, n), quantized(Plain, x, 1, n)
			if got.Scale[0] != want.Scale[0] || got.Zero[0] != want.Zero[0] {
				t.Fatalf("scale and zero %v %v, want %v %v", got.Scale[0], got.Zero[0], want.Scale[0], want.Zero[0])
			}
			for i, v := range x {
				if got.at(l, 0, i) != want.at(Plain, 0, i) {
					t.Fatalf("byte %d: %d, want %d", i, got.at(l, 0, i), want.at(Plain, 0, i))
				}
				back := got.Scale[0] * float32(got.at(l, 0, i)-got.Zero[0])
				close32(t, "x", i, back, float64(v), 0.51*float64(got.Scale[0]))
			}
		}
	})
}

func TestNaNStaysThroughInt8(t *testing.T) {
	const n, k = 33, 48
	for _, l := range levels() {
		for _, bad := range []float32{float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))} {
			for _, at := range []int{0, 7, 15, 16, k - 1} {
				for _, width := range []int{k, k - 1} { // whole vectors, and not
					x, w := make([]float32, width), make([]float32, n*width)
					for i := range x {
						x[i], w[i] = 1, 1
					}
					at := min(at, width-1)
					x[at] = bad
					q, c := quantized(l, x, 1, width), make([]float32, n)
					g := GemmInt8{M: 1, A: q, B: PackInt8(w, n, width), C: c, LDC: n}
					g.Run(l, 0, 2)
					if c[0]-c[0] == 0 {
						t.Errorf("%v: activation %v at %d of %d gives %v", l, bad, at, width, c[0])
					}
					x[at], w[at] = 1, bad
					g = GemmInt8{M: 1, A: quantized(l, x, 1, width), B: PackInt8(w, n, width), C: c, LDC: n}
					g.Run(l, 0, 2)
					if c[0]-c[0] == 0 {
						t.Errorf("%v: weight %v at %d of %d gives %v", l, bad, at, width, c[0])
					}
				}
			}
		}
	}
}

func TestQuantizeZeros(t *testing.T) {
	for _, l := range levels() {
		q := quantized(l, make([]float32, 64), 1, 64)
		for i := range 64 {
			if v := q.at(l, 0, i); v != q.Zero[0] {
				t.Fatalf("%v: zero became %d with zero point %d", l, v, q.Zero[0])
			}
		}
	}
}

func TestGemmInt8(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	shapes := [][3]int{{1, 1, 1}, {5, 31, 3}, {7, 33, 5}, {100, 40, 333}, {3, 64, 3072}}
	for m := 1; m <= 2*tileRows+1; m++ {
		shapes = append(shapes, [3]int{m, 32, 48})
	}
	for _, l := range levels() {
		for _, s := range shapes {
			t.Run(fmt.Sprintf("%v/%v", l, s), func(t *testing.T) { checkGemmInt8(t, r, l, s[0], s[1], s[2]) })
		}
	}
}

func checkGemmInt8(t *testing.T, r *rand.Rand, l Level, m, n, k int) {
	x, w, bias := random(r, m*k), random(r, n*k), random(r, n)
	for i := range x {
		x[i] += 0.3 // a zero point off the middle
	}
	a, b := quantized(l, x, m, k), PackInt8(w, n, k)
	for _, from := range []string{"zero", "bias", "add"} {
		const guard = 1e30
		c := make([]float32, m*n+panel)
		for i := range c {
			c[i] = guard
		}
		g := GemmInt8{M: m, A: a, B: b, C: c, LDC: n, Add: from == "add"}
		if from == "bias" {
			g.Bias = bias
		}
		want := make([]float64, m*n)
		for i := range m {
			for j := range n {
				switch from {
				case "add":
					c[i*n+j] = float32(i - j)
					want[i*n+j] = float64(i - j)
				case "bias":
					want[i*n+j] = float64(bias[j])
				}
				var sum int64
				for y := range k {
					sum += int64(a.at(l, i, y)-a.Zero[i]) * int64(math.RoundToEven(float64(w[j*k+y]*(127/(b.Col[j]*127)))))
				}
				want[i*n+j] += float64(sum) * float64(a.Scale[i]) * float64(b.Col[j])
			}
		}
		g.Run(l, 0, b.Panels())
		for i, v := range want {
			close32(t, from, i, c[i], v, 1e-3*math.Sqrt(float64(k)))
		}
		for _, v := range c[m*n:] {
			if v != guard {
				t.Fatal("wrote behind C")
			}
		}
	}
}

func TestGemmInt8AllocatesNothing(t *testing.T) {
	const m, n, k = 30, 40, 50
	b, x, c := PackInt8(make([]float32, n*k), n, k), make([]float32, m*k), make([]float32, m*n)
	for _, l := range levels() {
		q := quantized(l, x, m, k)
		if allocs := testing.AllocsPerRun(10, func() {
			l.Quantize(q, 0, x[:k])
			g := GemmInt8{M: m, A: q, B: b, C: c, LDC: n}
			g.Run(l, 0, b.Panels())
		}); allocs != 0 {
			t.Errorf("%v: %v allocations", l, allocs)
		}
	}
}

// BenchmarkGemmInt8 includes the quantisation of the activations.
func BenchmarkGemmInt8(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	for _, l := range levels() {
		if l == Plain || !l.IntegerProducts() {
			continue
		}
		b.Run(l.String(), func(b *testing.B) {
			eachProduct(b, func(b *testing.B, m, n, k int) {
				x, ldc := random(r, m*k), Stride(n)
				g := GemmInt8{
					M: m, A: quantized(l, x, m, k), C: make([]float32, m*ldc), LDC: ldc,
					B: NewArena(SizePackedInt8(n, k)).PackInt8(n, k, RowsOf(random(r, n*k), k)),
				}
				for b.Loop() {
					for i := range m {
						l.Quantize(g.A, i, x[i*k:(i+1)*k])
					}
					g.Run(l, 0, g.B.Panels())
				}
			})
		})
	}
}
