package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func randomInt8(r *rand.Rand, n int) []int8 {
	v := make([]int8, n)
	for i := range v {
		v[i] = int8(r.IntN(256) - 128)
	}
	return v
}

func TestDotsInt8(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for _, l := range levels() {
		for _, dim := range []int{1, 15, 16, 63, 64, 65, 100, 128, 384} {
			for _, n := range []int{0, 1, 3, 4, 5, 64, 67, 130} {
				stride := dim + r.IntN(3)
				query, rows := randomInt8(r, dim), randomInt8(r, max(1, n)*stride)
				at := make([]uint32, n)
				for i := range at {
					at[i] = uint32(r.IntN(n))
				}
				const guard = 1 << 30
				all, some := make([]int32, n+8), make([]int32, n+8)
				for i := range all {
					all[i], some[i] = guard, guard
				}
				l.DotsInt8(all[:n], query, rows, stride)
				l.DotsInt8At(some[:n], query, rows, stride, at)
				for i := range n {
					if want := dotInt8Plain(query, rows[i*stride:]); all[i] != want {
						t.Fatalf("%v, %d values, row %d of %d: %d, want %d", l, dim, i, n, all[i], want)
					}
					if some[i] != all[at[i]] {
						t.Fatalf("%v, %d values, row number %d: %d, want %d", l, dim, at[i], some[i], all[at[i]])
					}
				}
				for i := n; i < len(all); i++ {
					if all[i] != guard || some[i] != guard {
						t.Fatalf("%v: wrote behind out", l)
					}
				}
			}
		}
	}
}

func TestDotsInt8AtTheEnds(t *testing.T) {
	const dim = 1024
	low, high := make([]int8, dim), make([]int8, dim)
	for i := range low {
		low[i], high[i] = math.MinInt8, math.MaxInt8
	}
	for _, l := range levels() {
		var out [1]int32
		for _, c := range []struct {
			a, b []int8
			want int32
		}{{low, low, dim * 128 * 128}, {low, high, -dim * 128 * 127}, {high, high, dim * 127 * 127}} {
			if l.DotsInt8(out[:], c.a, c.b, dim); out[0] != c.want {
				t.Errorf("%v: %d, want %d", l, out[0], c.want)
			}
		}
	}
}

func TestDots(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	const dim, stride, n = 100, 103, 7
	query, rows, at := random(r, dim), random(r, n*stride), []uint32{6, 0, 3}
	for _, l := range levels() {
		all, some := make([]float32, n), make([]float32, len(at))
		l.Dots(all, query, rows, stride)
		l.DotsAt(some, query, rows, stride, at)
		for i := range all {
			want := 0.0
			for k := range query {
				want += float64(query[k]) * float64(rows[i*stride+k])
			}
			close32(t, "dots", i, all[i], want, 1e-4)
		}
		for i, row := range at {
			if some[i] != all[row] {
				t.Errorf("%v: row %d: %v, want %v", l, row, some[i], all[row])
			}
		}
	}
}

func TestDotsAllocateNothing(t *testing.T) {
	query, rows, out := make([]int8, 100), make([]int8, 1000), make([]int32, 10)
	for _, l := range levels() {
		if n := testing.AllocsPerRun(5, func() { l.DotsInt8(out, query, rows, 100) }); n != 0 {
			t.Errorf("%v: %v allocations", l, n)
		}
	}
}

// BenchmarkDotsInt8 scans 1000 codes of 384 values, in the second cache level,
// in order and at random.
func BenchmarkDotsInt8(b *testing.B) {
	const dim, n = 384, 1000
	r := rand.New(rand.NewPCG(1, 1))
	query, rows, out, at := randomInt8(r, dim), randomInt8(r, n*dim), make([]int32, n), make([]uint32, n)
	for i := range at {
		at[i] = uint32(r.IntN(n))
	}
	for _, l := range levels() {
		for name, f := range map[string]func(){
			"scan":   func() { l.DotsInt8(out, query, rows, dim) },
			"random": func() { l.DotsInt8At(out, query, rows, dim, at) },
		} {
			b.Run(fmt.Sprintf("%s/%v", name, l), func(b *testing.B) {
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
			})
		}
	}
}
