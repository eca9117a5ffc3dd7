package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// widths are lengths around the vectors' borders and a model's own.
var widths = []int{1, 2, 15, 16, 17, 31, 32, 48, 63, 64, 65, 100, 384, 1536}

// eachLevel runs f for every level and width with a seed that is logged.
func eachLevel(t *testing.T, f func(t *testing.T, l Level, n int, r *rand.Rand)) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for _, l := range levels() {
		for _, n := range widths {
			t.Run(fmt.Sprintf("%v/%d", l, n), func(t *testing.T) { f(t, l, n, rand.New(rand.NewPCG(seed, uint64(n)))) })
		}
	}
}

// guarded returns n random values with room behind them that must not change,
// and a check of that.
func guarded(r *rand.Rand, n int) ([]float32, func(t *testing.T)) {
	const guard = 1e30
	all := random(r, n+2*lanes)
	for i := n; i < len(all); i++ {
		all[i] = guard
	}
	return all[:n:n], func(t *testing.T) {
		t.Helper()
		for _, v := range all[n:] {
			if v != guard {
				t.Fatal("wrote behind the slice")
			}
		}
	}
}

func close32(t *testing.T, name string, i int, got float32, want, tol float64) {
	t.Helper()
	if d := math.Abs(float64(got) - want); !(d <= tol) {
		t.Fatalf("%s[%d] = %v, want %v", name, i, got, want)
	}
}

func TestSoftmax(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, check := guarded(r, Padded(n))
		for i := range n {
			x[i] *= 20
		}
		const scale = 0.25 // exact in float32
		want, sum, top := make([]float64, n), 0.0, math.Inf(-1)
		for _, v := range x[:n] {
			top = max(top, scale*float64(v))
		}
		for i, v := range x[:n] {
			want[i] = math.Exp(scale*float64(v) - top)
			sum += want[i]
		}
		l.Softmax(x, n, scale)
		for i := range n {
			close32(t, "softmax", i, x[i], want[i]/sum, 1e-5)
		}
		for _, v := range x[n:] {
			if v != 0 {
				t.Fatal("padding is not zero")
			}
		}
		check(t)
	})
}

func TestSoftmaxFarApart(t *testing.T) {
	for _, l := range levels() {
		x := make([]float32, lanes)
		copy(x, []float32{1e4, -1e4, 0})
		l.Softmax(x, 3, 1)
		if x[0] != 1 || x[1] > 1e-30 || x[2] > 1e-30 {
			t.Errorf("%v: %v", l, x[:3])
		}
	}
}

func TestGELUOverItsRange(t *testing.T) {
	var in []float32
	for v := float32(-12); v <= 12; v += 1.0 / 256 {
		in = append(in, v)
	}
	in = append(in, 0, float32(math.Copysign(0, -1)), 1e-30, -1e-30, 100, -100, 1e30, -1e30)
	for _, l := range levels() {
		x := append([]float32(nil), in...)
		l.GELU(x)
		for i, v := range in {
			want := 0.5 * float64(v) * math.Erfc(-float64(v)/math.Sqrt2)
			close32(t, l.String()+" gelu", i, x[i], want, 1e-6+2e-7*math.Abs(want))
		}
	}
}

func TestNaNStays(t *testing.T) {
	nan := float32(math.NaN())
	for _, l := range levels() {
		for at := range lanes {
			gelu, row, columns := make([]float32, lanes), make([]float32, lanes), make([]float32, 3*panel)
			gelu[at], row[at], columns[panel+at] = nan, nan, nan
			l.GELU(gelu)
			l.Softmax(row, lanes, 1)
			l.softmaxColumns(columns, 3, panel, 1)
			if v := gelu[at]; v == v {
				t.Errorf("%v: GELU of NaN is %v", l, v)
			}
			if v := row[at]; v == v {
				t.Errorf("%v: softmax over NaN gives %v", l, v)
			}
			if v := columns[panel+at]; v == v {
				t.Errorf("%v: softmax over columns with NaN gives %v", l, v)
			}
		}
	}
}

