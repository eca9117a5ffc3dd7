package curve

import (
	"fmt"
	"math"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"semdex/internal/progress"
)

// picture is what both formats draw: shapes in drawing order, in pixels.
type picture struct {
	width, height float64
	title         string
	shapes        []shape
}

// paint names a colour of the palette: one of the runs', or ink.
type paint int

const (
	ink   paint = -1 - iota // titles
	faint                   // labels
	rule                    // grid
	ground
)

// shape is a curve, a dot or a text.
type shape struct {
	paint   paint
	points  []Point // of a curve, or the centre of a dot
	width   float64 // of the line, or the radius of a dot
	opacity float64
	clip    *box
	dot     bool
	text    string
	size    float64
	anchor  float64 // 0: the text begins at the point, 0.5: it is centred, 1: it ends there
	bold    bool
}

type box struct{ x0, y0, x1, y1 float64 }

const (
	margin    = 20.0
	textSize  = 12.0
	titleSize = 16.0
	axisRoom  = 58.0 // for the labels of the vertical axes
)

// layOut arranges a picture.
func layOut(list []Series, o Options) (*picture, error) {
	o = o.withDefaults()
	p := &picture{width: float64(o.Width), height: float64(o.Height), title: o.Title}
	curves, steps := prepare(list)
	if len(curves) == 0 {
		return nil, ErrEmpty
	}
	top := margin
	if o.Title != "" {
		p.write(margin, top+titleSize, fit(o.Title, titleSize, p.width-2*margin), shape{paint: ink, size: titleSize, bold: true})
		top += titleSize + 12
	}
	top = p.legend(curves, o, top) + 24

	var losses, scores bool
	for _, c := range curves {
		losses, scores = losses || len(c.Loss) > 0, scores || len(c.Score) > 0
	}
	area := box{margin + axisRoom, top, p.width - margin - 12, p.height - margin - 34}
	x := newAxis(steps.low, steps.high, o.X == Log && steps.low > 0, area.x0, area.x1, int((area.x1-area.x0)/110)+1)
	switch {
	case losses && scores:
		split := area.y0 + (area.y1-area.y0)*0.6
		p.panel(box{area.x0, area.y0, area.x1, split - 16}, x, curves, "loss", o)
		p.panel(box{area.x0, split + 16, area.x1, area.y1}, x, curves, o.Score, o)
	case losses:
		p.panel(area, x, curves, "loss", o)
	default:
		p.panel(area, x, curves, o.Score, o)
	}
	p.steps(area, x)
	return p, nil
}

// drawn is a run prepared for drawing.
type drawn struct {
	Series
	smooth []Point
	paint  paint
	best   *Point
	last   *Point // of the smoothed loss
}

// prepare drops what cannot be drawn and gives every run its colour.
func prepare(list []Series) (curves []drawn, steps span) {
	for i, s := range list {
		d := drawn{Series: Series{Name: s.Name}, paint: paint(i)}
		if d.Name == "" {
			d.Name = fmt.Sprintf("run %d", i+1)
		}
		if has(s.Loss) {
			d.Loss = s.Loss
			d.smooth = smooth(s.Loss)
		}
		if has(s.Score) {
			d.Score = s.Score
		}
		if d.Loss == nil && d.Score == nil {
			continue
		}
		for _, points := range [][]Point{d.Loss, d.Score} {
			for _, q := range points {
				if finite(q) {
					steps.add(q.X)
				}
			}
		}
		for j := range d.Score {
			if q := &d.Score[j]; finite(*q) && (d.best == nil || q.Y > d.best.Y) {
				d.best = q
			}
		}
		for j := range d.smooth {
			if finite(d.smooth[j]) {
				d.last = &d.smooth[j]
			}
		}
		curves = append(curves, d)
	}
	return curves, steps
}

func has(points []Point) bool {
	for _, p := range points {
		if finite(p) {
			return true
		}
	}
	return false
}

// legend names the runs with what they came to, side by side where they fit,
// and returns where it ends.
func (p *picture) legend(curves []drawn, o Options, top float64) float64 {
	labels, widest := make([]string, len(curves)), 0.0
	for i, c := range curves {
		var parts []string
		if c.last != nil {
			parts = append(parts, "loss "+value(c.last.Y))
		}
		if c.best != nil {
			parts = append(parts, fmt.Sprintf("best %s %s at %s", o.Score, value(c.best.Y), progress.Count(int64(c.best.X))))
		}
		labels[i] = c.Name + "  " + strings.Join(parts, ", ")
		widest = max(widest, textWidth(labels[i], textSize))
	}
	const swatch = 26.0
	room := p.width - 2*margin
	columns := max(1, min(len(curves), int(room/(widest+swatch+20))))
	column := room / float64(columns)
	y := top
	for i, c := range curves {
		if i%columns == 0 {
			y += textSize + 7
		}
		x := margin + float64(i%columns)*column
		p.shapes = append(p.shapes, shape{paint: c.paint, points: []Point{{x, y - 4}, {x + 18, y - 4}}, width: 3, opacity: 1})
		p.write(x+swatch, y, fit(labels[i], textSize, column-swatch-8), shape{paint: ink, size: textSize})
	}
	return y + 6
}

func value(v float64) string { return fmt.Sprintf("%.4g", v) }

