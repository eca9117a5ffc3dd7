package kernel

import "math"

// The functions in this file serve training alone. Slices given together have
// one length. Values beyond whole vectors are computed in plain Go.

// Mul multiplies y by x.
func (l Level) Mul(y, x []float32) {
	whole := len(y) / lanes * lanes
	if whole > 0 {
		l.mul(y[:whole], x[:whole])
	}
	mulPlain(y[whole:], x[whole:len(y)])
}

// GELUGrad replaces x by GELU(x), in the exact form, and writes its derivative
// to grad. Absolute errors are below 1e-6.
func (l Level) GELUGrad(x, grad []float32) {
	whole := len(x) / lanes * lanes
	if whole > 0 {
		l.geluBoth(x[:whole], grad[:whole])
	}
	geluBothPlain(x[whole:], grad[whole:len(x)])
}

// SoftmaxGrad replaces d, the gradient of p = softmax(scale x), by that of x:
// p (d - sum d p) scale.
func (l Level) SoftmaxGrad(d, p []float32, scale float32) {
	if len(d)%lanes != 0 || len(d) == 0 {
		softmaxGradPlain(d, p[:len(d)], scale)
		return
	}
	l.softmaxGrad(d, p[:len(d)], scale)
}

// LayerNormGrad writes the gradient of one row x of LayerNorm to dx, which may
// be gy, and adds those of its scale w and shift to dw and db:
//
//	dx = (t - mean(t) - x^ mean(t x^)) / sd    with t = gy w, x^ = (x - mean) / sd
//	dw = gy x^    db = gy
func (l Level) LayerNormGrad(dx, gy, x, w, dw, db []float32, eps float32) {
	n := len(x)
	dx, gy, w, dw, db = dx[:n], gy[:n], w[:n], dw[:n], db[:n]
	if n%lanes != 0 {
		l = Plain
	}
	l.layerNormGrad(dx, gy, x, w, dw, db, eps)
}

// golden is the increment of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// mix is its finaliser.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Dropout multiplies x by a random mask of zeros and scale. Every four values
// take the next number of SplitMix64 (Steele, Lea and Flood 2014) after state;
// a value whose 16 bits of it, the lowest first, are below drop becomes zero.
// The mask is the same at every level.
func (l Level) Dropout(x []float32, state uint64, drop uint32, scale float32) {
	whole := len(x) / lanes * lanes
	if whole > 0 {
		l.dropout(x[:whole], state, drop, scale)
		state += uint64(whole) / 4 * golden
	}
	dropoutPlain(x[whole:], state, drop, scale)
}

// Adam is the constants of an update of AdamW:
//
//	m <- B1 m + G1 g    v <- B2 v + G2 g^2
//	p <- Keep p - Size m / (Root sqrt(v) + Eps)
type Adam struct {
	Keep, B1, B2, G1, G2, Size, Root, Eps float32
}

// Update applies a to parameters p with moments m and v and gradients g.
func (l Level) Update(a *Adam, p, m, v, g []float32) {
	n := len(p)
	m, v, g = m[:n], v[:n], g[:n]
	whole := n / lanes * lanes
	if whole > 0 {
		l.adamW(a, p[:whole], m[:whole], v[:whole], g[:whole])
	}
	adamWPlain(a, p[whole:], m[whole:], v[whole:], g[whole:])
}

// The plain versions, which are also the references in tests.

func mulPlain(y, x []float32) {
	for i, v := range x {
		y[i] *= v
	}
}

func geluBothPlain(x, grad []float32) {
	for i, v := range x {
		f := min(max(float64(v), -20), 20)
		below := 0.5 * math.Erfc(-f/math.Sqrt2)
		grad[i] = float32(below + f*math.Exp(-f*f/2)/math.Sqrt(2*math.Pi))
		if f == float64(v) {
			x[i] = float32(f * below)
		} else {
			x[i] = max(v, 0) // NaN stays
		}
	}
}

func softmaxGradPlain(d, p []float32, scale float32) {
	var sum float32
	for i, v := range d {
		sum += v * p[i]
	}
	for i, v := range d {
		d[i] = p[i] * scale * (v - sum)
	}
}

func layerNormGradPlain(dx, gy, x, w, dw, db []float32, eps float32) {
	var sum, sq, s1, s2 float32
	inv := 1 / float32(len(x))
	for _, v := range x {
		sum += v
	}
	mean := sum * inv
	for i, v := range x {
		c, t := v-mean, gy[i]*w[i]
		sq += c * c
		s1 += t
		s2 += t * c
	}
	r := 1 / float32(math.Sqrt(float64(sq*inv+eps)))
	s1, s2 = s1*inv, s2*inv*r*r
	for i, v := range x {
		c, g := v-mean, gy[i]
		db[i] += g
		dw[i] += g * c * r
		dx[i] = (g*w[i] - s1 - s2*c) * r
	}
}

func dropoutPlain(x []float32, state uint64, drop uint32, scale float32) {
	for len(x) > 0 {
		state += golden
		z := mix(state)
		n := min(4, len(x))
		for i := range n {
			dropped := uint32(int32(uint32(z&0xffff)-drop) >> 31) // all ones, or none
			x[i] = math.Float32frombits(math.Float32bits(x[i]*scale) &^ dropped)
			z >>= 16
		}
		x = x[n:]
	}
}

func adamWPlain(a *Adam, p, m, v, g []float32) {
	for i, w := range p {
		d := g[i]
		m1 := a.B1*m[i] + a.G1*d
		v1 := a.B2*v[i] + a.G2*(d*d)
		m[i], v[i] = m1, v1
		p[i] = a.Keep*w - a.Size*m1/(float32(math.Sqrt(float64(v1)))*a.Root+a.Eps)
	}
}
