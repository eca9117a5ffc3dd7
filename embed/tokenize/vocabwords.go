package tokenize

import (
	"iter"
	"unicode/utf8"
)

// Splitter parts text into the words that a tokenizer of the same configuration
// would spell with pieces. It knows no vocabulary and no added tokens. It is for
// one goroutine at a time.
type Splitter struct {
	rules     rules
	ideograph class // isIdeograph if ideographs are set apart
	strips    bool
	maxRunes  int
	s         scratch
}

// NewSplitter makes a Splitter for the normalization of c.
func NewSplitter(c Config) *Splitter {
	p := &Splitter{rules: newRules(&c), strips: c.strips(), maxRunes: c.MaxWordRunes}
	if c.ChineseChars {
		p.ideograph = isIdeograph
	}
	if p.maxRunes <= 0 {
		p.maxRunes = defaultWordRunes
	}
	return p
}

// Words are the words of text, normalized, in order. The bytes are valid until
// the next word. Words too long to be spelt are left out.
func (p *Splitter) Words(text string) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(text) > 0 {
			n := cut(text)
			p.s.norm = p.s.norm[:0]
			p.rules.normalize(&p.s, text[:n])
			if !p.words(p.s.norm, yield) {
				return
			}
			text = text[n:]
		}
	}
}

// words parts normalized text. It reports whether to go on.
func (p *Splitter) words(text []byte, yield func([]byte) bool) bool {
	give := func(word []byte) bool {
		return len(word) == 0 || len(word) > p.maxRunes && utf8.RuneCount(word) > p.maxRunes || yield(word)
	}
	start := 0
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(text[i:])
		}
		k := classes.of(r)
		if k&(isSpace|isPunctuation) == 0 {
			i += size
			continue
		}
		if !give(text[start:i]) || k&isPunctuation != 0 && !give(text[i:i+size]) {
			return false
		}
		i += size
		start = i
	}
	return give(text[start:])
}

// Alone says that a character is always a word of its own: punctuation, and
// ideographs where they are set apart.
func (p *Splitter) Alone(r rune) bool {
	return classes.of(r)&(isPunctuation|p.ideograph) != 0
}

// isWord says that text is one word and stays as it is.
func (p *Splitter) isWord(text string) bool {
	for word := range p.Words(text) {
		return string(word) == text
	}
	return false
}

// Decomposes says that the normalization takes Hangul syllables apart.
func (p *Splitter) Decomposes() bool { return p.strips }

// IsHangul says whether a character is a Hangul syllable.
func IsHangul(r rune) bool { return isSyllable(r) }
