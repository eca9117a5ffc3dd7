package qa

import (
	"strings"
	"unicode"
)

// contextReach is how many runes a sentence may go on before and behind an
// answer; what is longer is cut at a space.
const contextReach = 300

// sentence gives the runes of the sentence, or sentences, that hold
// [start, end).
func sentence(text []rune, start, end int) (from, to int) {
	for from = start; from > 0 && start-from < contextReach && !sentenceEnd(text, from-1); from-- {
	}
	if start-from == contextReach {
		for from < start && !unicode.IsSpace(text[from]) {
			from++
		}
	}
	for to = end; to < len(text) && to-end < contextReach && !sentenceEnd(text, to-1); to++ {
	}
	if to-end == contextReach {
		for to > end && !unicode.IsSpace(text[to-1]) {
			to--
		}
	}
	for from < start && unicode.IsSpace(text[from]) {
		from++
	}
	for to > end && unicode.IsSpace(text[to-1]) {
		to--
	}
	return from, to
}

// Sentences cuts text where sentence does. They cover all but the white space.
func Sentences(text string) []string {
	runes := []rune(text)
	var out []string
	last := 0
	for i := range runes {
		if i+1 < len(runes) && !sentenceEnd(runes, i) {
			continue
		}
		if s := strings.TrimSpace(string(runes[last : i+1])); s != "" {
			out = append(out, s)
		}
		last = i + 1
	}
	return out
}

// SentenceEnd says whether a sentence of text ends behind rune i.
func SentenceEnd(text []rune, i int) bool { return sentenceEnd(text, i) }

// sentenceEnd says whether a sentence ends behind rune i: at the end of a line,
// or behind a full stop, with the quotes and brackets that close after it, where
// white space follows. A stop behind a single letter (J. Smith) or before a
// lower-case letter ends none.
func sentenceEnd(text []rune, i int) bool {
	if i < 0 || text[i] == '\n' {
		return true
	}
	if i+1 < len(text) && !unicode.IsSpace(text[i+1]) {
		return false
	}
	for i > 0 && strings.ContainsRune(`"')]”’»」』`, text[i]) {
		i--
	}
	switch text[i] {
	case '!', '?', '。', '！', '？':
		return true
	case '.':
		short := i >= 1 && unicode.IsUpper(text[i-1]) && (i == 1 || !unicode.IsLetter(text[i-2]))
		return !short && !lowerFollows(text, i+1)
	}
	return false
}

func lowerFollows(text []rune, i int) bool {
	for ; i < len(text); i++ {
		if !unicode.IsSpace(text[i]) {
			return unicode.IsLower(text[i])
		}
	}
	return false
}
