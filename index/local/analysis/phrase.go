package analysis

import "slices"

// Phrase is a sequence of words to look for, one behind the other. Words are
// equal as the keyword leg takes them: English ones by their stem, Korean ones
// with any particle or none. A Korean word is found as a whole word only:
// 한국 is in 한국의, not in 한국어.
type Phrase []wordForms

// Words are the words of a text, in order.
type Words []wordForms

// wordForms are the terms by which a word is the same as another: as it stands,
// and for Korean without its particles. Both are among the terms that Document
// gives for the word.
type wordForms struct {
	whole, stem string
	start, end  int // runes of the source
}

func (f wordForms) same(o wordForms) bool {
	return f.whole == o.whole || f.stem == o.stem || f.whole == o.stem || f.stem == o.whole
}

// Words cuts a text into the words that phrases are compared with. Where words
// are written without spaces (Han, Kana), each pair of characters is one.
func (a *Analyzer) Words(text string) Words {
	words := make(Words, 0, len(text)/6)
	var tokens []Token
	for s := newScanner(text); ; {
		run, ok := s.next()
		if !ok {
			return words
		}
		if run.script == hangul {
			n := len(run.chars)
			t := run.token(0, n)
			f := wordForms{t.Term, t.Term, t.Start, t.End}
			if k := stemLength(run.chars); k < n {
				f.stem = run.token(0, k).Term
			}
			words = append(words, f)
			continue
		}
		tokens = a.emitDocument(tokens[:0], run)
		for _, t := range tokens {
			words = append(words, wordForms{t.Term, t.Term, t.Start, t.End})
		}
	}
}

// Phrase reads a phrase; it is empty if the text has no words.
func (a *Analyzer) Phrase(text string) Phrase { return Phrase(a.Words(text)) }

// In reports whether the phrase stands in a text. The empty phrase stands
// nowhere.
func (p Phrase) In(text Words) bool {
	if len(p) == 0 {
		return false
	}
	for i := 0; i+len(p) <= len(text); i++ {
		if p.Begins(text[i:]) {
			return true
		}
	}
	return false
}

// Find returns where the phrase stands in a text.
func (p Phrase) Find(text Words) []Span {
	var spans []Span
	for i := 0; len(p) > 0 && i+len(p) <= len(text); i++ {
		if p.Begins(text[i:]) {
			spans = append(spans, text[i:i+len(p)].Span())
		}
	}
	return spans
}

// Span is where words stand that are some.
func (w Words) Span() Span { return Span{w[0].start, w[len(w)-1].end} }

// Begins reports whether a text, which has as many words at least, begins with
// the phrase.
func (p Phrase) Begins(text Words) bool {
	for i, w := range p {
		if !w.same(text[i]) {
			return false
		}
	}
	return true
}

// Terms returns for each word of the phrase the terms of which a text has at
// least one if the word is in it. The reverse does not hold: 한국 is a term of
// 한국어 as well.
func (p Phrase) Terms() [][]string {
	out := make([][]string, len(p))
	for i, w := range p {
		out[i] = slices.Compact([]string{w.whole, w.stem})
	}
	return out
}
