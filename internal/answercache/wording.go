package answercache

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Normal is the form in which questions are the same: compatibility characters
// composed, lower case, single spaces, nothing that ends a sentence.
func Normal(question string) string {
	s := strings.Join(strings.Fields(strings.ToLower(norm.NFKC.String(question))), " ")
	return strings.TrimRight(s, " ?!.…。")
}

// wording is what a question says in its words, which vectors tell badly: an
// encoder that averages has one vector for "dog bites man" and "man bites dog",
// and a year, a name or a "not" changes a vector little and an answer much.
type wording struct {
	numbers []string
	quoted  []string
	negated int      // words that negate
	asked   []string // what the question words ask for
	words   []word   // all but numbers, quotes, negations and fillers
}

// wordingOf reads a question in its normal form.
func wordingOf(normal string) wording {
	var w wording
	fields := strings.FieldsFunc(w.takeQuoted(normal), separates)
	for i, f := range fields {
		f = w.takeNumbers(strings.Trim(f, "'.,"))
		switch {
		case f == "" || fillers[f]:
			continue
		case negates(f):
			w.negated++
			continue
		}
		if q := questionWord(f); q != "" {
			w.asked = append(w.asked, q)
		}
		w.words = append(w.words, newWord(f, i == len(fields)-1))
	}
	return w
}

// separates reports what stands between words. Points, commas and apostrophes
// may be inside of one (3.5, 1,000, don't).
func separates(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !strings.ContainsRune("'’.,", r)
}

// closing has the quotes, by those that open. Normal turns none of them into
// another.
var closing = map[rune]rune{'"': '"', '“': '”', '‘': '’', '「': '」', '『': '』', '《': '》', '〈': '〉'}

// takeQuoted notes what stands in quotes and leaves it out.
func (w *wording) takeQuoted(s string) string {
	var rest strings.Builder
	for {
		at := strings.IndexFunc(s, func(r rune) bool { return closing[r] != 0 })
		if at < 0 {
			break
		}
		open, size := utf8.DecodeRuneInString(s[at:])
		inside := s[at+size:]
		end := strings.IndexRune(inside, closing[open])
		if end < 0 {
			break
		}
		rest.WriteString(s[:at] + " ")
		w.quoted = append(w.quoted, strings.TrimSpace(inside[:end]))
		s = inside[end+utf8.RuneLen(closing[open]):]
	}
	rest.WriteString(s)
	return rest.String()
}

// takeNumbers notes a word's numbers and returns what is left of it: of 1395년
// the 년, of the second nothing.
func (w *wording) takeNumbers(word string) string {
	if n, ok := numerals[word]; ok {
		w.numbers = append(w.numbers, n)
		return ""
	}
	var rest, number strings.Builder
	flush := func() {
		if n := strings.TrimRight(strings.ReplaceAll(number.String(), ",", ""), "."); n != "" {
			w.numbers = append(w.numbers, n)
		}
		number.Reset()
	}
	for _, r := range word {
		if unicode.IsNumber(r) || number.Len() > 0 && (r == '.' || r == ',') {
			number.WriteRune(r)
			continue
		}
		flush()
		rest.WriteRune(r)
	}
	flush()
	return rest.String()
}

// word is a word without what may be other in the same question: a Korean
// case particle, which is kept aside, a Korean ending of a last word, an English
// plural.
type word struct {
	stem     string
	particle role
}

// role is what a Korean particle makes of its noun.
type role byte

const (
	bare role = iota
	topic
	subject
	object
)

var particles = map[string]role{"은": topic, "는": topic, "이": subject, "가": subject, "을": object, "를": object}

func newWord(s string, last bool) word {
	if !hangul(s) {
		for _, end := range []string{"'s", "’s", "s"} {
			if stem, ok := strings.CutSuffix(s, end); ok && len(stem) >= 3 && !strings.HasSuffix(stem, "s") {
				return word{stem: stem}
			}
		}
		return word{stem: s}
	}
	if last {
		for _, end := range endings {
			if stem, ok := strings.CutSuffix(s, end); ok && stem != "" {
				return word{stem: stem}
			}
		}
	}
	_, size := utf8.DecodeLastRuneInString(s)
	if r := particles[s[len(s)-size:]]; r != bare && len(s) > size {
		return word{s[:len(s)-size], r}
	}
	return word{stem: s}
}

func hangul(s string) bool {
	r, _ := utf8.DecodeLastRuneInString(s)
	return unicode.Is(unicode.Hangul, r)
}
