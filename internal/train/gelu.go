package train

import "math"

// GELU's derivative, F(x) + x f(x) with the normal distribution function F and
// its density f, is read from a table with linear interpolation: the error
// stays below 4e-7, and an exponential for every value would cost as much as
// the matrix products around it.
const (
	geluReach = 8.0  // beyond it the derivative is 0 or 1 to float32
	geluCells = 8192 // cells over [-geluReach, geluReach]
)

// geluCell is the value at a cell's left end and the step to the next.
type geluCell struct{ value, step float32 }

// geluTable is never written again.
var geluTable = func() *[geluCells + 1]geluCell {
	t := new([geluCells + 1]geluCell)
	at := func(i int) float64 {
		x := float64(i)*(2*geluReach/geluCells) - geluReach
		return 0.5*math.Erfc(-x/math.Sqrt2) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
	}
	for i := range t {
		t[i] = geluCell{float32(at(i)), float32(at(i+1) - at(i))}
	}
	return t
}()

// geluGrad multiplies d by the derivative of GELU at x.
func geluGrad(d, x []float32) {
	const scale = geluCells / (2 * geluReach)
	x = x[:len(d)]
	for i, v := range x {
		at := (v + geluReach) * scale
		at = max(0, min(at, geluCells)) // NaN passes through max and min
		if at != at {
			d[i] = at
			continue
		}
		n := int(at)
		c := geluTable[n]
		d[i] *= c.value + c.step*(at-float32(n))
	}
}
