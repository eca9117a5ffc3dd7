package analysis

import "strings"

// Keyword is a word of a text and the term under which it is found.
type Keyword struct {
	Term string
	Text string // what Query makes the term of
}

// Keywords returns the words of a text that may tell what it is about, in
// order: stop words and question words are left out, Korean words are without
// their particles.
func (a *Analyzer) Keywords(text string) []Keyword {
	var out []Keyword
	var tokens []Token
	for s := newScanner(text); ; {
		run, ok := s.next()
		if !ok {
			return out
		}
		switch run.script {
		case hangul:
			if !questions[run.String()] {
				stem := run.token(0, stemLength(run.chars)).Term
				out = append(out, Keyword{stem, stem})
			}
		case alphabetic:
			if word := run.String(); !stopWords[word] {
				if term := a.normalizeWord(word); term != "" {
					out = append(out, Keyword{term, strings.TrimSuffix(word, "'s")})
				}
			}
		default:
			tokens = a.emitDocument(tokens[:0], run)
			for _, t := range tokens {
				out = append(out, Keyword{t.Term, t.Term})
			}
		}
	}
}
