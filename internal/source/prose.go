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

func (p *prose) String() string { return p.b.String() }

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || r == '\f'
}
