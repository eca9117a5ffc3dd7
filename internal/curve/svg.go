package curve

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// palette is the colours of a ground. Neighbours differ for readers who do not
// tell red from green.
type palette struct {
	ground, ink, faint, rule string
	runs                     []string
}

var light = palette{
	ground: "#fcfcfb", ink: "#0b0b0b", faint: "#52514e", rule: "#e1e0d9",
	runs: []string{"#2a78d6", "#eb6834", "#1baf7a", "#eda100", "#4a3aa7", "#e87ba4", "#008300", "#e34948"},
}

var dark = palette{
	ground: "#1a1a19", ink: "#ffffff", faint: "#c3c2b7", rule: "#33322f",
	runs: []string{"#3987e5", "#d95926", "#199e70", "#c98500", "#9085e9", "#d55181", "#00a300", "#e66767"},
}

// dashes tell runs apart once all colours are taken.
var dashes = [][]float64{nil, {8, 4}, {2, 4}}

func (c paint) dash() []float64 {
	if c < 0 {
		return nil
	}
	return dashes[int(c)/len(light.runs)%len(dashes)]
}

func (p *palette) of(c paint) string {
	switch c {
	case ink:
		return p.ink
	case faint:
		return p.faint
	case rule:
		return p.rule
	case ground:
		return p.ground
	}
	return p.runs[int(c)%len(p.runs)]
}

func (c paint) class() string {
	switch c {
	case ink:
		return "i"
	case faint:
		return "f"
	case rule:
		return "r"
	case ground:
		return "g"
	}
	return "c" + strconv.Itoa(int(c)%len(light.runs))
}

// SVG writes the picture of runs as SVG, light or dark as its reader prefers. It
// needs no script, font or file beside it. Errors are ErrEmpty or w's.
func SVG(w io.Writer, list []Series, o Options) error {
	p, err := layOut(list, o)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" font-family="system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','Noto Sans KR',sans-serif">`+"\n",
		p.width, p.height, p.width, p.height)
	title := p.title
	if title == "" {
		title = "Training curves"
	}
	fmt.Fprintf(out, "<title>%s</title>\n", escape(title))
	fmt.Fprintf(out, "<style>%s@media(prefers-color-scheme:dark){%s}</style>\n", light.css(), dark.css())
	fmt.Fprintf(out, `<rect class="g" width="%.0f" height="%.0f"/>`+"\n", p.width, p.height)
	clips := make(map[box]int)
	for _, s := range p.shapes {
		if s.clip != nil && clips[*s.clip] == 0 {
			b := *s.clip
			clips[b] = len(clips) + 1
			fmt.Fprintf(out, `<clipPath id="clip%d"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath>`+"\n",
				clips[b], px(b.x0), px(b.y0), px(b.x1-b.x0), px(b.y1-b.y0))
		}
		writeSVG(out, &s, clips)
	}
	out.WriteString("</svg>\n")
	return out.Flush()
}

// css defines a class for every colour: how it fills, and how it draws lines.
func (p *palette) css() string {
	var b strings.Builder
	for _, c := range []paint{ink, faint, rule, ground} {
		fmt.Fprintf(&b, ".%s{fill:%s}.l%s{stroke:%s}", c.class(), p.of(c), c.class(), p.of(c))
	}
	for i := range p.runs {
		c := paint(i)
		fmt.Fprintf(&b, ".%s{fill:%s}.l%s{stroke:%s}", c.class(), p.of(c), c.class(), p.of(c))
	}
	return b.String()
}

func writeSVG(out *bufio.Writer, s *shape, clips map[box]int) {
	switch {
	case s.text != "":
		anchor, weight := "", ""
		if s.anchor > 0 {
			anchor = fmt.Sprintf(` text-anchor="%s"`, map[bool]string{true: "end", false: "middle"}[s.anchor == 1])
		}
		if s.bold {
			weight = ` font-weight="600"`
		}
		fmt.Fprintf(out, `<text class="%s" x="%s" y="%s" font-size="%s"%s%s xml:space="preserve">%s</text>`+"\n",
			s.paint.class(), px(s.points[0].X), px(s.points[0].Y), px(s.size), anchor, weight, escape(s.text))
	case s.dot:
		fmt.Fprintf(out, `<circle class="%s" cx="%s" cy="%s" r="%s"/>`+"\n", s.paint.class(), px(s.points[0].X), px(s.points[0].Y), px(s.width))
	default:
		path := pathData(s.points)
		if path == "" {
			return
		}
		fmt.Fprintf(out, `<path class="l%s" fill="none" stroke-width="%s" stroke-linejoin="round" stroke-linecap="round"`, s.paint.class(), px(s.width))
		if s.opacity < 1 {
			fmt.Fprintf(out, ` stroke-opacity="%s"`, px(s.opacity))
		}
		if d := s.paint.dash(); d != nil {
			fmt.Fprintf(out, ` stroke-dasharray="%s %s"`, px(d[0]), px(d[1]))
		}
		if s.clip != nil {
			fmt.Fprintf(out, ` clip-path="url(#clip%d)"`, clips[*s.clip])
		}
		fmt.Fprintf(out, ` d="%s"/>`+"\n", path)
	}
}

// pathData draws finite points and lifts the pen at others.
func pathData(points []Point) string {
	var b strings.Builder
	down := false
	for _, p := range points {
		if !finite(p) {
			down = false
			continue
		}
		if down {
			b.WriteByte('L')
		} else {
			b.WriteByte('M')
		}
		down = true
		b.WriteString(px(p.X) + " " + px(p.Y))
	}
	return b.String()
}

// px writes a length with at most a hundredth of a pixel.
func px(v float64) string {
	s := strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0")
	s = strings.TrimSuffix(s, ".")
	if s == "-0" || s == "" {
		return "0"
	}
	return s
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes everything
	return b.String()
}
