package adapt

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// longest is the number of runes from which a sentence is cut at every full stop
// before a space, also where the next word begins in lower case: texts that are
// all in lower case have no other sentences.
const longest = 300

// sentencesOf cleans the sentences of a passage and leaves out those without
// letters.
func sentencesOf(list []Sentence) []Sentence {
	var out []Sentence
	for _, sentence := range list {
		for _, text := range loose(clean(sentence.Text)) {
			if letters(text) > 0 {
				out = append(out, Sentence{text, sentence.Heading})
			}
		}
	}
	return out
}

// loose cuts a long sentence. Pieces of less than minLetters stay with what
// precedes them.
func loose(text string) []string {
	if utf8.RuneCountInString(text) <= longest {
		return []string{text}
	}
	var out []string
	start, ended := 0, false
	for i, r := range text {
		switch {
		case strings.ContainsRune(".!?。", r):
			ended = true
		case ended && r == ' ' && letters(text[start:i]) >= minLetters && letters(text[i:]) >= minLetters:
			out = append(out, text[start:i])
			start, ended = i+1, false
		case r != ' ':
			ended = false
		}
	}
	return append(out, text[start:])
}

// withoutTitle takes the title off the beginning of a text that repeats it: it
// would give the answer away.
func withoutTitle(list []Sentence, title string) []Sentence {
	if title == "" || len(list) == 0 {
		return list
	}
	if key(list[0].Text) == key(title) {
		return list[1:]
	}
	if rest, ok := cutPrefixFold(list[0].Text, title); ok {
		rest = strings.TrimLeft(rest, " .:-–—|")
		if letters(rest) == 0 {
			return list[1:]
		}
		// A title of a word or two begins many a first sentence, as its subject.
		if letters(title) >= minLetters {
			return append([]Sentence{{rest, list[0].Heading}}, list[1:]...)
		}
	}
	return list
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	n := 0
	for range prefix {
		_, size := utf8.DecodeRuneInString(s[n:])
		n += size
	}
	return s[n:], strings.EqualFold(s[:n], prefix)
}

// clean makes white space single.
func clean(s string) string { return strings.Join(strings.Fields(s), " ") }

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			n++
			if r >= 0x1100 { // a syllable or an ideograph says more
				n++
			}
		}
	}
	return n
}

// words are the runs of letters and digits of a text, in NFC and lower case.
func words(s string) []string {
	return strings.FieldsFunc(strings.ToLower(norm.NFC.String(s)), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// key is a hash (FNV-1a) of a text's words: texts that differ in case, spacing or
// punctuation alone have the same.
func key(s string) uint64 {
	h := uint64(14695981039346656037)
	for _, word := range words(s) {
		for i := range len(word) {
			h = (h ^ uint64(word[i])) * 1099511628211
		}
	}
	return h
}
