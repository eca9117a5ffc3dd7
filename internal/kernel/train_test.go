package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestMul(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		y, check := guarded(r, n)
		x, before := random(r, n), slices.Clone(y)
		l.Mul(y, x)
		check(t)
		for i, v := range before {
			if y[i] != v*x[i] {
				t.Fatalf("%v times %v is %v", v, x[i], y[i])
			}
		}
	})
}

func TestGELUGrad(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, checkX := guarded(r, n)
		for i := range x {
			x[i] *= 3
		}
		special := []float32{0, 1e-20, -1e-3, 8, -8, 11.9, -13, 1e30, -1e30, float32(math.Inf(1)), float32(math.Inf(-1))}
		copy(x, special[r.IntN(len(special)):])
		before := slices.Clone(x)
		grad, checkGrad := guarded(r, n)
		l.GELUGrad(x, grad)
		checkX(t)
		checkGrad(t)
		for i, v := range before {
			f := min(max(float64(v), -30), 30)
			below := 0.5 * math.Erfc(-f/math.Sqrt2)
			close32(t, "derivative", i, grad[i], below+f*math.Exp(-f*f/2)/math.Sqrt(2*math.Pi), 1e-6)
			if v > 30 && x[i] == v { // infinite, maybe
				continue
			}
			close32(t, "GELU", i, x[i], f*below, 1e-6*max(1, math.Abs(f)))
		}
		x[n-1] = float32(math.NaN())
		l.GELUGrad(x, grad)
		if x[n-1] == x[n-1] || grad[n-1] == grad[n-1] {
			t.Fatalf("NaN gives %v and %v", x[n-1], grad[n-1])
		}
	})
}

func TestSoftmaxGrad(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		d, check := guarded(r, n)
		before, p := slices.Clone(d), random(r, Padded(n))
		l.Softmax(p, n, 1)
		l.SoftmaxGrad(d, p, 0.5)
		check(t)
		var sum float64
		for i, v := range before {
			sum += float64(v) * float64(p[i])
		}
		for i, v := range before {
			close32(t, "gradient", i, d[i], float64(p[i])*(float64(v)-sum)*0.5, 1e-6)
		}
	})
}

func TestLayerNormGrad(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		const eps = 1e-5
		x, w, gy := random(r, n), random(r, n), random(r, n)
		for i := range x {
			x[i] += 3
		}
		dx, checkX := guarded(r, n)
		dw, checkW := guarded(r, n)
		db, checkB := guarded(r, n)
		dw0, db0 := slices.Clone(dw), slices.Clone(db)
		l.LayerNormGrad(dx, gy, x, w, dw, db, eps)
		checkX(t)
		checkW(t)
		checkB(t)

		var mean, variance, s1, s2 float64
		for _, v := range x {
			mean += float64(v) / float64(n)
		}
		for _, v := range x {
			variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
		}
		sd := math.Sqrt(variance + eps)
		for i, v := range x {
			g := float64(gy[i]) * float64(w[i])
			s1 += g / float64(n)
			s2 += g * (float64(v) - mean) / sd / float64(n)
		}
		// A row of few, nearly equal values is divided by a small deviation.
		tol := 2e-5 * (1 + 1/sd) * (1 + 1/sd)
		for i, v := range x {
			hat, g := (float64(v)-mean)/sd, float64(gy[i])
			close32(t, "dx", i, dx[i], (g*float64(w[i])-s1-hat*s2)/sd, tol)
			close32(t, "dw", i, dw[i], float64(dw0[i])+g*hat, tol)
			close32(t, "db", i, db[i], float64(db0[i])+g, 1e-6)
		}
		want := slices.Clone(dx)
		l.LayerNormGrad(gy, gy, x, w, dw, db, eps)
		if !slices.Equal(gy, want) {
			t.Fatal("in place it gives something else")
		}
	})
}

// TestDropoutIsTheSameAtEveryLevel compares with the definition of SplitMix64.
func TestDropoutIsTheSameAtEveryLevel(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		x, check := guarded(r, n)
		before, state := slices.Clone(x), r.Uint64()
		const scale = 1.25
		for _, drop := range []uint32{0, 1, 6554, 0x8000, 65535, 65536} {
			copy(x, before)
			l.Dropout(x, state, drop, scale)
			check(t)
			for i, v := range before {
				part := uint32(mix(state+uint64(i/4+1)*golden) >> (16 * (i % 4)) & 0xffff)
				want := v * scale
				if part < drop {
					want = 0
				}
				if x[i] != want {
					t.Fatalf("drop %d: value %d is %v, want %v", drop, i, x[i], want)
				}
			}
		}
	})
}

func TestUpdate(t *testing.T) {
	eachLevel(t, func(t *testing.T, l Level, n int, r *rand.Rand) {
		a := Adam{Keep: 0.999, B1: 0.9, B2: 0.99, G1: 0.05, G2: 0.0025, Size: 0.01, Root: 1.5, Eps: 1e-6}
		p, checkP := guarded(r, n)
		m, checkM := guarded(r, n)
		v, checkV := guarded(r, n)
		g := random(r, n)
		for i := range v {
			v[i] = v[i]*v[i] + 0.01
		}
		p0, m0, v0 := slices.Clone(p), slices.Clone(m), slices.Clone(v)
		l.Update(&a, p, m, v, g)
		checkP(t)
		checkM(t)
		checkV(t)
		for i := range p {
			d := float64(g[i])
			m1 := 0.9*float64(m0[i]) + 0.05*d
			v1 := 0.99*float64(v0[i]) + 0.0025*d*d
			close32(t, "m", i, m[i], m1, 1e-6)
			close32(t, "v", i, v[i], v1, 1e-6*(1+v1))
			close32(t, "p", i, p[i], 0.999*float64(p0[i])-0.01*m1/(1.5*math.Sqrt(v1)+1e-6), 1e-6*(1+math.Abs(float64(p0[i]))))
		}
	})
}
