package index

import (
	"slices"
	"strings"
	"unicode"
)

// A breakKind says how good a place between two units is to end a passage.
type breakKind uint8

const (
	cutBreak       breakKind = iota // inside a sentence that is longer than a passage
	headingBreak                    // between a heading and its text
	sentenceBreak                   // between sentences of a line
	lineBreak                       // between lines
	paragraphBreak                  // at an empty line or the end of the text
)

// A unit is what a passage is packed from: a sentence, or a piece of one. It
// begins and ends with runes that are not spaces.
type unit struct {
	start, end int
	after      breakKind // what follows it
}

// sentences cuts text at sentence ends, line ends and empty lines. A line end
// counts unless the line looks wrapped: no sentence ends there, and the next
// line goes on in lower case.
func sentences(text []rune) []unit {
	var units []unit
	for _, block := range blocks(text) {
		units = appendSentences(units, text, block)
	}
	if n := len(units); n > 0 {
		units[n-1].after = paragraphBreak
	}
	return units
}

// blocks joins wrapped lines and drops empty ones; each block is a stretch of
// text that begins and ends with runes that are not spaces.
func blocks(text []rune) []unit {
	var out []unit
	for i := 0; i < len(text); {
		lineStart := i
		for i < len(text) && !isNewline(text[i]) {
			i++
		}
		start, end := trim(text, lineStart, i)
		i++
		if start == end {
			if n := len(out); n > 0 {
				out[n-1].after = paragraphBreak
			}
			continue
		}
		if n := len(out); n > 0 && out[n-1].after == lineBreak && isWrapped(text, out[n-1], start, end) {
			out[n-1].end = end
			continue
		}
		out = append(out, unit{start, end, lineBreak})
	}
	for i := range out[:max(0, len(out)-1)] {
		if isHeading(text, out[i]) {
			out[i].after = headingBreak
		}
	}
	return out
}

// isNewline leaves "\r\n" to count once: "\r" is then a space before "\n".
func isNewline(r rune) bool {
	return r == '\n' || r == '\u2028' || r == '\u2029' || r == '\f' || r == '\v' || r == '\u0085'
}

func trim(text []rune, start, end int) (int, int) {
	for start < end && unicode.IsSpace(text[start]) {
		start++
	}
	for end > start && unicode.IsSpace(text[end-1]) {
		end--
	}
	return start, end
}

// isWrapped reports whether the line from start to end goes on with the
// sentence of the block before it.
func isWrapped(text []rune, before unit, start, end int) bool {
	return unicode.IsLower(text[start]) && !endsSentence(text, before.start, before.end) && !isBullet(text, start, end)
}

// A line is taken for a heading of what follows if it has at most so many
// columns and no sentence ends there, or at most so many words and a full stop
// that ends no Korean predicate, as text from Wikipedia has its headings.
const (
	headingColumns = 80
	headingWords   = 4
)

func isHeading(text []rune, b unit) bool {
	if text[b.start] == '#' {
		return true
	}
	line := text[b.start:b.end]
	if columns(line) > headingColumns || isBullet(text, b.start, b.end) {
		return false
	}
	body := line[:len(line)-1]
	if line[len(body)] == '.' && !isKoreanEnding(text, b.start, b.end-1) && !slices.ContainsFunc(body, isTerminator) {
		return len(strings.Fields(string(line))) <= headingWords
	}
	return !endsSentence(text, b.start, b.end)
}

// isBullet recognises the signs and numbers that begin an item of a list.
func isBullet(text []rune, start, end int) bool {
	if strings.ContainsRune("-*+•·‣▪■□◦○●◆▶※–—", text[start]) {
		return start+1 < end && unicode.IsSpace(text[start+1])
	}
	if '①' <= text[start] && text[start] <= '⑳' {
		return true
	}
	return listNumber(text, start, end) > start
}

// listNumber returns where the number of a list item ends: "1.", "2.3.", "4)",
// "(5)", "가.", "나)"; start if there is none.
func listNumber(text []rune, start, end int) int {
	i := start
	if i < end && text[i] == '(' {
		i++
	}
	first := i
	for i < end && (unicode.IsDigit(text[i]) || text[i] == '.' && i > first) {
		i++
	}
	if i == first && i+1 < end && (unicode.Is(unicode.Hangul, text[i]) || unicode.IsLetter(text[i])) {
		i++
		if text[i] == '.' {
			i++
		}
	}
	if i < end && text[i] == ')' {
		i++
	}
	if i == first || i-start > 8 || !unicode.IsSpace(runeAt(text, i, end)) || !strings.ContainsRune(".)", text[i-1]) {
		return start
	}
	return i
}

func runeAt(text []rune, i, end int) rune {
	if i < 0 || i >= end {
		return ' '
	}
	return text[i]
}

// endsSentence reports whether a line's last signs end a sentence.
func endsSentence(text []rune, start, end int) bool {
	for end > start && isCloser(text[end-1]) {
		end--
	}
	return end > start && isTerminator(text[end-1])
}

