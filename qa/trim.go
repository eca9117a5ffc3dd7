package qa

import (
	"slices"
	"unicode"
)

// Text turns tokens [from, to) of p into runes of its text, which is runes. By
// the settings it widens them to whole words and takes Korean particles off
// the end.
func (c Config) Text(p *Passage, text []rune, from, to int) (start, end int) {
	start, end = int(p.Offsets[from].Start), int(p.Offsets[to-1].End)
	if c.Words {
		for from > 0 && p.inWord[from] {
			from--
		}
		for to < len(p.inWord) && p.inWord[to] {
			to++
		}
		start = int(p.Offsets[from].Start)
		whole := int(p.Offsets[to-1].End)
		// In Korean a word is stem and endings in one: where the reader stops
		// within it, it means the stem.
		if !c.Particles || end == whole || !isHangul(text[end]) {
			end = whole
		}
	}
	if c.Particles {
		end -= particle(text, start, end)
	}
	return start, end
}

// wordStart is where the last word of runes [start, end) begins.
func wordStart(text []rune, start, end int) int {
	for i := end; i > start; i-- {
		if !unicode.IsLetter(text[i-1]) && !unicode.IsNumber(text[i-1]) {
			return i
		}
	}
	return start
}

// The particles that are taken off, by what they stand behind. Those of one
// syllable that end as many nouns as they follow (도, 만, 나, 라, 간) are not
// among them.
var (
	afterConsonant = split("은 이 을 과 과의 과는 으로 으로는 으로도 으로의 으로만 으로서 으로써 으로부터 이나 이란 이라 이라는 이라고 이라고도 이다 이며 이고 이었다 이었던")
	afterVowel     = split("는 가 를 와 와의 와는 라는 라고 라고도 였다 였던")
	afterVowelOrL  = split("로 로는 로도 로의 로만 로서 로써 로부터")
	afterAny       = split("의 에 에는 에도 에만 에서 에서는 에서도 에서의 에서만 에게 에게는 에게서 까지 까지는 까지의 까지만 부터 부터는 마다 보다 처럼 만큼 조차 뿐이다")
)

func split(list string) [][]rune {
	var out [][]rune
	word := []rune{}
	for _, r := range list + " " {
		if r != ' ' {
			word = append(word, r)
			continue
		}
		out = append(out, word)
		word = nil
	}
	return out
}

// Particle is the length of the particle that ends runes [start, end) of a text, 0
// if there is none.
func Particle(text []rune, start, end int) int { return particle(text, start, end) }

// particle is the length of the particle that ends the answer [start, end), 0 if
// there is none. The longest counts, and Korean's rule of agreement must hold:
// 은, 이, 을 stand behind a final consonant, 는, 가, 를 behind a vowel. Two
// syllables that are all of the answer stay whole: 종이 is paper, not a bell. A
// longer noun that ends like one with a particle (고양이, a cat) does lose it:
// only a dictionary could tell.
func particle(text []rune, start, end int) int {
	word := wordStart(text, start, end)
	for n := min(5, end-word-1); n > 0; n-- {
		stem := end - n
		if n == 1 && stem-start == 1 && isHangul(text[stem-1]) {
			continue
		}
		if isParticle(text, stem, end) {
			return n
		}
	}
	return 0
}

// isParticle says whether runes [start, end) are a particle that agrees with
// the rune before them.
func isParticle(text []rune, start, end int) bool {
	if start <= 0 || start >= end {
		return false
	}
	before, word := text[start-1], text[start:end]
	in := func(list [][]rune) bool {
		return slices.ContainsFunc(list, func(p []rune) bool { return slices.Equal(p, word) })
	}
	if in(afterAny) {
		return true
	}
	if !isHangul(before) { // how a figure or a Latin letter is read is not known
		return in(afterConsonant) || in(afterVowel) || in(afterVowelOrL)
	}
	const finals, l = 28, 8 // the last consonants of a syllable block, 0 for none
	switch final := (before - firstHangul) % finals; {
	case final == 0:
		return in(afterVowel) || in(afterVowelOrL)
	case final == l && in(afterVowelOrL):
		return true
	}
	return in(afterConsonant)
}

const firstHangul, lastHangul = '가', '힣'

func isHangul(r rune) bool { return r >= firstHangul && r <= lastHangul }
