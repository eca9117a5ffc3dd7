package sbert

import (
	"math/rand/v2"

	"semdex/internal/train"
)

// Plan is the only one that fits tasks whose examples are batches.
var Plan = train.Plan{Tokens: 1, Examples: 1, Window: 1}

// deck says which source each batch of a training comes from, and which of that
// source's batches it is.
type deck struct{ source, ordinal []int32 }

// deal gives batches to sources with a probability in proportion to their
// weights.
func deal(weights []float64, batches int, seed uint64) deck {
	var total float64
	for _, w := range weights {
		total += w
	}
	rng := rand.New(rand.NewPCG(seed, 0x6465616c))
	d := deck{make([]int32, batches), make([]int32, batches)}
	dealt := make([]int32, len(weights))
	for i := range d.source {
		x, pick := rng.Float64()*total, 0
		for pick < len(weights)-1 {
			if x -= weights[pick]; x < 0 {
				break
			}
			pick++
		}
		d.source[i], d.ordinal[i] = int32(pick), dealt[pick]
		dealt[pick]++
	}
	return d
}

// draw gives the examples of batch i, whose source has n of them: most, or all
// if there are fewer. Every example of a source comes once before any comes
// again, in a new order each time.
func (d *deck) draw(seed uint64, i, n, most int) []int {
	source, size := uint64(d.source[i]), min(most, n)
	out := make([]int, size)
	first := int(d.ordinal[i]) * size
	for j := range out {
		k := first + j
		out[j] = shuffled(k%n, n, train.Seed(seed, source, uint64(k/n)))
	}
	return out
}

// shuffled is the place of i in a random order of 0..n-1 that key decides: a
// Feistel network over as many bits as n needs, walked until it is in range
// (Black and Rogaway 2002). It needs no memory.
func shuffled(i, n int, key uint64) int {
	half := uint(1)
	for 1<<(2*half) < n {
		half++
	}
	mask := uint64(1)<<half - 1
	x := uint64(i)
	for {
		left, right := x>>half, x&mask
		for round := range uint64(4) {
			left, right = right, left^train.Seed(key, round, right)&mask
		}
		if x = left<<half | right; x < uint64(n) {
			return int(x)
		}
	}
}
