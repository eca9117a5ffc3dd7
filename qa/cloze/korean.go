package cloze

import (
	"math/rand/v2"
	"strings"

	"semdex/qa"
)

// A Korean statement becomes a question in one of two ways:
//
//	경복궁은 1395년 한양에 지어졌다.
//	경복궁은 언제 한양에 지어졌는가?         the question word stands for the answer
//	경복궁이 한양에 지어졌던 때는 언제인가?   the sentence goes before a noun that asks
//
// The second needs a verb whose form before a noun is known.

// tails ask at the end, by kind. Each begins with the noun that the sentence goes
// before.
var tails = map[kind][]string{
	koreanDate:   {"때는 언제인가", "해는 언제인가", "시기는", "것은 언제인가", "때는"},
	koreanTitle:  {"것은 무엇인가", "작품은 무엇인가", "것의 이름은", "것은"},
	koreanPerson: {"사람은 누구인가", "사람은", "인물은 누구인가", "인물은", "사람의 이름은"},
	koreanPlace:  {"곳은 어디인가", "곳은", "장소는 어디인가", "지역은"},
	koreanName:   {"것은 무엇인가", "것은"},
}

// tail is what asks for an answer at the end of a question.
func tail(c candidate, answer []rune, rng *rand.Rand) string {
	if c.kind == koreanNumber {
		return "것은 " + c.kind.word(answer) + "인가"
	}
	list := tails[c.kind]
	return list[rng.IntN(len(list))]
}

// last is the final consonant of a syllable by its number, 0 for none, and -1 if
// r is no syllable.
func last(r rune) int {
	if r < 0xAC00 || r > 0xD7A3 {
		return -1
	}
	return int(r-0xAC00) % 28
}

// Final consonants by number.
const finalNieun, finalRieul, finalSsangSiot = 4, 8, 20

func lastRune(word string) rune {
	r := rune(0)
	for _, r = range word {
	}
	return r
}

// pairs are particles behind a consonant, and behind a vowel.
var pairs = [][2]string{{"이라", "라"}, {"이나", "나"}, {"이며", "며"}, {"이고", "고"}, {"으로", "로"}, {"을", "를"}, {"이", "가"}, {"은", "는"}, {"과", "와"}}

// withParticle puts what followed the answer behind another word, so that it
// agrees with it.
func withParticle(word, particle string) string {
	final := last(lastRune(word))
	if word == "언제" { // in what year, when
		particle = strings.TrimPrefix(particle, "에")
	}
	for _, p := range pairs {
		for _, form := range p {
			rest, ok := strings.CutPrefix(particle, form)
			if !ok {
				continue
			}
			open := final <= 0 || p[0] == "으로" && final == finalRieul
			switch {
			case word == "누구" && p[0] == "이":
				return "누가" + rest
			case open:
				return word + p[1] + rest
			}
			return word + p[0] + rest
		}
	}
	return word + particle
}

// asks turns the verb that ends a statement into one that asks; others stay.
func asks(verb string) string {
	w := []rune(verb)
	n := len(w)
	if n < 2 || w[n-1] != '다' {
		return verb
	}
	switch before := w[n-2]; {
	case before == '이':
		return string(w[:n-2]) + "인가"
	case last(before) == finalSsangSiot, before == '없':
		return string(w[:n-1]) + "는가"
	case before == '는':
		return string(w[:n-1]) + "가"
	case last(before) == finalNieun && n > 2:
		return string(w[:n-2]) + string(before-finalNieun) + "는가"
	}
	return verb
}

// adnominal is the form that the verb ending a statement has before a noun; ""
// if it is not known.
func adnominal(verb string) string {
	w := []rune(verb)
	n := len(w)
	if n < 2 || w[n-1] != '다' {
		return ""
	}
	for _, past := range [][2]string{{"하였다", "한"}, {"했다", "한"}, {"되었다", "된"}, {"됐다", "된"}} {
		if stem, ok := strings.CutSuffix(verb, past[0]); ok {
			return stem + past[1]
		}
	}
	switch before := w[n-2]; {
	case before == '이' && n > 2:
		return string(w[:n-2]) + "인"
	case before == '있', before == '없':
		return string(w[:n-1]) + "는"
	case last(before) == finalSsangSiot:
		return string(w[:n-1]) + "던"
	case before == '는':
		return string(w[:n-1])
	case last(before) == finalNieun && n > 2:
		return string(w[:n-2]) + string(before-finalNieun) + "는"
	}
	return ""
}

// topicToSubject gives the first word of a sentence that goes before a noun the
// particle of a subject.
func topicToSubject(word string) string {
	w := []rune(word)
	n := len(w)
	if n < 3 || w[n-1] != '은' && w[n-1] != '는' || qa.Particle(w, 0, n) != 1 {
		return word
	}
	return withParticle(string(w[:n-1]), "이")
}

// titles stand before a person's name.
var titles = strings.Fields(`왕 황제 장군 대통령 총리 장관 의원 감독 교수 박사 작가 시인 화가 작곡가 가수 배우
	선수 회장 사장 신부 목사 주교 교황 대사 제독 총독 지사 시장 건축가 철학자 과학자 물리학자 수학자 소설가`)

// places are how names of places end.
const places = "시군구도동읍면섬역항산강호주성궁국"

// named is the kind of a word before a particle, which tells more about it than
// the word; before is the word ahead of it.
func named(word []rune, particle string, before []rune) kind {
	if particle == "에서" || particle == "에" && len(word) > 2 && strings.ContainsRune(places, word[len(word)-1]) {
		return koreanPlace
	}
	for _, title := range titles {
		if strings.HasSuffix(string(before), title) {
			return koreanPerson
		}
	}
	return koreanName
}

// koreanQuestion makes a question of a sentence's words. The word at answer is
// the one with the answer, and particle what follows the answer in it; prefix
// stands before the answer. verb says that the last of the words ends the
// sentence.
func koreanQuestion(words []string, answer int, prefix, particle string, verb bool, c candidate, text []rune, rng *rand.Rand) string {
	end := len(words) - 1
	if verb && end != answer && prefix == "" && rng.IntN(5) > 1 {
		if form := adnominal(words[end]); form != "" {
			out := append([]string(nil), words[:answer]...)
			out = append(append(out, words[answer+1:end]...), form, tail(c, text, rng))
			out[0] = topicToSubject(out[0])
			return strings.Join(out, " ") + "?"
		}
	}
	words[answer] = prefix + withParticle(c.kind.word(text), particle)
	if verb && end != answer {
		words[end] = asks(words[end])
	}
	return strings.Join(words, " ") + "?"
}