// panel draws the losses or the scores of all runs in a box.
func (p *picture) panel(b box, x *axis, curves []drawn, label string, o Options) {
	y := yAxis(b, curves, label == "loss", o)
	p.write(b.x0, b.y0-7, label, shape{paint: faint, size: textSize, bold: true})
	for i, text := range y.labels() {
		at := y.at(y.ticks[i])
		p.line(rule, 1, Point{b.x0, at}, Point{b.x1, at})
		p.write(b.x0-8, at+4, text, shape{paint: faint, size: textSize, anchor: 1})
	}
	place := func(points []Point) []Point {
		out := make([]Point, len(points))
		for i, q := range points {
			out[i] = Point{math.NaN(), math.NaN()}
			if finite(q) {
				out[i] = Point{x.at(q.X), min(max(y.at(q.Y), b.y0-far), b.y1+far)} // min and max keep NaN
			}
		}
		return out
	}
	clip := &box{b.x0 - 1, b.y0 - 1, b.x1 + 1, b.y1 + 1}
	curve := func(c *drawn, points []Point, width, opacity float64) {
		p.shapes = append(p.shapes, shape{paint: c.paint, points: place(thin(points, most)), width: width, opacity: opacity, clip: clip})
	}
	if label == "loss" {
		for i := range curves { // the raw ones below all others
			curve(&curves[i], curves[i].Loss, 1, 0.3)
		}
		for i := range curves {
			curve(&curves[i], curves[i].smooth, 2, 1)
			p.single(&curves[i], curves[i].smooth, place)
		}
		return
	}
	for i := range curves {
		c := &curves[i]
		curve(c, c.Score, 2, 1)
		if len(c.Score) <= 60 {
			p.dots(c, place(c.Score), 3)
		}
	}
	for i := range curves { // the best ones above all others
		if c := &curves[i]; c.best != nil {
			p.dots(c, place([]Point{*c.best}), 5)
		}
	}
}

// far is how far outside of its box a curve is followed, in pixels.
const far = 1000

// single marks a curve that is only a point, which has no line.
func (p *picture) single(c *drawn, points []Point, place func([]Point) []Point) {
	if len(points) == 1 {
		p.dots(c, place(points), 4)
	}
}

// dots are set off from the curves by a ring of the ground's colour.
func (p *picture) dots(c *drawn, points []Point, radius float64) {
	for _, q := range points {
		if finite(q) {
			p.shapes = append(p.shapes,
				shape{paint: ground, points: []Point{q}, width: radius + 1.5, opacity: 1, dot: true},
				shape{paint: c.paint, points: []Point{q}, width: radius, opacity: 1, dot: true})
		}
	}
}

// yAxis covers the values of a panel.
func yAxis(b box, curves []drawn, losses bool, o Options) *axis {
	var all, calm span
	for _, c := range curves {
		if losses {
			all.bulk(c.Loss)
			calm.bulk(c.smooth)
			continue
		}
		for _, q := range c.Score {
			if finite(q) {
				all.add(q.Y)
			}
		}
	}
	log := losses && all.low > 0 && (o.Y == Log || o.Y == Auto && calm.high >= 20*calm.low)
	all.pad(0.04, log)
	return newAxis(all.low, all.high, log, b.y1, b.y0, int((b.y1-b.y0)/40)+1)
}

// steps labels the horizontal axis.
func (p *picture) steps(b box, x *axis) {
	p.line(faint, 1, Point{b.x0, b.y1 + 0.5}, Point{b.x1, b.y1 + 0.5})
	end := math.Inf(-1)
	for i, text := range x.labels() {
		at, w := x.at(x.ticks[i]), textWidth(text, textSize)
		if x.ticks[i] != math.Trunc(x.ticks[i]) || at-w/2 < end+8 {
			continue // there is no half a step, and labels must not touch
		}
		end = at + w/2
		p.line(faint, 1, Point{at, b.y1}, Point{at, b.y1 + 5})
		p.write(at, b.y1+19, text, shape{paint: faint, size: textSize, anchor: 0.5})
	}
	p.write((b.x0+b.x1)/2, b.y1+37, "updates", shape{paint: faint, size: textSize, anchor: 0.5, bold: true})
}

func (p *picture) line(c paint, width float64, points ...Point) {
	p.shapes = append(p.shapes, shape{paint: c, points: points, width: width, opacity: 1})
}

func (p *picture) write(x, y float64, text string, s shape) {
	s.points, s.text, s.opacity = []Point{{x, y}}, text, 1
	p.shapes = append(p.shapes, s)
}

// textWidth estimates the width of a text in a sans-serif font: an em for wide
// characters, a good half for others.
func textWidth(text string, size float64) float64 {
	ems := 0.0
	for _, r := range text {
		switch k := width.LookupRune(r).Kind(); {
		case unicode.Is(unicode.Mn, r):
		case k == width.EastAsianWide, k == width.EastAsianFullwidth:
			ems++
		case strings.ContainsRune("iljtf.,:;' |", r):
			ems += 0.32
		case unicode.IsUpper(r), strings.ContainsRune("mw%@", r):
			ems += 0.75
		default:
			ems += 0.58
		}
	}
	return ems * size
}

// fit cuts a text to a width.
func fit(text string, size, room float64) string {
	if textWidth(text, size) <= room {
		return text
	}
	runes := []rune(text)
	for len(runes) > 1 && textWidth(string(runes)+"…", size) > room {
		runes = runes[:len(runes)-1]
	}
	return string(runes) + "…"
}
