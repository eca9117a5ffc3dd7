package index

import (
	"slices"
	"unicode"
)

// Tokenize tells where a text's tokens stand: the runes that each comes from, in
// order, special tokens left out.
type Tokenize func(text string) []Span

// widestToken is the number of columns for which a token counts once. One that
// is wider stands for a word that the model does not know; it counts once for
// every so many, or a passage of such words would have no end.
const widestToken = 32

// prefixTokens gives, for each offset, the tokens that begin before it.
func prefixTokens(text []rune, tokens []Span) []int32 {
	sums := make([]int32, len(text)+1)
	for _, t := range tokens {
		wide := 0
		for i := t.Start; i < max(t.End, t.Start+1) && i < len(text); i++ {
			if wide == 0 {
				sums[i+1]++
			}
			if wide += runeColumns(text[i]); wide >= widestToken {
				wide = 0
			}
		}
	}
	for i := range text {
		sums[i+1] += sums[i]
	}
	return sums
}

// mend cuts passages that are longer than they look. A word that was cut has
// other tokens than it had as a whole, and the parts that meet in a passage may
// have others again.
func (s *splitter) mend(spans []Span) []Span {
	out := make([]Span, 0, len(spans))
	for _, span := range spans {
		if n := len(out); n > 0 && span.Start < out[n-1].Start { // what it repeats was cut
			if span.Start, _ = trim(s.text, out[n-1].End, span.End); span.Start == span.End {
				continue
			}
		}
		at, _ := slices.BinarySearch(s.seams, span.Start)
		if at < len(s.seams) && s.seams[at] <= span.End {
			out = s.halve(out, span)
			continue
		}
		out = append(out, span)
	}
	return out
}

// halve appends the span in as many parts as it takes.
func (s *splitter) halve(out []Span, span Span) []Span {
	if n := len(out); n > 0 && out[n-1].End >= span.End { // repeated as a whole
		return out
	}
	if span.End-span.Start < 2 || len(s.tokens(string(s.text[span.Start:span.End]))) <= s.options.Size {
		return append(out, span)
	}
	middle := s.middle(span)
	_, end := trim(s.text, span.Start, middle)
	start, _ := trim(s.text, middle, span.End)
	return s.halve(s.halve(out, Span{span.Start, end}), Span{start, span.End})
}

// middle is where a span is best cut in two: at a space in its middle half, or
// between two characters.
func (s *splitter) middle(span Span) int {
	half, reach := (span.Start+span.End)/2, (span.End-span.Start)/4
	for d := range reach {
		for _, i := range []int{half - d, half + d} {
			if unicode.IsSpace(s.text[i]) {
				return i
			}
		}
	}
	for i := half; i > span.Start; i-- {
		if !isExtender(s.text[i]) {
			return i
		}
	}
	return half
}
