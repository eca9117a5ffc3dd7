package index

import (
	"math"
	"unicode"

	"golang.org/x/text/width"
)

// SplitText cuts a text into passages of at most o.Size columns. It ends them
// at empty lines, line ends and sentence ends, in this order of preference, and
// never right after a heading if that can be helped; only a sentence longer
// than a passage is cut, between words. Among all ways to do so it takes the
// one with the least unused room, squared, which also balances the last
// passages: no tiny tail remains. Inside a paragraph a passage begins with the
// last sentences of the one before, as far as they fit into o.Overlap columns.
//
// The spans count runes, are ordered, begin and end with runes that are not
// spaces, and together cover every such rune. A text of spaces gives none.
func SplitText(text string, o SplitOptions) []Span {
	o.Unit = Columns
	return SplitDocument(Document{Text: text}, o, nil)
}

// SplitDocument is SplitText for a document. Passages sized in tokens have at
// most o.Size of those that tokens finds in the passage's own text. With
// o.Headings a passage begins at each of d.Headings and nothing is repeated
// across it; a heading that one of a deeper level follows, with nothing between
// them, begins a passage with it.
func SplitDocument(d Document, o SplitOptions, tokens Tokenize) []Span {
	s := &splitter{text: []rune(d.Text), options: o.normal(), tokens: tokens}
	if s.options.Unit == Tokens {
		s.sums = prefixTokens(s.text, tokens(d.Text))
	} else {
		s.sums = prefixColumns(s.text)
	}
	if !o.Headings || len(d.Headings) == 0 {
		return s.pack(sentences(s.text))
	}
	var spans []Span
	for _, section := range sections(s.text, d.Headings) {
		spans = append(spans, s.pack(section.units(s.text))...)
	}
	return spans
}

// splitter cuts one text.
type splitter struct {
	text    []rune
	options SplitOptions // normal
	tokens  Tokenize     // for Tokens
	sums    []int32      // widths before each offset
	seams   []int        // offsets of cuts inside a word, ordered
}

// pack makes passages of units.
func (s *splitter) pack(units []unit) []Span {
	size := s.options.Size
	p := &packer{units: merge(s.sums, s.cutLong(units), size), columns: s.sums, size: size, overlap: s.options.Overlap}
	spans := p.pack()
	if s.options.Unit == Tokens && len(s.seams) > 0 {
		spans = s.mend(spans)
	}
	return spans
}

