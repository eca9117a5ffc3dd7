package tokenize

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// matcher finds added tokens in a text: the leftmost, of those the longest,
// never overlapping.
type matcher struct {
	patterns []pattern
	byFirst  [256][]pattern // longest first
}

type pattern struct {
	text  string
	token *AddedToken
}

// match is a token found at text[start:end], white space that it takes with it
// included.
type match struct {
	start, end int
	token      *AddedToken
}

func (m *matcher) add(text string, token *AddedToken) {
	if text == "" {
		return // nothing is left of it after normalization: it cannot match
	}
	m.patterns = append(m.patterns, pattern{text, token})
}

// finish orders the patterns. Special tokens win over others of the same text,
// as they are first in the original tokenizer.
func (m *matcher) finish() {
	slices.SortStableFunc(m.patterns, func(x, y pattern) int {
		switch {
		case len(x.text) != len(y.text):
			return len(y.text) - len(x.text)
		case x.token.Special == y.token.Special:
			return 0
		case x.token.Special:
			return -1
		}
		return 1
	})
	for _, p := range m.patterns {
		m.byFirst[p.text[0]] = append(m.byFirst[p.text[0]], p)
	}
}

func (m *matcher) empty() bool { return len(m.patterns) == 0 }

// next finds the first match at from or later; what is before from belongs to
// earlier matches.
func (m *matcher) next(text string, from int) (match, bool) {
	if m.empty() {
		return match{}, false
	}
	for i := from; i < len(text); i++ {
		candidates := m.byFirst[text[i]]
		for _, p := range candidates {
			if !strings.HasPrefix(text[i:], p.text) {
				continue
			}
			if found, ok := p.at(text, from, i); ok {
				return found, true
			}
			// A longest match that is refused still hides what it covers.
			i += len(p.text) - 1
			break
		}
	}
	return match{}, false
}

// at applies the conditions of the token found at text[start:].
func (p pattern) at(text string, from, start int) (match, bool) {
	end := start + len(p.text)
	if p.token.SingleWord {
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[end:])
		if start > 0 && inWord(before) || end < len(text) && inWord(after) {
			return match{}, false
		}
	}
	if p.token.LeftStrip {
		start = from + len(strings.TrimRightFunc(text[from:start], whiteSpace))
	}
	if p.token.RightStrip {
		end = len(text) - len(strings.TrimLeftFunc(text[end:], whiteSpace))
	}
	return match{start, end, p.token}, true
}

func whiteSpace(r rune) bool { return classes.of(r)&isSpace != 0 }

// inWord is \w of Unicode regular expressions (UTS 18, annex C).
func inWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc,
		unicode.Other_Alphabetic, unicode.Join_Control)
}
