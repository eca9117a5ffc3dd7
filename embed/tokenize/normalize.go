package tokenize

import (
	"slices"
	"unicode/utf8"
)

// rules are a Config's normalization, prepared for speed.
type rules struct {
	active class               // what of a character's class matters to this configuration
	ascii  [utf8.RuneSelf]byte // what an ASCII character becomes, or dropped
}

const dropped = 0xff

func newRules(c *Config) rules {
	var r rules
	if c.CleanText {
		r.active |= isRemoved | isSpace
	}
	if c.ChineseChars {
		r.active |= isIdeograph
	}
	if c.strips() {
		r.active |= isDecomposed | isMark
	}
	if c.Lowercase {
		r.active |= isCased
	}
	for i := range r.ascii {
		b := byte(i)
		switch k := classes.of(rune(i)) & r.active; {
		case k&isRemoved != 0:
			b = dropped
		case k&isSpace != 0:
			b = ' '
		case k&isCased != 0:
			b += 'a' - 'A'
		}
		r.ascii[i] = b
	}
	return r
}

// normalize appends text to s.norm as BERT's normalizer rewrites it: clean,
// blanks around ideographs, decompose, drop marks, lower case, in this order.
// If offsets are wanted, s.origin gets for every byte the rune of the text it
// comes from, counted from s.runes. An invalid byte counts as U+FFFD.
func (r *rules) normalize(s *scratch, text string) {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			if r.ascii[text[i]] == dropped { // does not part a base from its marks
				s.runes++
				i++
				continue
			}
			end := i + 1
			for end < len(text) && text[end] < utf8.RuneSelf {
				end++
			}
			r.flush(s)
			r.appendASCII(s, text[i:end])
			i = end
			continue
		}
		c, size := utf8.DecodeRuneInString(text[i:])
		at := s.runes
		s.runes++
		k := classes.of(c) & r.active
		if k == 0 {
			r.flush(s)
			if size == 1 {
				s.appendRune(replacement, at)
			} else {
				s.appendBytes(text[i:i+size], at)
			}
		} else {
			r.special(s, c, k, at)
		}
		i += size
	}
	r.flush(s)
}

// appendASCII takes the fast path for a run of ASCII characters.
func (r *rules) appendASCII(s *scratch, run string) {
	n := len(s.norm)
	out := slices.Grow(s.norm, len(run))[:n+len(run)]
	if !s.track {
		for i := range len(run) {
			b := r.ascii[run[i]&(utf8.RuneSelf-1)]
			out[n] = b
			if b != dropped {
				n++
			}
		}
		s.norm = out[:n]
		return
	}
	origin := slices.Grow(s.origin, len(run))[:n+len(run)]
	for i := range len(run) {
		b := r.ascii[run[i]&(utf8.RuneSelf-1)]
		out[n], origin[n] = b, s.runes+int32(i)
		if b != dropped {
			n++
		}
	}
	s.norm, s.origin = out[:n], origin[:n]
	s.runes += int32(len(run))
}

// special handles a character whose class k matters.
func (r *rules) special(s *scratch, c rune, k class, at int32) {
	switch {
	case k&isRemoved != 0: // before all else: it does not part a base from its marks
	case k&isSpace != 0:
		r.flush(s)
		s.appendRune(' ', at)
	case k&isIdeograph != 0:
		r.flush(s)
		s.appendRune(' ', at)
		r.letter(s, c, k, at)
		r.flush(s)
		s.appendRune(' ', at)
	default:
		r.letter(s, c, k, at)
	}
}

// letter decomposes what is to be decomposed.
func (r *rules) letter(s *scratch, c rune, k class, at int32) {
	switch {
	case k&isDecomposed == 0:
		r.flush(s)
		r.emit(s, c, at)
	case isSyllable(c):
		r.flush(s)
		lead, vowel, tail := jamo(c)
		s.appendRune(lead, at)
		s.appendRune(vowel, at)
		if tail != 0 {
			s.appendRune(tail, at)
		}
	default:
		s.parts = decompose(s.parts[:0], c)
		for i, part := range s.parts {
			r.decomposed(s, part, at, i == 0)
		}
	}
}

// held is a combining character that waits until all marks of its base are
// there to be ordered.
type held struct {
	r     rune
	order uint8
	at    int32
	first bool // of its own decomposition
}

// decomposed takes the next character of the decomposed text: a base goes out
// at once, combining characters wait.
func (r *rules) decomposed(s *scratch, c rune, at int32, first bool) {
	order := combiningClass(c)
	if order != 0 {
		s.held = append(s.held, held{c, order, at, first})
		return
	}
	r.flush(s)
	r.emit(s, c, at)
	s.base = at
}

// flush writes the waiting combining characters, if any.
func (r *rules) flush(s *scratch) {
	if len(s.held) > 0 {
		r.order(s)
	}
}

// order writes the waiting characters in canonical order. Like the original it
// gives the places of the text out in their own order: the first character
// written that begins a decomposition has the first place.
func (r *rules) order(s *scratch) {
	s.places = s.places[:0]
	for _, h := range s.held {
		if h.first {
			s.places = append(s.places, h.at)
		}
	}
	slices.SortStableFunc(s.held, func(x, y held) int { return int(x.order) - int(y.order) })
	at, next := s.held[0].at, 0
	if !s.held[0].first {
		at = s.base
	}
	for _, h := range s.held {
		if h.first {
			at = s.places[next]
			next++
		}
		r.emit(s, h.r, at)
	}
	s.held = s.held[:0]
}

// emit drops marks and lowers, the last two steps.
func (r *rules) emit(s *scratch, c rune, at int32) {
	k := classes.of(c) & r.active
	switch {
	case k&isMark != 0:
	case k&isCased == 0:
		s.appendRune(c, at)
	case c == dottedI:
		s.appendRune('i', at)
		s.appendRune(dotAbove, at)
	default:
		s.appendRune(lower(c), at)
	}
}

// normalize gives the normalized form of a text.
func (t *Tokenizer) normalize(text string) string {
	var s scratch
	t.rules.normalize(&s, text)
	return string(s.norm)
}