// columns is the width of runes as a terminal counts it: 2 for wide East Asian
// characters, 1 for all others.
func columns(runes []rune) int {
	n := 0
	for _, r := range runes {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	if r < 0x1100 {
		return 1
	}
	if 0xAC00 <= r && r <= 0xD7A3 {
		return 2
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// prefixColumns gives, for each offset, the columns before it.
func prefixColumns(text []rune) []int32 {
	sums := make([]int32, len(text)+1)
	for i, r := range text {
		sums[i+1] = sums[i] + int32(runeColumns(r))
	}
	return sums
}

// cutLong cuts units wider than a passage into pieces of about an eighth of it:
// after a word, or where there are no words between characters.
func (s *splitter) cutLong(units []unit) []unit {
	piece := max(s.options.Size/8, minSize/2)
	var out []unit
	for _, u := range units {
		if u.columns(s.sums) <= s.options.Size {
			out = append(out, u)
			continue
		}
		for start := u.start; start < u.end; {
			end := s.pieceEnd(start, u.end, piece)
			next, _ := trim(s.text, end, u.end)
			if next == end && next < u.end {
				s.seams = append(s.seams, end)
			}
			p := unit{start, end, cutBreak}
			if next == u.end {
				p.after = u.after
			}
			out = append(out, p)
			start = next
		}
	}
	return out
}

// columns is the unit's width by the prefix sums of its text.
func (u unit) columns(sums []int32) int { return int(sums[u.end] - sums[u.start]) }

// pieceEnd finds where the piece that begins at start ends: the last word end
// within size, else the last place between two characters.
func (s *splitter) pieceEnd(start, end, size int) int {
	text, i := s.text, start
	for i < end && int(s.sums[i+1]-s.sums[start]) <= size {
		i++
	}
	if i == end || unicode.IsSpace(text[i]) {
		_, i = trim(text, start, i)
		return i
	}
	for j := i - 1; j > start; j-- {
		if unicode.IsSpace(text[j]) {
			_, j = trim(text, start, j)
			return j
		}
	}
	for j := i; j > start; j-- {
		if !isExtender(text[j]) {
			return j
		}
	}
	return max(i, start+1)
}

// isExtender holds for runes that belong to the character before them: marks,
// joiners, variation selectors, and medial and final Hangul letters.
func isExtender(r rune) bool {
	return unicode.Is(unicode.M, r) || r == '\u200d' || 0x1160 <= r && r <= 0x11FF
}

// merge joins units narrower than a 32nd of a passage with a neighbour, so that
// the number of units in a passage is bounded and a short heading stays with
// its text. It prefers the unit that follows, but does not leave a paragraph
// for it unless the narrow unit is the whole paragraph.
func merge(columns []int32, units []unit, size int) []unit {
	var out []unit
	join := func(a *unit, b unit) bool {
		joined := unit{a.start, b.end, b.after}
		if joined.columns(columns) > size {
			return false
		}
		*a = joined
		return true
	}
	open := false    // the last of out is still too narrow
	opening := false // and begins its paragraph
	for i, u := range units {
		if !open || !join(&out[len(out)-1], u) {
			out = append(out, u)
			opening = i == 0 || units[i-1].after == paragraphBreak
		}
		n := len(out)
		open = out[n-1].columns(columns) < size/32
		if open && out[n-1].after == paragraphBreak && !opening && join(&out[n-2], out[n-1]) {
			out, open = out[:n-1], false
		}
	}
	return out
}

// packer finds the cheapest way to pack units into passages.
type packer struct {
	units         []unit
	columns       []int32 // prefix sums over the text, of columns or tokens
	size, overlap int
}

// width is the room that units i to j, inclusive, take.
func (p *packer) width(i, j int) int {
	return int(p.columns[p.units[j].end] - p.columns[p.units[i].start])
}

// pack is dynamic programming over the units: best[j] is the least cost of
// packing the first j. What a passage repeats of the one before depends on its
// first new unit alone, so the costs of passages are independent.
func (p *packer) pack() []Span {
	n := len(p.units)
	best := make([]float64, n+1)
	from := make([]int32, n+1)
	starts := make([]int32, n)
	for j := range best[1:] {
		starts[j] = int32(p.passageStart(j))
		best[j+1] = math.Inf(1)
		for i := j; i >= 0; i-- {
			w := p.width(int(starts[i]), j)
			if w > p.size && i < j {
				if p.width(i, j) > p.size {
					break
				}
				continue // only what it repeats is too much
			}
			if c := best[i] + p.cost(w, j); c <= best[j+1] {
				best[j+1], from[j+1] = c, int32(i)
			}
		}
	}
	var spans []Span
	for j := n; j > 0; j = int(from[j]) {
		i := starts[from[j]]
		spans = append(spans, Span{Start: p.units[i].start, End: p.units[j-1].end})
	}
	for a, b := 0, len(spans)-1; a < b; a, b = a+1, b-1 {
		spans[a], spans[b] = spans[b], spans[a]
	}
	return spans
}

// passageStart is the unit that a passage begins with whose first new unit is i.
func (p *packer) passageStart(i int) int {
	start := i
	for start > 0 && p.units[start-1].after != paragraphBreak &&
		p.width(start-1, i-1) <= p.overlap && p.width(start-1, i) <= p.size {
		start--
	}
	return start
}

// breakCosts weigh the end of a passage against room left unused in it.
var breakCosts = [...]float64{
	cutBreak:       0.4,
	headingBreak:   0.6,
	sentenceBreak:  0.1,
	lineBreak:      0.05,
	paragraphBreak: 0,
}

// cost of a passage of width w that ends with unit j.
func (p *packer) cost(w, j int) float64 {
	slack := 1 - float64(w)/float64(p.size)
	return slack*slack + breakCosts[p.units[j].after]
}