func appendSentences(units []unit, text []rune, block unit) []unit {
	start := block.start
	words := false                             // signs alone are no sentence
	item := listNumber(text, start, block.end) // "1." does not end a sentence
	for i := max(start, item); i < block.end; i++ {
		if !isTerminator(text[i]) {
			words = words || isAlphanumeric(text[i])
			continue
		}
		first := i
		for i+1 < block.end && isTerminator(text[i+1]) {
			i++
		}
		after := skipClosers(text, i+1, block.end)
		if after >= block.end || !words || !isBoundary(text, start, first, i, after, block.end) {
			continue
		}
		units = append(units, unit{start, after, sentenceBreak})
		start, _ = trim(text, after, block.end)
		i, words = start-1, false
	}
	return append(units, unit{start, block.end, block.after})
}

func isTerminator(r rune) bool { return strings.ContainsRune(".!?…。！？｡．؟।", r) }

func isAlphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// isWideTerminator holds for the full stops of scripts that set no space after
// them.
func isWideTerminator(r rune) bool { return strings.ContainsRune("。！？｡．।", r) }

func isCloser(r rune) bool { return strings.ContainsRune("\"'”’»)]}」』》〉】）］", r) }

// skipClosers passes closing quotes and brackets, and a citation such as [12].
func skipClosers(text []rune, i, end int) int {
	for i < end {
		if isCloser(text[i]) {
			i++
			continue
		}
		j := i
		if text[j] == '[' {
			for j++; j < end && unicode.IsDigit(text[j]); j++ {
			}
		}
		if j == i || j-i > 5 || j-i < 2 || j >= end || text[j] != ']' {
			return i
		}
		i = j + 1
	}
	return i
}

// isBoundary decides whether the terminators text[first:last+1], with closing
// signs up to after, end the sentence that began at start.
func isBoundary(text []rune, start, first, last, after, end int) bool {
	next, _ := trim(text, after, end)
	spaced, closed := next > after, after > last+1
	switch {
	case isWideTerminator(text[last]):
		return !closed || !unicode.Is(unicode.Hiragana, text[next]) && !isQuoteParticle(text[next:end])
	case closed && !spaced, isQuoteParticle(text[next:end]):
		return false // “간다.”고 말했다; (왜?)는
	case text[first] == '.' && first == last:
		return isFullStop(text, start, first, next, end, spaced)
	case unicode.IsLower(text[next]):
		return false // "Really?" she said; Yahoo! has; so ... it
	case !spaced:
		return unicode.IsLetter(text[next]) && text[last] != '.' && text[last] != '…'
	}
	return true
}

// isQuoteParticle recognises what goes on after a quotation in Korean.
func isQuoteParticle(text []rune) bool {
	word := text
	if i := slices.IndexFunc(text, func(r rune) bool { return !unicode.Is(unicode.Hangul, r) }); i >= 0 {
		word = text[:i]
	}
	switch s := string(word[:min(len(word), 4)]); s {
	case "고", "며", "면서", "라고", "라는", "라며", "라면서", "이라고", "이라는", "이라며", "하고", "하며", "란", "이란", "는", "은", "를", "을", "라고도", "라고는", "라는데":
		return true
	}
	return false
}

// isFullStop decides about a single ".": text[next] is the next rune that is
// not a space.
func isFullStop(text []rune, start, dot, next, end int, spaced bool) bool {
	if !spaced {
		return isKoreanEnding(text, start, dot) && (unicode.Is(unicode.Hangul, text[next]) || unicode.IsUpper(text[next]))
	}
	if unicode.IsLower(text[next]) {
		return false
	}
	word := wordBefore(text, start, dot)
	digit := unicode.IsDigit(text[next])
	switch {
	case isNumber(word):
		return !digit && !isDate(text, start, dot-len(word))
	case isInitials(word):
		return len(word) > 1 && isStarter(text[next:end])
	case abbreviations[strings.ToLower(word)]:
		return false
	case beforeNumbers[strings.ToLower(word)]:
		return !digit
	}
	return true
}

// isKoreanEnding recognises the last syllable of a Korean predicate, as in
// 간다.그러나, but not 가.나.다.
func isKoreanEnding(text []rune, start, dot int) bool {
	return dot-2 >= start && unicode.Is(unicode.Hangul, text[dot-2]) &&
		strings.ContainsRune("다요까죠음함임됨니네지라자오군걸세", text[dot-1])
}

// wordBefore is the word that ends at the dot, dots inside it included.
func wordBefore(text []rune, start, dot int) string {
	i := dot
	for i > start && dot-i < 24 && !unicode.IsSpace(text[i-1]) && !strings.ContainsRune("([{\"'“‘<,;:/", text[i-1]) {
		i--
	}
	return string(text[i:dot])
}

func isNumber(word string) bool {
	return word != "" && strings.IndexFunc(word, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// isDate reports whether the number at i follows another one with a dot, as the
// last of 2024. 1. 5. does.
func isDate(text []rune, start, i int) bool {
	_, i = trim(text, start, i)
	return i > start && text[i-1] == '.' && isNumber(wordBefore(text, start, i-1))
}

// isInitials holds for "J" and "U.S": capital letters with dots between them.
func isInitials(word string) bool {
	for i, r := range word {
		if i%2 == 0 && (r < 'A' || r > 'Z') || i%2 == 1 && r != '.' {
			return false
		}
	}
	return len(word)%2 == 1
}

// isStarter reports whether the text begins with a word that begins a sentence
// far more often than it goes on with one.
func isStarter(text []rune) bool {
	n := slices.IndexFunc(text, func(r rune) bool { return !unicode.IsLetter(r) })
	if n < 0 {
		n = len(text)
	}
	return n <= 10 && starters[string(text[:n])]
}
