package source

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// gap is what separates two pieces of text; larger gaps win.
type gap int

const (
	noGap gap = iota
	spaceGap
	lineGap
	paragraphGap
)

// prose collects the text of a marked-up document: white space collapsed,
// lines and paragraphs kept apart, none at either end.
type prose struct {
	b       strings.Builder
	pending gap
	marks   []Heading // in bytes of b
}

func (p *prose) separate(g gap) { p.pending = max(p.pending, g) }

func (p *prose) flush() {
	if p.b.Len() > 0 {
		switch p.pending {
		case spaceGap:
			p.b.WriteByte(' ')
		case lineGap:
			p.b.WriteByte('\n')
		case paragraphGap:
			p.b.WriteString("\n\n")
		}
	}
	p.pending = noGap
}

// inline adds running text, in which any white space is one space. A no-break
// space is text.
func (p *prose) inline(s string) {
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		if isSpace(r) {
			p.separate(spaceGap)
			s = s[size:]
			continue
		}
		end := strings.IndexFunc(s, isSpace)
		if end < 0 {
			end = len(s)
		}
		p.flush()
		p.b.WriteString(s[:end])
		s = s[end:]
	}
}

// verbatim adds text whose lines and spaces stand as they are, but for empty
// lines at its ends.
func (p *prose) verbatim(s string) {
	s = strings.Trim(s, "\r\n")
	if strings.TrimSpace(s) == "" {
		return
	}
	p.flush()
	p.b.WriteString(strings.TrimRightFunc(s, unicode.IsSpace))
}

// heading adds what write does as a heading.
func (p *prose) heading(level int, write func()) {
	before := p.b.Len()
	write()
	text := p.b.String()[before:]
	if gap := len(text) - len(strings.TrimLeft(text, " \n")); gap < len(text) {
		p.marks = append(p.marks, Heading{before + gap, p.b.Len(), level})
	}
}

// insert adds other prose as verbatim adds its text.
func (p *prose) insert(o *prose) {
	before := p.b.Len()
	p.verbatim(o.String())
	if p.b.Len() == before {
		return
	}
	at := p.b.Len() - len(strings.TrimRightFunc(o.String(), unicode.IsSpace))
	for _, h := range o.marks {
		if h.Start+at < p.b.Len() {
			p.marks = append(p.marks, Heading{h.Start + at, min(h.End+at, p.b.Len()), h.Level})
		}
	}
}

// headings are the headings in runes of the text. Those within another are left
// out.
func (p *prose) headings() []Heading {
	out, text := []Heading{}, p.b.String()
	at, runes := 0, 0
	to := func(n int) int {
		runes += utf8.RuneCountInString(text[at:n])
		at = n
		return runes
	}
	for _, h := range p.marks {
		if h.Start >= at {
			out = append(out, Heading{to(h.Start), to(h.End), h.Level})
		}
	}
	return out
}

func (p *prose) String() string { return p.b.String() }

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f'
}
