package curve

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"semdex/internal/progress"
)

// axis maps values to pixels and says where its ticks are.
type axis struct {
	low, high float64 // values at its ends
	log       bool
	from, to  float64 // pixels at its ends
	ticks     []float64
}

// at is the pixel of a value.
func (a *axis) at(v float64) float64 {
	low, high := a.low, a.high
	if a.log {
		v, low, high = math.Log(v), math.Log(low), math.Log(high)
	}
	return a.from + (v-low)/(high-low)*(a.to-a.from)
}

// newAxis covers low to high between two pixels with about so many ticks at
// round numbers.
func newAxis(low, high float64, log bool, from, to float64, ticks int) *axis {
	if size := max(math.Abs(low), math.Abs(high)); high-low <= size*1e-9 { // too close for a float's ticks
		pad := max(size*0.1, 1e-9)
		low, high = low-pad, high+pad
	}
	log = log && low > 0 && high > 1.001*low
	a := &axis{low: low, high: high, log: log, from: from, to: to}
	if log {
		a.ticks = logTicks(low, high, ticks)
	}
	if len(a.ticks) < 2 {
		a.ticks = slices.DeleteFunc(linearTicks(low, high, ticks), func(v float64) bool { return log && v <= 0 })
	}
	return a
}

// linearTicks are multiples of 1, 2 or 5 times a power of ten.
func linearTicks(low, high float64, n int) []float64 {
	rough := (high - low) / float64(max(n, 1))
	if !(rough > 0) || math.IsInf(rough, 1) {
		return nil
	}
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	step := 10 * unit
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= rough*0.999 {
			step = m * unit
			break
		}
	}
	var list []float64
	for i := math.Ceil(low/step - 1e-9); i*step <= high+step*1e-9 && len(list) <= 4*n+4; i++ {
		list = append(list, i*step)
	}
	return list
}

// logTicks are powers of ten, with 2 and 5 times them where there is room.
func logTicks(low, high float64, n int) []float64 {
	for _, marks := range [][]float64{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {1, 2, 5}, {1, 3}, {1}} {
		var list []float64
		for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
			for _, m := range marks {
				if v := m * math.Pow(10, e); v >= low*(1-1e-9) && v <= high*(1+1e-9) {
					list = append(list, v)
				}
			}
		}
		if len(list) <= n+1 || len(marks) == 1 {
			for every := 2; len(list) > n+1; every++ { // many decades
				list = everyNth(list, every)
			}
			return list
		}
	}
	return nil
}

func everyNth(list []float64, n int) []float64 {
	var out []float64
	for i := 0; i < len(list); i += n {
		out = append(out, list[i])
	}
	return out
}

// labels write the ticks, all with the same number of decimals on a linear axis.
func (a *axis) labels() []string {
	decimals := 0
	for _, v := range a.ticks {
		s := strconv.FormatFloat(v, 'g', 6, 64)
		if _, frac, ok := strings.Cut(s, "."); ok && !strings.Contains(s, "e") {
			decimals = max(decimals, len(frac))
		}
	}
	out := make([]string, len(a.ticks))
	for i, v := range a.ticks {
		out[i] = tickLabel(v, decimals, a.log)
	}
	return out
}

func tickLabel(v float64, decimals int, log bool) string {
	size := math.Abs(v)
	switch {
	case size != 0 && (size < 1e-4 || size >= 1e7):
		return strconv.FormatFloat(v, 'g', 3, 64)
	case log:
		if v >= 1000 {
			return progress.Count(int64(math.Round(v)))
		}
		return strconv.FormatFloat(v, 'g', 6, 64)
	case decimals == 0:
		return progress.Count(int64(math.Round(v)))
	}
	if s := strconv.FormatFloat(v, 'f', decimals, 64); !strings.HasPrefix(s, "-0.") || strings.Trim(s, "-0.") != "" {
		return s
	}
	return strconv.FormatFloat(0, 'f', decimals, 64)
}

// span is the range of the finite values of points, widened into it.
type span struct {
	low, high float64
	any       bool
}

func (s *span) add(v float64) {
	if !s.any {
		s.low, s.high, s.any = v, v, true
		return
	}
	s.low, s.high = min(s.low, v), max(s.high, v)
}

// pad widens a range by a share at both ends.
func (s *span) pad(share float64, log bool) {
	if log {
		r := math.Pow(s.high/s.low, share)
		s.low, s.high = s.low/r, s.high*r
		return
	}
	d := (s.high - s.low) * share
	s.low, s.high = s.low-d, s.high+d
}

// bulk adds the values of points but the outermost hundredth: a few spikes must
// not press the curve flat.
func (s *span) bulk(points []Point) {
	var list []float64
	for _, p := range points {
		if finite(p) {
			list = append(list, p.Y)
		}
	}
	slices.Sort(list)
	if n := len(list); n > 0 {
		s.add(list[n/200])
		s.add(list[n-1-n/200])
	}
}
