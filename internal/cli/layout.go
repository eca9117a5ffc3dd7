package cli

import (
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// RuneWidth is how many columns a character takes: 2 for Hangul, Han, kana,
// full-width forms and most emoji, 0 for combining marks.
func RuneWidth(r rune) int {
	switch {
	case r >= ' ' && r < 0x7f:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1160 && r <= 0x11ff: // vowels and finals of conjoining jamo
		return 0
	case r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Width is how many columns a text takes.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += RuneWidth(r)
	}
	return n
}

// Fit cuts a text to columns, with an ellipsis where something is lost.
func Fit(s string, columns int) string {
	if Width(s) <= columns {
		return s
	}
	n := 0
	for i, r := range s {
		if n += RuneWidth(r); n > columns-1 {
			return strings.TrimRight(s[:i], " ") + "…"
		}
	}
	return s
}

// Range is a half-open range of runes.
type Range struct{ Start, End int }

// Wrap breaks text into lines of at most columns columns, at spaces where it
// can, and returns the runes of each line without the spaces at its ends.
func Wrap(text []rune, columns int) []Range {
	columns = max(columns, 2)
	var lines []Range
	for i := skipSpaces(text, 0); i < len(text); {
		end := lineEnd(text, i, columns)
		last := end
		for last > i && text[last-1] == ' ' {
			last--
		}
		lines = append(lines, Range{i, last})
		i = skipSpaces(text, end)
	}
	return lines
}

// lineEnd is where the line that begins at i has to end: after the last space
// that fits, or within a word that is longer than a line.
func lineEnd(text []rune, i, columns int) int {
	used, space := 0, -1
	for j := i; j < len(text); j++ {
		if text[j] == ' ' {
			space = j
		}
		if used += RuneWidth(text[j]); used > columns {
			if space > i {
				return space
			}
			return max(j, i+1)
		}
	}
	return len(text)
}

func skipSpaces(text []rune, i int) int {
	for i < len(text) && text[i] == ' ' {
		i++
	}
	return i
}

// PaintRange renders runes [r.Start, r.End) of a text, those within marks in style.
// Marks are ordered and do not overlap.
func (t Terminal) PaintRange(text []rune, r Range, marks []Range, style Style) string {
	var b strings.Builder
	at := r.Start
	for _, m := range marks {
		start, end := max(m.Start, at), min(m.End, r.End)
		if start >= end {
			continue
		}
		b.WriteString(string(text[at:start]))
		b.WriteString(t.Paint(style, string(text[start:end])))
		at = end
	}
	b.WriteString(string(text[at:r.End]))
	return b.String()
}

// Snippet chooses at most columns columns of text that show the most marked
// runes, the earliest of equals, beginning and ending between words. The
// whole text is its own snippet if it fits.
func Snippet(text []rune, marks []Range, columns int) Range {
	if fits(text, 0, columns) == len(text) {
		return Range{0, len(text)}
	}
	best, bestShown := 0, -1
	for _, m := range append([]Range{{0, 0}}, marks...) {
		start := leadIn(text, m.Start, columns/4)
		end := fits(text, start, columns)
		if shown := markedWithin(marks, start, end); shown > bestShown {
			best, bestShown = start, shown
		}
	}
	end := fits(text, best, columns)
	if end < len(text) && text[end] != ' ' {
		for cut := end; cut > best+(end-best)/2; cut-- {
			if text[cut-1] == ' ' {
				end = cut - 1
				break
			}
		}
	}
	return Range{best, end}
}

// fits is the end of the longest stretch from start that takes columns.
func fits(text []rune, start, columns int) int {
	used := 0
	for i := start; i < len(text); i++ {
		if used += RuneWidth(text[i]); used > columns {
			return i
		}
	}
	return len(text)
}

// leadIn goes back from at by up to columns, to the beginning of a sentence if
// there is one on the way, else of a word.
func leadIn(text []rune, at, columns int) int {
	used, word := 0, at
	for i := at; i > 0; i-- {
		if used += RuneWidth(text[i-1]); used > columns {
			return word
		}
		if text[i-1] == ' ' {
			word = i
			if i > 1 && strings.ContainsRune(".!?。", text[i-2]) {
				return i
			}
		}
	}
	return 0
}

func markedWithin(marks []Range, start, end int) int {
	n := 0
	for _, m := range marks {
		n += max(0, min(m.End, end)-max(m.Start, start))
	}
	return n
}

// Table is rows of cells in columns as wide as they need to be.
type Table struct {
	Header []string
	Right  []bool // columns that are aligned to the right; missing ones are not
	Rows   [][]string
}

// Write lays the table out, two spaces between columns.
func (t *Table) Write(w io.Writer, term Terminal) error {
	var widths []int
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Width(cell))
		}
	}
	var b strings.Builder
	if t.Header != nil {
		b.WriteString(term.Paint(Bold, t.line(t.Header, widths)) + "\n")
	}
	for _, row := range t.Rows {
		b.WriteString(t.line(row, widths) + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) line(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		if i > 0 {
			b.WriteString("  ")
		}
		space := strings.Repeat(" ", widths[i]-Width(cell))
		if i < len(t.Right) && t.Right[i] {
			b.WriteString(space + cell)
		} else {
			b.WriteString(cell + space)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