func TestGELUTails(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, check := guarded(r, n)
		in := append([]float32(nil), x...)
		l.GELU(x)
		for i, v := range in {
			close32(t, "gelu", i, x[i], 0.5*float64(v)*math.Erfc(-float64(v)/math.Sqrt2), 1e-6)
		}
		check(t)
	})
}

func TestLayerNorm(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, check := guarded(r, n)
		add, w, b := random(r, n), random(r, n), random(r, n)
		const eps = 1e-12
		in := make([]float64, n)
		mean, variance := 0.0, 0.0
		for i := range in {
			in[i] = float64(x[i] + add[i])
			mean += in[i] / float64(n)
		}
		for _, v := range in {
			variance += (v - mean) * (v - mean) / float64(n)
		}
		l.LayerNorm(x, add, w, b, eps)
		if n == 1 { // 0/sqrt(eps): only rounding decides
			return
		}
		for i, v := range in {
			want := (v-mean)/math.Sqrt(variance+eps)*float64(w[i]) + float64(b[i])
			close32(t, "layernorm", i, x[i], want, 1e-5*(1+math.Abs(want)))
		}
		check(t)
	})
}

func TestDotAndAxpy(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		y, check := guarded(r, n)
		x := random(r, n)
		sum, size := 0.0, 0.0
		for i := range x {
			p := float64(x[i]) * float64(y[i])
			sum += p
			size += math.Abs(p)
		}
		close32(t, "dot", 0, l.Dot(x, y), sum, 1e-6*size)
		in := append([]float32(nil), y...)
		l.Axpy(y, x, -1.5)
		for i := range y {
			close32(t, "axpy", i, y[i], float64(in[i])-1.5*float64(x[i]), 1e-6*(1+math.Abs(float64(in[i]))+math.Abs(float64(x[i]))))
		}
		check(t)
	})
}

func TestScaleAndSumRows(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, check := guarded(r, n)
		in := append([]float32(nil), x...)
		l.Scale(x, -0.75)
		for i := range x {
			close32(t, "scale", i, x[i], -0.75*float64(in[i]), 1e-6*math.Abs(float64(in[i])))
		}
		const rows = 5
		ld := n + 3
		m := random(r, rows*ld)
		copy(in, x)
		l.SumRows(x, m, rows, ld)
		for i := range x {
			want := float64(in[i])
			for j := range rows {
				want += float64(m[j*ld+i])
			}
			close32(t, "sum", i, x[i], want, 1e-5)
		}
		check(t)
	})
}

func TestVectorFunctionsAllocateNothing(t *testing.T) {
	x, y, w, b := make([]float32, 100), make([]float32, 100), make([]float32, 100), make([]float32, 100)
	for _, l := range levels() {
		if n := testing.AllocsPerRun(10, func() {
			l.GELU(x)
			l.Softmax(x, 80, 1)
			l.LayerNorm(x, y, w, b, 1)
			l.Axpy(y, x, l.Dot(x, y))
		}); n != 0 {
			t.Errorf("%v: %v allocations", l, n)
		}
	}
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		forced string
		want   Level
		ok     bool
	}{{"", detect(), true}, {"plain", Plain, true}, {"AVX2", min(AVX2, detect()), true}, {"vnni", detect(), true}, {"sse", detect(), false}} {
		got, err := Choose(c.forced)
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("Choose(%q) = %v, %v", c.forced, got, err)
		}
	}
}

func BenchmarkVectors(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	x, y, w, c := random(r, 1536), random(r, 1536), random(r, 1536), random(r, 1536)
	for _, l := range levels() {
		for name, f := range map[string]func(){
			"gelu":      func() { l.GELU(x) },
			"softmax":   func() { l.Softmax(x, 1536, 1) },
			"layernorm": func() { l.LayerNorm(x, y, w, c, 1e-12) },
			"dot":       func() { x[0] = l.Dot(x, y) },
		} {
			b.Run(name+"/"+l.String(), func(b *testing.B) {
				b.SetBytes(1536 * 4)
				for b.Loop() {
					f()
				}
			})
		}
	}
}
