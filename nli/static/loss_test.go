package static

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"semdex/internal/kernel"
)

func level(t *testing.T) kernel.Level {
	t.Helper()
	l, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func random(rng *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(rng.NormFloat64())
	}
	return out
}

func TestTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n, k = 45, 71
	x, out := random(rng, n*k), make([]float32, k*n)
	transpose(out, x, n, k, 0, 20)
	transpose(out, x, n, k, 20, k)
	for i := range k {
		for j := range n {
			if out[i*n+j] != x[j*k+i] {
				t.Fatalf("element %d, %d", i, j)
			}
		}
	}
}

// plainLoss is the definition in float64, without any of loss's shortcuts.
func plainLoss(real, dims int, widths []int, scale float64, a, b []float64, masked [][]int32) float64 {
	var total float64
	candidates := len(b) / dims
	for _, w := range widths {
		s := make([][]float64, real)
		for i := range s {
			s[i] = make([]float64, candidates)
			for j := range s[i] {
				var ab, aa, bb float64
				for p := range w {
					x, y := a[i*dims+p], b[j*dims+p]
					ab, aa, bb = ab+x*y, aa+x*x, bb+y*y
				}
				s[i][j] = scale * ab / math.Sqrt(aa*bb)
			}
		}
		for i := range real {
			for _, j := range masked[i] {
				s[i][j] = math.Inf(-1)
			}
		}
		for i := range real {
			var row, col float64
			for j := range candidates {
				row += math.Exp(s[i][j])
			}
			for j := range real {
				col += math.Exp(s[j][i])
			}
			total += .5*math.Log(row) + .5*math.Log(col) - s[i][i]
		}
	}
	return total / float64(real) / float64(len(widths))
}

func widen(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// The gradient agrees with central differences of the plain loss, for one width
// and for nested ones, with and without masked pairs and texts without a partner.
func TestGradientAgainstDifferences(t *testing.T) {
	for _, c := range []struct {
		real, others, dims int
		widths             []int
		masked             map[int][]int32
	}{
		{4, 0, 32, []int{32}, nil},
		{8, 0, 96, []int{32, 64, 96}, nil},
		{7, 0, 96, []int{32, 96}, map[int][]int32{1: {2, 5}, 2: {1}, 5: {1}}},
		{5, 0, 64, []int{32, 64}, map[int][]int32{0: {4}}},
		{4, 3, 32, []int{32}, nil},
		{6, 9, 96, []int{32, 64, 96}, map[int][]int32{1: {2, 7}, 2: {1}, 5: {14}}},
	} {
		k := c.real + c.others
		rng := rand.New(rand.NewPCG(3, uint64(c.real)))
		const scale = 5
		l := newLoss(level(t), c.real, k, c.dims, c.widths, scale, 2)
		a, b := random(rng, c.real*c.dims), random(rng, k*c.dims)
		masked := make([][]int32, c.real)
		for i, js := range c.masked {
			masked[i] = js
		}
		da, db := make([]float32, len(a)), make([]float32, len(b))
		got := l.run(c.real, k, a, b, da, db, masked)
		wide, wideB := widen(a), widen(b)
		want := plainLoss(c.real, c.dims, c.widths, scale, wide, wideB, masked)
		if math.Abs(got-want) > 1e-5 {
			t.Errorf("%+v: loss %g, want %g", c, got, want)
		}
		check := func(name string, x []float64, dx []float32) {
			const step = 1e-5
			for i := range x {
				keep := x[i]
				x[i] = keep + step
				up := plainLoss(c.real, c.dims, c.widths, scale, wide, wideB, masked)
				x[i] = keep - step
				down := plainLoss(c.real, c.dims, c.widths, scale, wide, wideB, masked)
				x[i] = keep
				if slope := (up - down) / (2 * step); math.Abs(slope-float64(dx[i])) > 1e-5+1e-3*math.Abs(slope) {
					t.Fatalf("%+v: d%s[%d] is %g, differences give %g", c, name, i, dx[i], slope)
				}
			}
		}
		check("a", wide, da)
		check("b", wideB, db)
	}
}

// The same numbers, bit for bit, on any number of workers.
func TestLossSameOnAnyWorkers(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const real, candidates, dims = 61, 75, 96
	var first []float32
	var firstLoss float64
	a, b := random(rng, real*dims), random(rng, candidates*dims)
	for workers := 1; workers <= 5; workers++ {
		l := newLoss(level(t), real, candidates, dims, []int{32, 96}, 20, workers)
		da, db := make([]float32, len(a)), make([]float32, len(b))
		v := l.run(real, candidates, a, b, da, db, make([][]int32, real))
		all := append(da, db...)
		if workers == 1 {
			first, firstLoss = all, v
		} else if v != firstLoss || !slices.Equal(all, first) {
			t.Errorf("%d workers give other numbers", workers)
		}
	}
}

func TestExp32(t *testing.T) {
	for x := float32(1e-6); x > -100; x -= 0.00173 {
		got, want := float64(exp32(x)), math.Exp(float64(x))
		if x < -86 {
			want = 0 // or nearly
		}
		if math.Abs(got-want) > 1e-7*(3-float64(x))*want+1e-37 {
			t.Fatalf("exp(%g) = %g, want %g", x, got, want)
		}
	}
	if exp32(0) != 1 || exp32(-1e9) != 0 {
		t.Error("exp at 0 or far below")
	}
}
