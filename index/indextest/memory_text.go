package indextest

import (
	"slices"
	"strings"
	"unicode"

	"semdex/index"
)

// A token is a term and where it stands, in runes.
type token struct {
	term string
	span index.Span
}

// analyze splits text into lower-case words of letters and digits, where
// Hangul and other scripts never share a word. A Hangul word gives itself and
// its pairs of neighbouring syllables, so that 한국어 finds 한국어를; any other
// word loses its commonest English endings.
func analyze(text string) []token {
	runes := []rune(strings.ToLower(text))
	if len(runes) != len([]rune(text)) { // lower case may change the length
		runes = []rune(text)
	}
	var tokens []token
	for i := 0; i < len(runes); {
		if !isTermRune(runes[i]) {
			i++
			continue
		}
		hangul, start := unicode.Is(unicode.Hangul, runes[i]), i
		for i < len(runes) && isTermRune(runes[i]) && unicode.Is(unicode.Hangul, runes[i]) == hangul {
			i++
		}
		word := index.Span{Start: start, End: i}
		if !hangul {
			tokens = append(tokens, token{stem(string(runes[start:i])), word})
			continue
		}
		tokens = append(tokens, token{string(runes[start:i]), word})
		for j := start; j+2 <= i && i-start > 2; j++ {
			tokens = append(tokens, token{string(runes[j : j+2]), index.Span{Start: j, End: j + 2}})
		}
	}
	return tokens
}

func isTermRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// stem is far from Porter's, but maps the forms of regular words together.
func stem(word string) string {
	for _, suffix := range []string{"ing", "ies", "ed", "es", "s", "e", "y"} {
		s, ok := strings.CutSuffix(word, suffix)
		if !ok || len(s) < 3 {
			continue
		}
		if n := len(s); s[n-1] == s[n-2] {
			s = s[:n-1] // running
		}
		return s
	}
	return word
}

// termCounts are a passage's terms and their number.
type termCounts struct {
	count map[string]int
	total int
}

// passageTerms counts the terms of each passage together with its prefix's.
func passageTerms(r index.Record, split index.SplitOptions) []termCounts {
	text, prefixes := []rune(r.Text), split.Prefixes(&r)
	out := make([]termCounts, len(r.Passages))
	for i, p := range r.Passages {
		count := make(map[string]int)
		tokens := append(analyze(prefixes[i]), analyze(string(text[p.Start:p.End]))...)
		for _, t := range tokens {
			count[t.term]++
		}
		out[i] = termCounts{count, len(tokens)}
	}
	return out
}

// queryTerms are the distinct terms of a query, in order.
func queryTerms(text string) []string {
	var terms []string
	for _, t := range analyze(text) {
		if !slices.Contains(terms, t.term) {
			terms = append(terms, t.term)
		}
	}
	return terms
}

// Matches implements index.Collection.
func (h *memoryHandle) Matches(w index.Words, passage string) []index.Span {
	terms := queryTerms(w.Text)
	var spans []index.Span
	for _, e := range w.Also {
		for _, s := range e.Synonyms {
			if len(words(s)) > 1 {
				spans = append(spans, phraseSpans(s, passage)...)
			} else {
				terms = append(terms, queryTerms(s)...)
			}
		}
	}
	for _, t := range analyze(passage) {
		if slices.Contains(terms, t.term) {
			spans = append(spans, t.span)
		}
	}
	slices.SortFunc(spans, func(a, b index.Span) int { return a.Start - b.Start })
	var merged []index.Span
	for _, s := range spans {
		if n := len(merged); n > 0 && s.Start <= merged[n-1].End {
			merged[n-1].End = max(merged[n-1].End, s.End)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// phraseSpans are where a phrase stands.
func phraseSpans(phrase, passage string) (spans []index.Span) {
	have, want := wholeWords(passage), words(phrase)
	for i := 0; i+len(want) <= len(have); i++ {
		if slices.Equal(words(passage)[i:i+len(want)], want) {
			spans = append(spans, index.Span{Start: have[i].span.Start, End: have[i+len(want)-1].span.End})
		}
	}
	return spans
}
