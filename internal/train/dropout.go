package train

import (
	"math"

	"semdex/internal/kernel"
)

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
	rows  []int32 // the numbers of the rows that apply counts; nil: as it counts
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
func (d dropout) apply(l kernel.Level, x []float32, row int) {
	if d.drop > 0 {
		if d.rows != nil {
			row = int(d.rows[row])
		}
		l.Dropout(x, mix(d.seed+golden*uint64(row+1)), d.drop, d.scale)
	}
}
