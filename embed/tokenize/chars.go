package tokenize

import (
	"sort"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// class says how a character is treated. The tables behind it are those of the
// original tokenizer, which mixes several Unicode versions: newer tables would
// split newer scripts differently.
type class uint8

const (
	isRemoved class = 1 << iota
	isSpace
	isPunctuation
	isMark
	isIdeograph
	isDecomposed
	isCased
)

type span struct{ lo, hi rune }

type caseSpan struct {
	lo, hi rune
	step   rune
	delta  rune
}

const (
	maxRune     = 0x10ffff
	replacement = '\uFFFD'
	dottedI     = 'İ' // the one character whose lower case is two characters
	dotAbove    = '\u0307'
)

// classTable is a two-level table: blocks of 256 characters, equal blocks
// shared.
type classTable struct {
	block  [(maxRune + 1) / 256]uint8
	blocks [][256]class
}

var classes = newClassTable()

func (t *classTable) of(r rune) class {
	return t.blocks[t.block[uint32(r)>>8]][uint8(r)]
}

func newClassTable() *classTable {
	var all [maxRune + 1]class
	mark := func(spans []span, c class) {
		for _, s := range spans {
			for r := s.lo; r <= s.hi; r++ {
				all[r] |= c
			}
		}
	}
	mark(removed, isRemoved)
	mark(spaces, isSpace)
	mark(punctuation, isPunctuation)
	mark(marks, isMark)
	mark(ideographs, isIdeograph)
	mark(decomposed, isDecomposed)
	for _, s := range cases {
		for r := s.lo; r <= s.hi; r += s.step {
			all[r] |= isCased
		}
	}
	all[dottedI] |= isCased

	t := &classTable{}
	seen := map[[256]class]uint8{}
	for i := range t.block {
		b := [256]class(all[i*256:])
		n, ok := seen[b]
		if !ok {
			n = uint8(len(t.blocks))
			seen[b] = n
			t.blocks = append(t.blocks, b)
		}
		t.block[i] = n
	}
	return t
}

// lower is the lower case of a cased character other than dottedI.
func lower(r rune) rune {
	i := sort.Search(len(cases), func(i int) bool { return cases[i].hi >= r })
	if i < len(cases) && r >= cases[i].lo && (r-cases[i].lo)%cases[i].step == 0 {
		return r + cases[i].delta
	}
	return r
}

// Hangul syllables decompose by arithmetic (Unicode, section 3.12).
const (
	hangulBase  = 0xAC00
	hangulCount = 11172
	leadBase    = 0x1100
	vowelBase   = 0x1161
	tailBase    = 0x11A7
	vowelCount  = 21
	tailCount   = 28
)

// jamo are the letters of a Hangul syllable, tail 0 if it has none. They are
// bases without case.
func jamo(syllable rune) (lead, vowel, tail rune) {
	n := syllable - hangulBase
	lead, vowel = leadBase+n/(vowelCount*tailCount), vowelBase+n%(vowelCount*tailCount)/tailCount
	if n %= tailCount; n != 0 {
		tail = tailBase + n
	}
	return lead, vowel, tail
}

func isSyllable(r rune) bool { return r >= hangulBase && r < hangulBase+hangulCount }

// decompose appends the canonical decomposition of r, which is no syllable, to
// dst, r itself if it has none.
func decompose(dst []rune, r rune) []rune {
	if d := properties(r).Decomposition(); d != nil {
		for len(d) > 0 {
			c, size := utf8.DecodeRune(d)
			dst = append(dst, c)
			d = d[size:]
		}
		return dst
	}
	return append(dst, r)
}

// combiningClass orders marks behind a base character; 0 is a base.
func combiningClass(r rune) uint8 {
	if classes.of(r)&isDecomposed == 0 {
		return 0
	}
	return properties(r).CCC()
}

func properties(r rune) norm.Properties {
	return norm.NFD.PropertiesString(string(r))
}
