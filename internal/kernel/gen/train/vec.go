package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// mul writes y *= x.
func mul(i isa) {
	i.function("mul", "multiplies y by x, n values, a multiple of the vector.", "y *float32, x *float32, n int")
	y, x, n := pointer("y"), pointer("x"), pointer("n")
	i.loop("loop", n, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: y}, v)
		VMULPS(Mem{Base: x}, v, v)
		VMOVUPS(v, Mem{Base: y})
	}, y, x)
	end()
}

// erfc are the coefficients of Abramowitz and Stegun 7.1.26, highest power
// first: erfc(z) = t (a1 + t (a2 + ...)) e^(-z^2) with t = 1/(1 + 0.3275911 z),
// absolute error below 1.5e-7.
var erfc = []float32{1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592}

// geluBoth writes GELU and its derivative, which share an exponential. With
// a = |x|, Q(a) = erfc(a/sqrt 2)/2 and the normal density f:
//
//	GELU(x) = max(x, 0) - a Q(a)
//	GELU'(x) = 1/2 + sign(x) (1/2 - Q(a) + a f(a))
func geluBoth(i isa) {
	i.function("geluBoth", "replaces n values of x (a multiple of the vector) by their GELU and writes its derivative.", "x *float32, grad *float32, n int")
	x, grad, n := pointer("x"), pointer("grad"), pointer("n")
	zero, half, one := i.zeros(), i.splat(0.5), i.splat(1)
	exp := newExp2(i)
	i.loop("loop", n, func() {
		v, a, t, q, e := i.vec(), i.vec(), i.vec(), i.vec(), i.vec()
		VMOVUPS(Mem{Base: x}, v)
		i.and(bits32(1<<31-1), v, a)
		VMOVUPS(constant(12), e)
		VMINPS(a, e, a) // keeps infinities out, and NaN in
		VMOVUPS(constant(0.3275911/math.Sqrt2), t)
		VFMADD213PS(one, a, t)
		VDIVPS(t, one, t)
		VMOVUPS(constant(0.5*erfc[0]), q)
		for _, k := range erfc[1:] {
			VFMADD213PS(constant(0.5*k), t, q)
		}
		VMULPS(t, q, q)
		VMULPS(a, a, e)
		VMULPS(constant(-0.5*math.Log2E), e, e)
		exp.apply(e)
		VMULPS(e, q, q) // Q(a)
		VMULPS(constant(float32(1/math.Sqrt(2*math.Pi))), e, e)
		VFMADD213PS(half, a, e) // a f(a) + 1/2
		VSUBPS(q, e, e)
		i.and(bits32(1<<31), v, t)
		i.xor(t, e, e)
		VADDPS(half, e, e)
		VMOVUPS(e, Mem{Base: grad})
		VMAXPS(v, zero, v) // NaN stays
		VFNMADD231PS(a, q, v)
		VMOVUPS(v, Mem{Base: x})
	}, x, grad)
	end()
}

// exp2Poly are the minimax coefficients of (2^r - 1)/r over |r| <= 1/2 for the
// relative error of 2^r, highest power first; the error is 3e-9.
var exp2Poly = []float32{1.55946720957e-4, 1.34066435875e-3, 9.61769299263e-3, 5.550310552e-2, 2.40226527827e-1, 6.93147214967e-1}

// exp2 computes powers of two.
type exp2 struct {
	isa
	low, one reg.VecVirtual
}

func newExp2(i isa) exp2 { return exp2{i, i.splat(-126), i.splat(1)} }

// apply replaces x <= 0 by 2^x, never less than the smallest normal number.
func (e exp2) apply(x reg.VecVirtual) {
	n, p := e.vec(), e.vec()
	VMAXPS(x, e.low, x) // in this order NaN stays NaN
	if e.lanes == 16 {
		VRNDSCALEPS(Imm(0), x, n)
	} else {
		VROUNDPS(Imm(0), x, n)
	}
	VSUBPS(n, x, x)
	VMOVUPS(constant(exp2Poly[0]), p)
	for _, c := range exp2Poly[1:] {
		VFMADD213PS(constant(c), x, p)
	}
	VFMADD213PS(e.one, x, p)
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(23), n, n)
	VPADDD(n, p, x) // times 2^n, through the exponent's bits
}

