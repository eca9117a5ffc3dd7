// Package curve draws the curves of trainings: the loss, raw and smoothed, and
// the scores on held-out data below it, several runs in one picture, as SVG or
// PNG.
package curve

import (
	"errors"
	"math"
)

// Point is a value at a step.
type Point struct{ X, Y float64 }

// Series is one run. Points must be in order of X. Values that are not finite
// leave a gap.
type Series struct {
	Name  string
	Loss  []Point
	Score []Point
}

// Scale of an axis.
type Scale int

// The scales. Auto is logarithmic for a loss that falls to a twentieth or less,
// else linear, and linear for steps. Values that are not positive make any scale
// linear.
const (
	Auto Scale = iota
	Linear
	Log
)

// Options of a picture. The zero value is a picture of 960 by 600.
type Options struct {
	Title  string
	Score  string // what the score is called; "" is "score"
	Width  int    // pixels; at least 320
	Height int    // pixels; at least 240
	X, Y   Scale  // of the steps, of the loss
	// Dark draws a PNG on a dark ground. An SVG follows its reader's setting.
	Dark bool
}

// ErrEmpty says that no series has a finite value.
var ErrEmpty = errors.New("nothing to draw: no finite values")

func (o Options) withDefaults() Options {
	if o.Width == 0 {
		o.Width = 960
	}
	if o.Height == 0 {
		o.Height = 600
	}
	o.Width, o.Height = min(max(o.Width, 320), 8000), min(max(o.Height, 240), 8000)
	if o.Score == "" {
		o.Score = "score"
	}
	return o
}

// most is how many points of a curve are drawn: more than there are pixels for
// cannot be seen.
const most = 2000

func finite(p Point) bool {
	return !math.IsNaN(p.X) && !math.IsInf(p.X, 0) && !math.IsNaN(p.Y) && !math.IsInf(p.Y, 0)
}

// smooth replaces every value by that of the straight line that fits its
// neighbourhood best, a fortieth of the points (Cleveland 1979, unweighted): it
// lags behind neither a slope nor an end, as moving averages do. Gaps stay gaps,
// and a spike counts as the highest of the usual values.
func smooth(points []Point) []Point {
	var usual span
	usual.bulk(points)
	sums := make([]moments, len(points)+1) // over the points before
	for i, p := range points {
		sums[i+1] = sums[i]
		if finite(p) {
			sums[i+1].add(float64(i), min(max(p.Y, usual.low), usual.high))
		}
	}
	reach := len(points) / 80
	out := make([]Point, len(points))
	for i, p := range points {
		out[i] = p
		if finite(p) {
			m := sums[min(len(points), i+reach+1)].less(sums[max(0, i-reach)])
			out[i].Y = min(max(m.line(float64(i)), usual.low), usual.high)
		}
	}
	return out
}

// moments are the sums of which a regression is made.
type moments struct{ n, x, xx, y, xy float64 }

func (m *moments) add(x, y float64) {
	m.n, m.x, m.xx, m.y, m.xy = m.n+1, m.x+x, m.xx+x*x, m.y+y, m.xy+x*y
}

func (m moments) less(o moments) moments {
	return moments{m.n - o.n, m.x - o.x, m.xx - o.xx, m.y - o.y, m.xy - o.xy}
}

// line is the value at x of the line of least squares.
func (m moments) line(x float64) float64 {
	mean := m.y / m.n
	spread := m.n*m.xx - m.x*m.x
	if m.n < 3 || spread <= 0 {
		return mean
	}
	return mean + (m.n*m.xy-m.x*m.y)/spread*(x-m.x/m.n)
}

// thin keeps at most n points so that the picture looks the same: the first and
// the last, and of every stretch between them the lowest and the highest. A gap
// in a stretch is kept.
func thin(points []Point, n int) []Point {
	if len(points) <= n || n < 8 {
		return points
	}
	out := append(make([]Point, 0, n), points[0])
	inner := points[1 : len(points)-1]
	stretches := (n - 2) / 3
	for s := range stretches {
		part := inner[s*len(inner)/stretches : (s+1)*len(inner)/stretches]
		low, high, gap := -1, -1, -1
		for i, p := range part {
			switch {
			case !finite(p):
				gap = i
			case low < 0:
				low, high = i, i
			case p.Y < part[low].Y:
				low = i
			case p.Y > part[high].Y:
				high = i
			}
		}
		for i := range part {
			if i == low || i == high || i == gap {
				out = append(out, part[i])
			}
		}
	}
	return append(out, points[len(points)-1])
}
