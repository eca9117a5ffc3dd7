package train

import "math"

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// golden is SplitMix64's increment.
const golden = 0x9e3779b97f4a7c15

// Seed derives a seed from others: the run's, the step, an example.
func Seed(parts ...uint64) uint64 {
	s := uint64(golden)
	for _, p := range parts {
		s = mix(s + golden ^ mix(p+golden))
	}
	return mix(s)
}

// dropout is one site's mask (Srivastava et al. 2014, the inverted form). It is
// a function of seed, row and column, so Backward computes it again instead of
// keeping it. The rate has a resolution of 1/65536.
type dropout struct {
	seed  uint64
	drop  uint32 // values below it, of 65536, are dropped
	scale float32
}

// dropout numbers a new site. It does nothing outside of training.
func (g *Graph) dropout(rate float64) dropout {
	g.sites++
	drop := uint32(math.Round(rate * 65536))
	if !g.train || drop == 0 {
		return dropout{}
	}
	return dropout{seed: Seed(g.seed, g.sites), drop: drop, scale: float32(1 / (1 - float64(drop)/65536))}
}

func (d dropout) active() bool { return d.drop > 0 }

// apply multiplies a row by its mask: zero, or 1/(1-rate).
func (d dropout) apply(x []float32, row int) {
	if d.drop == 0 {
		return
	}
	state := mix(d.seed + golden*uint64(row+1))
	for len(x) >= 4 {
		state += golden
		z := mix(state)
		x4 := x[:4]
		x4[0] = d.keep(x4[0], uint32(z&0xffff))
		x4[1] = d.keep(x4[1], uint32(z>>16&0xffff))
		x4[2] = d.keep(x4[2], uint32(z>>32&0xffff))
		x4[3] = d.keep(x4[3], uint32(z>>48))
		x = x[4:]
	}
	z := mix(state + golden)
	for i := range x {
		x[i] = d.keep(x[i], uint32(z&0xffff))
		z >>= 16
	}
}

// keep is v scaled if u is at least drop, else 0, without a branch.
func (d dropout) keep(v float32, u uint32) float32 {
	mask := ^uint32(int32(u-d.drop) >> 31)
	return math.Float32frombits(math.Float32bits(v*d.scale) & mask)
}