// softmaxGrad writes d = p (d - sum d p) scale.
func softmaxGrad(i isa) {
	i.function("softmaxGrad", "replaces n values of d (a multiple of the vector), the gradient of a softmax p, by that of its input over scale.", "d *float32, p *float32, n int, scale float32")
	d, p, n, scale := pointer("d"), pointer("p"), pointer("n"), i.spread("scale")
	sum := i.zeros()
	at := start(d, p)
	i.loop("sum", n, func() {
		v := i.vec()
		VMOVUPS(Mem{Base: at[0]}, v)
		VFMADD231PS(Mem{Base: at[1]}, v, sum)
	}, at...)
	i.total(sum)
	i.loop("write", n, func() {
		v, w := i.vec(), i.vec()
		VMOVUPS(Mem{Base: d}, v)
		VSUBPS(sum, v, v)
		VMULPS(Mem{Base: p}, scale, w)
		VMULPS(w, v, v)
		VMOVUPS(v, Mem{Base: d})
	}, d, p)
	end()
}

// layerNormGrad writes the backward pass of one row of LayerNorm.
func layerNormGrad(i isa) {
	i.function("layerNormGrad", "writes the gradient of LayerNorm's row x, n values (a multiple of the vector), and adds those of scale and shift; inv is 1/n.",
		"dx *float32, gy *float32, x *float32, w *float32, dw *float32, db *float32, n int, eps float32, inv float32")
	gy, x, w, n, inv := pointer("gy"), pointer("x"), pointer("w"), pointer("n"), i.spread("inv")
	mean := i.zeros()
	at := start(x)
	i.loop("mean", n, func() { VADDPS(Mem{Base: at[0]}, mean, mean) }, at...)
	i.total(mean)
	VMULPS(inv, mean, mean)

	sq, s1, s2 := i.zeros(), i.zeros(), i.zeros()
	at = start(x, gy, w)
	i.loop("sums", n, func() {
		c, t := i.vec(), i.vec()
		VMOVUPS(Mem{Base: at[0]}, c)
		VSUBPS(mean, c, c)
		VMOVUPS(Mem{Base: at[1]}, t)
		VMULPS(Mem{Base: at[2]}, t, t)
		VFMADD231PS(c, c, sq)
		VADDPS(t, s1, s1)
		VFMADD231PS(t, c, s2)
	}, at...)
	for _, s := range []reg.VecVirtual{sq, s1, s2} {
		i.total(s)
		VMULPS(inv, s, s)
	}
	VADDPS(i.spread("eps"), sq, sq)
	VSQRTPS(sq, sq)
	r := i.splat(1)
	VDIVPS(sq, r, r) // 1/sd
	VMULPS(r, s2, s2)
	VMULPS(r, s2, s2)

	dx, dw, db := pointer("dx"), pointer("dw"), pointer("db")
	i.loop("write", n, func() {
		c, g, t := i.vec(), i.vec(), i.vec()
		VMOVUPS(Mem{Base: x}, c)
		VSUBPS(mean, c, c)
		VMOVUPS(Mem{Base: gy}, g)
		VADDPS(Mem{Base: db}, g, t)
		VMOVUPS(t, Mem{Base: db})
		VMULPS(Mem{Base: w}, g, t)
		VSUBPS(s1, t, t)
		VFNMADD231PS(s2, c, t)
		VMULPS(r, t, t)
		VMOVUPS(t, Mem{Base: dx})
		VMULPS(r, c, c)
		VFMADD213PS(Mem{Base: dw}, g, c)
		VMOVUPS(c, Mem{Base: dw})
	}, x, gy, w, dx, dw, db)
	end()
}

// adamW writes an update; c holds the eight constants of kernel.Adam in order.
func adamW(i isa) {
	i.function("adamW", "updates n parameters p, a multiple of the vector, and their moments by the gradients g.",
		"p *float32, m *float32, v *float32, grad *float32, n int, c *float32")
	p, m, v, g, n := pointer("p"), pointer("m"), pointer("v"), pointer("grad"), pointer("n")
	var c [8]reg.VecVirtual
	from := pointer("c")
	for j := range c {
		c[j] = i.vec()
		VBROADCASTSS(Mem{Base: from, Disp: 4 * j}, c[j])
	}
	keep, b1, b2, g1, g2, size, root, eps := c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]
	i.loop("loop", n, func() {
		d, m1, v1, w := i.vec(), i.vec(), i.vec(), i.vec()
		VMOVUPS(Mem{Base: g}, d)
		VMULPS(Mem{Base: m}, b1, m1)
		VFMADD231PS(d, g1, m1)
		VMOVUPS(m1, Mem{Base: m})
		VMULPS(d, d, d)
		VMULPS(Mem{Base: v}, b2, v1)
		VFMADD231PS(d, g2, v1)
		VMOVUPS(v1, Mem{Base: v})
		VSQRTPS(v1, v1)
		VFMADD213PS(eps, root, v1)
		VMULPS(size, m1, m1)
		VDIVPS(v1, m1, m1)
		VMOVUPS(Mem{Base: p}, w)
		VFMSUB213PS(m1, keep, w)
		VMOVUPS(w, Mem{Base: p})
	}, p, m, v, g)
	end()
}
