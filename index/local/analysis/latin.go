package analysis

// minCorrected and maxCorrected are the letters of a word that may be
// corrected: shorter words have too many neighbours.
const (
	minCorrected = 4
	maxCorrected = 24
)

// LatinWords returns the words of a text that may be corrected: those of 4 to
// 24 Latin letters. Terms are the words themselves, folded.
func (a *Analyzer) LatinWords(text string) []Token {
	var out []Token
	for s := newScanner(text); ; {
		run, ok := s.next()
		if !ok {
			return out
		}
		n := len(run.chars)
		if run.script != alphabetic || n < minCorrected || n > maxCorrected {
			continue
		}
		if t := run.token(0, n); isLowerASCII(t.Term) {
			out = append(out, t)
		}
	}
}

// WordTerm is the term of a word that LatinWords returned, or of one near it.
func (a *Analyzer) WordTerm(word string) string { return a.normalizeWord(word) }

// Edits calls f with every word that one letter put in, left out, replaced or
// swapped with its neighbour makes of a word, some of them more than once. The
// first letter stays: it is seldom wrong.
func Edits(word string, f func(string)) {
	for i := 1; i <= len(word); i++ {
		head, tail := word[:i], word[i:]
		for c := 'a'; c <= 'z'; c++ {
			f(head + string(c) + tail)
			if tail != "" && byte(c) != tail[0] {
				f(head + string(c) + tail[1:])
			}
		}
		if tail != "" {
			f(head + tail[1:])
		}
		if len(tail) > 1 && tail[0] != tail[1] {
			f(head + tail[1:2] + tail[:1] + tail[2:])
		}
	}
}
