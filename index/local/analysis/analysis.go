// Package analysis turns Korean and English text into the terms of the keyword
// leg. An Analyzer has a versioned name that a collection records, because
// terms are only comparable with terms of the same analyzer: a change of what
// is emitted is a new name.
//
// Both languages go through one analyzer, for they share documents ("GPT모델을
// 2024년에"). Text is folded (NFKC, lower case, Latin accents removed) and cut
// into words where the script changes. Words of letters and digits lose a
// possessive and are stemmed as English. Korean words are agglutinated, so a
// word gives itself, its stem without particles, and the pairs of neighbouring
// syllables: 한국어 meets 한국어를 in all of its pairs and in its stem.
package analysis

import (
	"fmt"
)

// KoEn1 is the first version of the Korean and English analyzer.
const KoEn1 = "semdex_koen_v1"

// Default is the analyzer of new collections.
const Default = KoEn1

// Token is one term and the runes of the source that it stands for, half open.
// Several tokens may cover the same stretch.
type Token struct {
	Term  string
	Start int
	End   int
	// Weight is what the term counts for in a query, at most 1.
	Weight float64
}

// Analyzer is safe for concurrent use.
type Analyzer struct {
	name  string
	stems *stemCache
}

// New returns the analyzer of that name; the empty name is Default.
func New(name string) (*Analyzer, error) {
	switch name {
	case "", KoEn1:
		return &Analyzer{KoEn1, newStemCache()}, nil
	}
	return nil, fmt.Errorf("unknown text analyzer %q; this version knows %s", name, KoEn1)
}

// Name is the versioned name that a collection records.
func (a *Analyzer) Name() string { return a.name }

// Document returns the terms under which a text is found, in order of
// position.
func (a *Analyzer) Document(text string) []Token {
	return a.AppendDocument(make([]Token, 0, len(text)/6), text)
}

// AppendDocument is Document into a slice that is there.
func (a *Analyzer) AppendDocument(dst []Token, text string) []Token {
	return analyze(dst, text, a.emitDocument)
}

// Query returns the terms to look for. They are a subset of what Document
// gives: question words and sentence endings, which no document has for its
// topic, are left out unless nothing else remains.
func (a *Analyzer) Query(text string) []Token {
	if tokens := analyze(nil, text, a.emitQuery); len(tokens) > 0 {
		return tokens
	}
	return a.Document(text)
}

// Terms returns the distinct terms of tokens, in order of first appearance.
func Terms(tokens []Token) []string {
	seen := make(map[string]bool, len(tokens))
	terms := make([]string, 0, len(tokens))
	for _, t := range tokens {
		if !seen[t.Term] {
			seen[t.Term] = true
			terms = append(terms, t.Term)
		}
	}
	return terms
}

// emitter appends the tokens of one run of a single script.
type emitter func(dst []Token, run word) []Token

func analyze(dst []Token, text string, emit emitter) []Token {
	s := newScanner(text)
	for {
		run, ok := s.next()
		if !ok {
			return dst
		}
		dst = emit(dst, run)
	}
}

func (a *Analyzer) emitDocument(dst []Token, run word) []Token {
	switch run.script {
	case hangul:
		return appendKorean(dst, run)
	case ideograph:
		return appendPairs(dst, run)
	}
	return a.appendAlphabetic(dst, run)
}

func (a *Analyzer) emitQuery(dst []Token, run word) []Token {
	switch run.script {
	case hangul:
		return appendKoreanQuery(dst, run)
	case ideograph:
		return appendPairs(dst, run)
	}
	if stopWords[run.String()] {
		return dst
	}
	return a.appendAlphabetic(dst, run)
}

// appendPairs emits the overlapping pairs of a run, or its only character.
func appendPairs(dst []Token, run word) []Token {
	if len(run.chars) == 1 {
		return append(dst, run.token(0, 1))
	}
	for i := 0; i+2 <= len(run.chars); i++ {
		dst = append(dst, run.token(i, i+2))
	}
	return dst
}

// token is the term of characters i to j of the run.
func (w word) token(i, j int) Token {
	return Token{w.part(i, j), w.chars[i].start, w.chars[j-1].end, 1}
}

func (t Token) weighted(w float64) Token {
	t.Weight = w
	return t
}
