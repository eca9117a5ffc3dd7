package index

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Heading is a heading of a document: a stretch of the text, in runes, half open,
// and its level from 1, the highest, to 6.
type Heading struct {
	Start int `json:"start"`
	End   int `json:"end"`
	Level int `json:"level"`
}

const lowestHeading = 6

// headingRunes bounds what is kept of a heading in a path: it is encoded and
// indexed again with each of the passages under it.
const headingRunes = 200

// checkHeadings reports ErrInvalidDocument for headings that are not stretches of
// the text in order.
func checkHeadings(d Document) error {
	if len(d.Headings) == 0 {
		return nil
	}
	runes, last := utf8.RuneCountInString(d.Text), 0
	for i, h := range d.Headings {
		if h.Start < last || h.End <= h.Start || h.End > runes {
			return fmt.Errorf("%w: heading %d spans %d to %d in a text of %d runes, behind %d", ErrInvalidDocument, i, h.Start, h.End, runes, last)
		}
		if h.Level < 1 || h.Level > lowestHeading {
			return fmt.Errorf("%w: heading %d has level %d; there are 1 to %d", ErrInvalidDocument, i, h.Level, lowestHeading)
		}
		last = h.End
	}
	return nil
}

// TextHeadings finds the headings of a text that is written in Markdown: lines
// that begin with one to six number signs and a space, outside of fenced code. A
// heading is its line, signs included. Without any the list is empty, not nil.
func TextHeadings(text string) []Heading {
	out, fence, at := []Heading{}, "", 0
	for line := range strings.Lines(text) {
		body := strings.TrimRight(line, "\r\n")
		trimmed := strings.TrimLeft(body, " ")
		indent := len(body) - len(trimmed)
		switch mark := fenceMark(trimmed); {
		case indent > 3:
		case fence != "" && strings.HasPrefix(mark, fence) && strings.TrimSpace(trimmed) == mark:
			fence = ""
		case fence == "" && mark != "":
			fence = mark
		case fence == "":
			if level, _ := atxHeading(trimmed); level > 0 {
				end := at + utf8.RuneCountInString(strings.TrimRight(body, " \t"))
				out = append(out, Heading{at + indent, end, level})
			}
		}
		at += utf8.RuneCountInString(line)
	}
	return out
}

// fenceMark is the run of three or more signs that opens or closes fenced code,
// "" if the line does neither.
func fenceMark(line string) string {
	for _, sign := range []string{"`", "~"} {
		rest := strings.TrimLeft(line, sign)
		if n := len(line) - len(rest); n >= 3 && !(sign == "`" && strings.Contains(rest, sign)) {
			return line[:n]
		}
	}
	return ""
}

// atxHeading takes a Markdown heading apart; level 0 if the line is none.
func atxHeading(line string) (level int, text string) {
	rest := strings.TrimLeft(line, "#")
	level = len(line) - len(rest)
	if level == 0 || level > lowestHeading || rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return 0, line
	}
	text = strings.TrimSpace(rest)
	if bare := strings.TrimRight(text, "#"); bare == "" || strings.HasSuffix(bare, " ") {
		text = strings.TrimSpace(bare)
	}
	if text == "" {
		return 0, line
	}
	return level, text
}

// section is a stretch of a text that a passage must begin at. It starts with
// the headings of its own, if any.
type section struct {
	headings   []Heading
	start, end int
}

// sections cuts a text at its headings. A heading without text of its own and the
// deeper one that follows begin one section.
func sections(text []rune, headings []Heading) []section {
	out := []section{{nil, 0, len(text)}}
	for _, h := range headings {
		last := &out[len(out)-1]
		if n := len(last.headings); n > 0 && last.headings[n-1].Level < h.Level {
			if start, end := trim(text, last.headings[n-1].End, h.Start); start == end {
				last.headings = append(last.headings, h)
				continue
			}
		}
		last.end = h.Start
		out = append(out, section{[]Heading{h}, h.Start, len(text)})
	}
	return out
}

// units are the sentences of a section; its headings are not parted from what
// follows if that can be helped.
func (s section) units(text []rune) []unit {
	var units []unit
	add := func(start, end int) {
		for _, u := range sentences(text[start:end]) {
			units = append(units, unit{u.start + start, u.end + start, u.after})
		}
	}
	at := s.start
	for _, h := range s.headings {
		add(at, h.End)
		if n := len(units); n > 0 {
			units[n-1].after = headingBreak
		}
		at = h.End
	}
	add(at, s.end)
	if n := len(units); n > 0 {
		units[n-1].after = paragraphBreak
	}
	return units
}

// outline finds the headings that stretches of a document stand under. Its
// stretches must be asked for in the order of their starts.
type outline struct {
	text     *runeText
	headings []Heading
	next     int       // of headings: the first that is not in path
	path     []Heading // open at where it has come to
}

func newOutline(text *runeText, headings []Heading) *outline {
	return &outline{text: text, headings: headings}
}

// open takes in a heading: it ends those of its level and deeper ones.
func (o *outline) open(h Heading) {
	n := len(o.path)
	for n > 0 && o.path[n-1].Level >= h.Level {
		n--
	}
	o.path = append(o.path[:n], h)
}

// at is the path of a passage, with the headings that it begins with, and how
// many headings of the path stand before the passage.
func (o *outline) at(p Span) (path []string, before int) {
	for o.next < len(o.headings) && o.headings[o.next].Start < p.Start {
		o.open(o.headings[o.next])
		o.next++
	}
	here, end := outline{path: append([]Heading(nil), o.path...)}, p.Start
	if o.next > 0 { // it may begin inside of a long heading
		end = max(end, o.headings[o.next-1].End)
	}
	for i := o.next; i < len(o.headings) && o.headings[i].Start < p.End; i++ {
		h := o.headings[i]
		if strings.TrimSpace(o.text.slice(end, h.Start)) != "" {
			break
		}
		here.open(h)
		end = h.End
	}
	for _, h := range here.path {
		if h.Start < p.Start {
			before++
		}
		path = append(path, o.title(h))
	}
	return path, before
}

// title is a heading's text on one line, without the signs of Markdown.
func (o *outline) title(h Heading) string {
	line := strings.Join(strings.Fields(o.text.slice(h.Start, h.End)), " ")
	_, line = atxHeading(line)
	if utf8.RuneCountInString(line) > headingRunes {
		line = string([]rune(line)[:headingRunes])
	}
	return line
}

// pathSign stands between the parts of a path.
const pathSign = " > "

// Prefixes says what stands before each passage of a record, for both legs; ""
// is nothing. Passages are ordered by their start.
func (o SplitOptions) Prefixes(r *Record) []string {
	out := make([]string, len(r.Passages))
	if o.Title != PrefixPath || len(r.Headings) == 0 {
		for i, p := range r.Passages {
			if o.Title != PrefixNone || p.Start == p.End { // a document of a title alone
				out[i] = r.Title
			}
		}
		return out
	}
	title := strings.TrimSpace(r.Title)
	outline := newOutline(newRuneText(r.Text), r.Headings)
	for i, p := range r.Passages {
		path, before := outline.at(Span{p.Start, p.End})
		path = path[:before]
		if title != "" && (len(path) == 0 || path[0] != title) {
			path = append([]string{title}, path...)
		}
		out[i] = strings.Join(path, pathSign)
	}
	return out
}
