package curve

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"io"
	"math"
	"strconv"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// density is how many pixels of a PNG stand for one of the options: two, so that
// it is sharp on today's screens.
const density = 2

// PNG writes the picture of runs as PNG, two pixels for each of the options'.
// Its font has Latin, Greek and Cyrillic letters; names in other scripts are
// better drawn as SVG. Errors are ErrEmpty or w's.
func PNG(w io.Writer, list []Series, o Options) error {
	p, err := layOut(list, o)
	if err != nil {
		return err
	}
	c, err := newCanvas(p, o.Dark)
	if err != nil {
		return err
	}
	for i := range p.shapes {
		if err := c.draw(&p.shapes[i]); err != nil {
			return err
		}
	}
	return png.Encode(w, c.image)
}

// canvas is a picture in pixels.
type canvas struct {
	image   *image.RGBA
	colours *palette
	pen     vector.Rasterizer
	regular *opentype.Font
	bold    *opentype.Font
	faces   map[face]font.Face
}

type face struct {
	size float64
	bold bool
}

func newCanvas(p *picture, darkGround bool) (*canvas, error) {
	c := &canvas{
		image:   image.NewRGBA(image.Rect(0, 0, int(p.width)*density, int(p.height)*density)),
		colours: &light, faces: make(map[face]font.Face),
	}
	if darkGround {
		c.colours = &dark
	}
	draw.Draw(c.image, c.image.Rect, image.NewUniform(c.colour(ground, 1)), image.Point{}, draw.Src)
	var err error
	if c.regular, err = opentype.Parse(goregular.TTF); err == nil {
		c.bold, err = opentype.Parse(gobold.TTF)
	}
	return c, err
}

func (c *canvas) colour(p paint, opacity float64) color.NRGBA {
	n, err := strconv.ParseUint(c.colours.of(p)[1:], 16, 32)
	if err != nil {
		panic(fmt.Sprintf("curve: colour %q", c.colours.of(p))) // an error of the tables above
	}
	return color.NRGBA{uint8(n >> 16), uint8(n >> 8), uint8(n), uint8(math.Round(255 * opacity))}
}

func (c *canvas) draw(s *shape) error {
	if s.text != "" {
		return c.text(s)
	}
	area := c.area(s)
	if area.Empty() {
		return nil
	}
	c.pen.Reset(area.Dx(), area.Dy())
	points := make([]Point, len(s.points))
	for i, p := range s.points {
		points[i] = Point{p.X*density - float64(area.Min.X), p.Y*density - float64(area.Min.Y)}
	}
	if s.dot {
		c.disc(points[0], s.width*density)
	} else {
		for _, part := range dashed(points, s.paint.dash()) {
			c.stroke(part, s.width*density/2)
		}
	}
	c.pen.Draw(c.image, area, image.NewUniform(c.colour(s.paint, s.opacity)), image.Point{})
	return nil
}

// area is the pixels that a shape may touch.
func (c *canvas) area(s *shape) image.Rectangle {
	var x, y span
	for _, p := range s.points {
		if finite(p) {
			x.add(p.X)
			y.add(p.Y)
		}
	}
	if !x.any {
		return image.Rectangle{}
	}
	reach := s.width + 1
	r := image.Rect(scaled(x.low-reach), scaled(y.low-reach), scaled(x.high+reach), scaled(y.high+reach))
	if s.clip != nil {
		r = r.Intersect(image.Rect(scaled(s.clip.x0), scaled(s.clip.y0), scaled(s.clip.x1), scaled(s.clip.y1)))
	}
	return r.Intersect(c.image.Rect)
}

func scaled(v float64) int { return int(math.Round(v * density)) }

// stroke adds a line with round joins and ends. All parts turn the same way
// round, so that the rasteriser adds them up where they overlap.
func (c *canvas) stroke(points []Point, radius float64) {
	for i, p := range points {
		if radius > 1 {
			c.disc(p, radius)
		}
		if i == 0 {
			continue
		}
		q := points[i-1]
		dx, dy := p.X-q.X, p.Y-q.Y
		length := math.Hypot(dx, dy)
		if length == 0 {
			continue
		}
		nx, ny := -dy/length*radius, dx/length*radius
		c.polygon(Point{q.X + nx, q.Y + ny}, Point{p.X + nx, p.Y + ny}, Point{p.X - nx, p.Y - ny}, Point{q.X - nx, q.Y - ny})
	}
}

func (c *canvas) disc(at Point, radius float64) {
	corners := make([]Point, 8+int(2*radius))
	for i := range corners {
		sin, cos := math.Sincos(-2 * math.Pi * float64(i) / float64(len(corners)))
		corners[i] = Point{at.X + radius*cos, at.Y + radius*sin}
	}
	c.polygon(corners...)
}

func (c *canvas) polygon(points ...Point) {
	c.pen.MoveTo(float32(points[0].X), float32(points[0].Y))
	for _, p := range points[1:] {
		c.pen.LineTo(float32(p.X), float32(p.Y))
	}
	c.pen.ClosePath()
}

// dashed parts a curve at its gaps, and into dashes if there is a pattern.
func dashed(points []Point, pattern []float64) [][]Point {
	var parts [][]Point
	var part []Point
	end := func() {
		if len(part) > 0 {
			parts = append(parts, part)
		}
		part = nil
	}
	on, left := true, math.Inf(1)
	if pattern != nil {
		left = pattern[0] * density
	}
	var last *Point
	for i := range points {
		p := points[i]
		if !finite(p) {
			end()
			last = nil
			continue
		}
		for last != nil {
			length := math.Hypot(p.X-last.X, p.Y-last.Y)
			if length < left {
				left -= length
				break
			}
			t := left / length
			turn := Point{last.X + t*(p.X-last.X), last.Y + t*(p.Y-last.Y)}
			if on {
				part = append(part, turn)
				end()
			} else {
				part = []Point{turn}
			}
			on = !on
			left = pattern[map[bool]int{true: 0, false: 1}[on]] * density
			last = &turn
		}
		if on {
			part = append(part, p)
		}
		last = &points[i]
	}
	end()
	return parts
}

func (c *canvas) text(s *shape) error {
	f, err := c.face(face{s.size, s.bold})
	if err != nil {
		return err
	}
	d := font.Drawer{Dst: c.image, Src: image.NewUniform(c.colour(s.paint, s.opacity)), Face: f}
	x := s.points[0].X*density - s.anchor*float64(d.MeasureString(s.text))/64
	d.Dot = fixed.Point26_6{X: fixed.Int26_6(math.Round(x * 64)), Y: fixed.Int26_6(math.Round(s.points[0].Y * density * 64))}
	d.DrawString(s.text)
	return nil
}

func (c *canvas) face(k face) (font.Face, error) {
	if f := c.faces[k]; f != nil {
		return f, nil
	}
	source := c.regular
	if k.bold {
		source = c.bold
	}
	f, err := opentype.NewFace(source, &opentype.FaceOptions{Size: k.size * density, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, err
	}
	c.faces[k] = f
	return f, nil
}
