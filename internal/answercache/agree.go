package answercache

import (
	"slices"
	"strings"
)

// sameWords reports whether two questions say the same in nearly the same words:
// the same words in the same order, but for fillers, an English plural, and in
// Korean the ending of the last word and the particle of one. One alone, because
// two that change places turn a sentence around (철수는 영희를, 철수를 영희는).
func sameWords(a, b wording) bool {
	if !similarWords(a, b) || len(a.words) != len(b.words) {
		return false
	}
	other := 0
	for i, x := range a.words {
		y := b.words[i]
		switch {
		case x.stem != y.stem:
			return false
		case x.particle == y.particle:
		case x.particle+y.particle == subject+object: // nothing else adds up to it
			return false
		default:
			other++
		}
	}
	return other <= 1
}

// similarWords reports whether nothing in the words of two questions says that
// they ask for different things: numbers, quotes, negations and question words
// are the same, and the words that both have stand in the same order.
func similarWords(a, b wording) bool {
	return slices.Equal(a.numbers, b.numbers) && slices.Equal(a.quoted, b.quoted) && a.negated == b.negated &&
		slices.Equal(a.asked, b.asked) && sameOrder(a.words, b.words)
}

func sameOrder(a, b []word) bool {
	last := -1
	for _, x := range a {
		at := slices.IndexFunc(b, func(y word) bool { return x.stem == y.stem })
		if at < 0 {
			continue
		}
		if at < last {
			return false
		}
		last = at
	}
	return true
}

// numerals are numbers in words.
var numerals = map[string]string{
	"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"ten": "10", "eleven": "11", "twelve": "12", "twenty": "20", "hundred": "100", "thousand": "1000", "million": "1000000", "billion": "1000000000",
	"first": "1st", "second": "2nd", "third": "3rd", "fourth": "4th", "fifth": "5th", "sixth": "6th", "seventh": "7th", "eighth": "8th", "ninth": "9th", "tenth": "10th",
	"하나": "1", "둘": "2", "셋": "3", "넷": "4", "다섯": "5", "여섯": "6", "일곱": "7", "여덟": "8", "아홉": "9", "열": "10",
	"한": "1", "두": "2", "세": "3", "네": "4", "첫": "1st", "첫째": "1st", "둘째": "2nd", "셋째": "3rd", "넷째": "4th",
}

// fillers are words without which a question asks the same.
var fillers = set("a", "an", "the", "please", "do", "does", "did", "좀")

var negations = set("not", "no", "never", "none", "nor", "neither", "without", "except", "excluding", "cannot", "안", "못", "말고", "빼고")

// negates reports words that turn a question around: not, isn't, 않는, 없이, 아닌.
func negates(word string) bool {
	return negations[word] || strings.HasSuffix(word, "n't") || strings.HasSuffix(word, "n’t") ||
		slices.ContainsFunc([]string{"않", "없", "아니", "아닌", "못하", "못한", "제외"}, func(stem string) bool { return strings.Contains(word, stem) })
}

var asking = set("when", "where", "who", "whom", "whose", "why", "how", "which", "what")

// koreanAsking are the stems of Korean question words, and what they ask for.
var koreanAsking = []struct{ stem, means string }{
	{"언제", "when"},
	{"어디", "where"},
	{"누구", "who"},
	{"누가", "who"},
	{"왜", "why"},
	{"어떻", "how"},
	{"어느", "which"},
	{"어떤", "which"},
	{"무엇", "what"},
	{"무슨", "what"},
	{"뭐", "what"},
	{"뭘", "what"},
	{"몇", "how many"},
	{"얼마", "how many"},
}

// questionWord is what a word asks for, "" if it does not ask.
func questionWord(word string) string {
	if asking[word] {
		return word
	}
	for _, k := range koreanAsking {
		if strings.HasPrefix(word, k.stem) {
			return k.means
		}
	}
	return ""
}

// endings of a last word that make no other question of it, longer ones first:
// 지었나, 지었나요, 지었습니까; 언제인가, 언제입니까, 언제.
var endings = []string{
	"습니까", "인가요", "입니까", "는가요", "이에요", "인가", "인지", "는가", "는지", "나요", "까요", "어요", "예요", "지요",
	"나", "니", "냐", "죠", "지", "어", "요",
}

func set(words ...string) map[string]bool {
	m := make(map[string]bool, len(words))
	for _, w := range words {
		m[w] = true
	}
	return m
}
