package cloze

import (
	"strings"
	"unicode"

	"semdex/qa/squad"
)

// Sentences is a set of sentences, compared by their letters and digits alone. A
// nil one has none.
type Sentences map[string]struct{}

// Add takes in the passages of questions that something else is measured with.
func (s Sentences) Add(set *squad.Set) {
	for _, context := range set.Contexts {
		p := []rune(context)
		for _, span := range sentences(p) {
			s[plain(p[span.start:span.end])] = struct{}{}
		}
	}
}

// shares says whether a passage has a sentence of the set.
func (s Sentences) shares(p []rune) bool {
	if len(s) == 0 {
		return false
	}
	for _, span := range sentences(p) {
		if _, ok := s[plain(p[span.start:span.end])]; ok {
			return true
		}
	}
	return false
}

func plain(sentence []rune) string {
	var b strings.Builder
	for _, r := range sentence {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}
