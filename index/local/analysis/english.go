package analysis

import (
	"strings"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// appendAlphabetic emits a word of letters and digits: without the possessive,
// stemmed if it is a plain English word, without the commas of a number.
func appendAlphabetic(dst []Token, run word) []Token {
	t := run.token(0, len(run.chars))
	t.Term = normalizeWord(t.Term)
	if t.Term == "" {
		return dst
	}
	return append(dst, t)
}

func normalizeWord(s string) string {
	s = strings.ReplaceAll(s, "’", "'")
	if unicode.IsDigit(rune(s[0])) {
		return strings.ReplaceAll(s, ",", "")
	}
	s = strings.TrimSuffix(s, "'s")
	s = strings.ReplaceAll(s, "'", "")
	if len(s) < 3 || !isLowerASCII(s) {
		return s
	}
	env := snowballstem.NewEnv(s)
	english.Stem(env)
	return env.Current()
}

func isLowerASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return true
}

// stopWords are left out of queries only: BM25 gives them next to no weight,
// and leaving them out saves walking the longest posting lists.
var stopWords = wordSet(`a an and are as at be but by for if in into is it no not of on or such
that the their then there these they this to was will with`)

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}
