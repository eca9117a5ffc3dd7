package pairs

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Korean articles explain a term by the English one in brackets:
// "이중 나선(double helix)". These glosses are a dictionary of names and technical
// terms that no parallel corpus at hand has. Where the Korean term begins is not
// marked; it is taken to have as many words as the English one, three at most,
// and what is wrong with that averages out.

// glosses adds the glosses of a text.
func (c *collection) glosses(text string) {
	for {
		i := strings.IndexByte(text, '(')
		if i < 0 {
			return
		}
		if english := englishTerm(text[i+1:]); english != "" {
			if korean := lastWords(text[:i], min(3, 1+strings.Count(english, " "))); korean != "" {
				c.pairOf(korean, english, 0)
			}
		}
		text = text[i+1:]
	}
}

// longestTerm is the length in bytes up to which brackets hold a term.
const longestTerm = 60

// englishTerm is the term with which an opened bracket begins, up to a comma or
// the closing bracket, if it is in Latin letters; short abbreviations are none.
func englishTerm(s string) string {
	s = strings.TrimLeft(strings.TrimPrefix(s, "영어:"), " ")
	end := strings.IndexAny(s[:min(len(s), longestTerm)], ",)")
	if end < 3 {
		return ""
	}
	term := strings.TrimSpace(s[:end])
	for i, r := range term {
		letter := r < utf8.RuneSelf && unicode.IsLetter(r)
		if !letter && (i == 0 || !strings.ContainsRune(" .'-", r)) {
			return ""
		}
	}
	if len(term) < 3 || len(term) < 6 && strings.ToUpper(term) == term {
		return ""
	}
	return term
}

// lastWords is the last n words of s, or fewer, as far back as they are wholly in
// Hangul and only blanks lie between them.
func lastWords(s string, n int) string {
	begin := len(s)
	for end := len(s); n > 0; n-- {
		word := strings.TrimRightFunc(s[:end], func(r rune) bool { return r >= '가' && r <= '힣' })
		before, _ := utf8.DecodeLastRuneInString(word)
		if len(word) == end || unicode.IsLetter(before) || unicode.IsDigit(before) {
			break
		}
		begin = len(word)
		if before != ' ' {
			break
		}
		end = begin - 1
	}
	return s[begin:]
}
