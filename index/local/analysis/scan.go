package analysis

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// script says how a run of characters is cut into terms.
type script uint8

const (
	none       script = iota // not part of a word
	alphabetic               // letters and digits, a word as it stands
	hangul                   // Korean syllables and jamo
	ideograph                // Han and Kana, written without spaces
)

// char is one folded character and the source runes it came from.
type char struct {
	r          rune
	start, end int
	at         int // byte offset of the source, -1 if folding has changed it
}

// word is a run of characters of one script. Its characters are valid until
// the scanner's next call.
type word struct {
	script script
	chars  []char
	text   string // the source
}

func (w word) String() string { return w.part(0, len(w.chars)) }

// part is characters i to j, cut out of the source if it has them so.
func (w word) part(i, j int) string {
	chars := w.chars[i:j]
	if begin := chars[0].at; begin >= 0 && w.text != "" {
		next := begin
		for _, c := range chars {
			if c.at != next {
				next = -1
				break
			}
			next += utf8.RuneLen(c.r)
		}
		if next > 0 {
			return w.text[begin:next]
		}
	}
	var b strings.Builder
	b.Grow(utf8.UTFMax * len(chars))
	for _, c := range chars {
		b.WriteRune(c.r)
	}
	return b.String()
}

// maxRun bounds a word: longer runs (base64, generated text) are cut, so that
// no term grows without limit.
const maxRun = 256

// scanner folds a text and cuts it into words of one script.
type scanner struct {
	text   string
	at     int    // byte offset of what is not folded yet
	runeAt int    // rune offset of the same place
	queue  []char // folded characters; those from head on are not handed out
	head   int
	run    []char
}

func newScanner(text string) *scanner { return &scanner{text: text} }

// next returns the next word, or false at the end of the text.
func (s *scanner) next() (word, bool) {
	s.run = s.run[:0]
	kind := none
	for {
		c, ok := s.peek(0)
		if !ok {
			break
		}
		k := scriptOf(c.r)
		if k == none && kind == alphabetic && s.joins(c.r) {
			k = alphabetic
		}
		if k != kind && kind != none || len(s.run) == maxRun {
			break
		}
		s.head++
		if k == none {
			continue
		}
		kind = k
		s.run = append(s.run, c)
	}
	return word{kind, s.run, s.text}, len(s.run) > 0
}

// joins reports whether a character that is no letter holds the word together:
// an apostrophe between letters, a point or comma between digits.
func (s *scanner) joins(r rune) bool {
	after, ok := s.peek(1)
	if !ok || len(s.run) == 0 {
		return false
	}
	before := s.run[len(s.run)-1].r
	switch r {
	case '\'', '’':
		return unicode.IsLetter(before) && scriptOf(after.r) == alphabetic && unicode.IsLetter(after.r)
	case '.', ',':
		return unicode.IsDigit(before) && unicode.IsDigit(after.r)
	}
	return false
}

// peek returns the i-th folded character ahead.
func (s *scanner) peek(i int) (char, bool) {
	for len(s.queue)-s.head <= i {
		if s.at >= len(s.text) {
			return char{}, false
		}
		s.fold()
	}
	return s.queue[s.head+i], true
}

// fold moves the next source character, with the marks that combine with it,
// to the queue. Precomposed text, nearly all there is, takes the short way.
func (s *scanner) fold() {
	if s.head == len(s.queue) {
		s.queue, s.head = s.queue[:0], 0
	}
	r, size := rune(s.text[s.at]), 1
	if r >= utf8.RuneSelf {
		r, size = utf8.DecodeRuneInString(s.text[s.at:])
	}
	if s.plain(r, s.at+size) {
		folded, at := foldCase(r), s.at
		if folded != r {
			at = -1
		}
		s.push(folded, 1, at)
		s.at += size
		s.runeAt++
		return
	}
	n := norm.NFKC.NextBoundaryInString(s.text[s.at:], true)
	if n <= 0 {
		n = size
	}
	chunk := s.text[s.at : s.at+n]
	runes := utf8.RuneCountInString(chunk)
	for _, r := range norm.NFKC.String(chunk) {
		if r = foldCase(stripAccent(r)); !ignorable(r) {
			s.push(r, runes, -1)
		}
	}
	s.at += n
	s.runeAt += runes
}

func (s *scanner) push(r rune, runes, at int) {
	s.queue = append(s.queue, char{r, s.runeAt, s.runeAt + runes, at})
}

// plain reports whether r stands for itself: ASCII or a Hangul syllable, with
// nothing after it that could combine.
func (s *scanner) plain(r rune, end int) bool {
	if r >= utf8.RuneSelf && !isSyllable(r) {
		return false
	}
	if end >= len(s.text) || s.text[end] < utf8.RuneSelf {
		return true
	}
	next, _ := utf8.DecodeRuneInString(s.text[end:])
	return isSyllable(next)
}

func isSyllable(r rune) bool { return r >= 0xAC00 && r <= 0xD7A3 }

func foldCase(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	return unicode.ToLower(r)
}

// stripAccent removes the accents of a Latin letter; other scripts keep their
// marks, which there tell letters apart.
func stripAccent(r rune) rune {
	if r < 0xC0 || !unicode.Is(unicode.Latin, r) {
		return r
	}
	d := norm.NFD.PropertiesString(string(r)).Decomposition()
	if len(d) == 0 {
		return r
	}
	base, _ := utf8.DecodeRune(d)
	return base
}

// ignorable characters leave no trace in a word: soft hyphen, joiners, byte
// order mark, variation selectors, and combining marks that no letter took.
func ignorable(r rune) bool {
	switch r {
	case 0x00AD, 0x200C, 0x200D, 0x2060, 0xFEFF:
		return true
	}
	return r >= 0xFE00 && r <= 0xFE0F || r >= 0x0300 && r <= 0x036F
}

func scriptOf(r rune) script {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return alphabetic
		}
		return none
	}
	switch {
	case isSyllable(r), unicode.Is(unicode.Hangul, r):
		return hangul
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana), r == 'ー':
		return ideograph
	case unicode.IsLetter(r), unicode.IsMark(r), unicode.IsNumber(r):
		return alphabetic
	}
	return none
}
