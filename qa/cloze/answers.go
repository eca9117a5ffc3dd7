package cloze

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"semdex/qa"
)

// kind is what an answer is, which decides the question word.
type kind int

const (
	koreanDate kind = iota
	koreanNumber
	koreanTitle
	koreanPerson
	koreanPlace
	koreanName
	englishDate
	englishNumber
	englishName
)

func (k kind) english() bool { return k >= englishDate }

// word is the question word for an answer. A number is asked for with its unit.
func (k kind) word(answer []rune) string {
	switch k {
	case koreanDate:
		return "언제"
	case koreanNumber:
		i := 0
		for i < len(answer) && (unicode.IsDigit(answer[i]) || strings.ContainsRune(",. 만억천", answer[i])) {
			i++
		}
		return "몇 " + string(answer[i:])
	case koreanTitle, koreanName:
		return "무엇"
	case koreanPerson:
		return "누구"
	case koreanPlace:
		return "어디"
	case englishDate:
		return "when"
	case englishNumber:
		return "how many"
	}
	return "what"
}

// candidate is an answer: runes of a sentence.
type candidate struct {
	start, end int
	kind       kind
}

// patterns find answers. The part in parentheses is the answer. A pattern that
// stands before another has the first claim on a stretch of text.
var patterns = []struct {
	kind kind
	re   *regexp.Regexp
}{
	{koreanTitle, regexp.MustCompile(`[《〈「『]([^《》〈〉「」『』]{2,30})[》〉」』]`)},
	{koreanDate, regexp.MustCompile(`(\d{1,4}년 \d{1,2}월(?: \d{1,2}일)?|\d{3,4}년|\d{1,2}월 \d{1,2}일)`)},
	{koreanNumber, regexp.MustCompile(`(\d[\d,.]*(?: ?[만억천])?(?:년|세기|개월|개국|명|개|대|척|권|편|마리|곳|번|회|점|살|층|m|km|kg|%|달러|원|위))`)},
	{koreanNumber, regexp.MustCompile(`((?:1[7-9]|[2-9]\d)세)`)}, // of lower ones most are kings
	{englishDate, regexp.MustCompile(`\b((?:January|February|March|April|May|June|July|August|September|October|November|December)(?: \d{1,2})?,? \d{4})\b`)},
	{englishDate, regexp.MustCompile(`\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]y) ((?:1[0-9]|20)\d\d)\b`)},
	{englishNumber, regexp.MustCompile(`\b(\d[\d,.]*\d|\d) (?:million |billion |thousand )?[a-z]{3,}s\b`)},
	{englishName, regexp.MustCompile(`[a-z,] ((?:[A-Z][a-z]+)(?: (?:of |the |de |von )*[A-Z][a-z]+){0,3})`)},
}

// candidates are the answers that a sentence offers; they do not overlap.
func candidates(sentence []rune, o Options) []candidate {
	text := string(sentence)
	var out []candidate
	free := func(c candidate) bool {
		for _, o := range out {
			if c.start < o.end && o.start < c.end {
				return false
			}
		}
		return true
	}
	korean := mostlyHangul(sentence)
	for _, p := range patterns {
		if korean && p.kind.english() {
			continue
		}
		for _, m := range p.re.FindAllStringSubmatchIndex(text, -1) {
			start := utf8.RuneCountInString(text[:m[2]])
			c := candidate{start, start + utf8.RuneCountInString(text[m[2]:m[3]]), p.kind}
			if whole(sentence, c) && free(c) {
				out = append(out, c)
			}
		}
	}
	for _, c := range subjects(sentence, o) {
		if free(c) {
			out = append(out, c)
		}
	}
	return out
}

// whole says whether a match is not a piece of a longer number, and means what its
// pattern says: 1950년대 is no year, 300년 동안 no date, 루이 18세 no age.
func whole(sentence []rune, c candidate) bool {
	if c.kind != koreanDate && c.kind != koreanNumber {
		return true
	}
	before, after := sentence[:c.start], sentence[c.end:]
	if n := len(before); n > 0 && (unicode.IsDigit(before[n-1]) || strings.ContainsRune(",.", before[n-1])) {
		return false
	}
	switch unit := sentence[c.end-1]; {
	case unit == '년' && hasPrefix(after, "대"):
		return false
	case unit == '년' && c.kind == koreanDate:
		return !hasPrefix(after, "간") && !hasPrefix(after, " 동안") && !hasPrefix(after, " 간")
	case unit == '세':
		words := fields(before, span{0, len(before)})
		if len(words) == 0 {
			return true
		}
		w := words[len(words)-1]
		return !hangul(before[w.start:w.end]) || qa.Particle(before, w.start, w.end) > 0
	}
	return true
}

func hasPrefix(text []rune, prefix string) bool {
	return strings.HasPrefix(string(text[:min(len(text), len(prefix))]), prefix)
}

// mostlyHangul tells Korean sentences from English ones: each may have words of the
// other.
func mostlyHangul(sentence []rune) bool {
	hangul, letters := 0, 0
	for _, r := range sentence {
		if unicode.IsLetter(r) {
			letters++
		}
		if unicode.Is(unicode.Hangul, r) {
			hangul++
		}
	}
	return 3*hangul > letters
}

// subjects are Korean words before 이, 가, 을, 를, 의, 에 or 에서, without these: as
// near as one comes to nouns without a dictionary. Before 은 and 는 stand verbs as
// well (만드는, that makes). The first word of a sentence mostly is what the
// passage is about, and no answer.
//
// With Options.Common, words of many texts are left out, those before a name that
// belong to it are taken in, and names of which it is not known where they begin
// are left out.
func subjects(sentence []rune, o Options) []candidate {
	var out []candidate
	var before []rune
	list := fields(sentence, span{0, len(sentence)})
	for i, w := range list {
		n := qa.Particle(sentence, w.start, w.end)
		c := candidate{w.start, w.end - n, koreanName}
		particle := string(sentence[c.end:w.end])
		word, previous := sentence[c.start:c.end], before
		before = sentence[w.start:w.end]
		if i == 0 || n != 1 && particle != "에서" || particle == "은" || particle == "는" ||
			len(word) < shortestWord || len(word) > longestWord || !hangul(word) {
			continue
		}
		c.kind = named(word, particle, previous)
		if o.Common != nil {
			if !o.Common.rare(word, o.Rare) {
				continue
			}
			whole := false
			if c, whole = o.Common.widen(sentence, c, list[:i], o.Rare); !whole {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// Bounds of a word that may be a noun, in syllables.
const shortestWord, longestWord = 2, 8

func hangul(word []rune) bool {
	for _, r := range word {
		if !unicode.Is(unicode.Hangul, r) {
			return false
		}
	}
	return true
}
