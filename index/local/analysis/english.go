package analysis

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// appendAlphabetic emits a word of letters and digits: without the possessive,
// stemmed if it is a plain English word, without the commas of a number.
func (a *Analyzer) appendAlphabetic(dst []Token, run word) []Token {
	t := run.token(0, len(run.chars))
	t.Term = a.normalizeWord(t.Term)
	if t.Term == "" {
		return dst
	}
	return append(dst, t)
}

func (a *Analyzer) normalizeWord(s string) string {
	s = strings.ReplaceAll(s, "’", "'")
	if unicode.IsDigit(rune(s[0])) {
		return strings.ReplaceAll(s, ",", "")
	}
	s = strings.TrimSuffix(s, "'s")
	s = strings.ReplaceAll(s, "'", "")
	if len(s) < 3 || !isLowerASCII(s) {
		return s
	}
	return a.stems.stem(s)
}

// stemCache keeps the stems of words seen lately, for the frequent ones make up
// most of a text and stemming costs more than all the rest. A word displaces
// another that falls on its place.
type stemCache struct {
	seed  maphash.Seed
	words [1 << 13]atomic.Pointer[stemmed]
}

type stemmed struct{ word, stem string }

func newStemCache() *stemCache { return &stemCache{seed: maphash.MakeSeed()} }

func (c *stemCache) stem(word string) string {
	place := &c.words[maphash.String(c.seed, word)%uint64(len(c.words))]
	if e := place.Load(); e != nil && e.word == word {
		return e.stem
	}
	env := snowballstem.NewEnv(word)
	english.Stem(env)
	e := &stemmed{strings.Clone(word), strings.Clone(env.Current())}
	place.Store(e)
	return e.stem
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
