package analysis

// Weights of a Korean word's terms in a query. A word of several syllables
// gives several overlapping terms, so each counts for less than a word that is
// one term; the word with its particle is the weakest evidence, for the same
// noun seldom meets the same particle. Chosen on the train queries of MIRACL
// and Mr. TyDi over Korean Wikipedia.
const (
	weightWord = 0.3 // the word as it stands
	weightStem = 0.7 // without particles
	weightPair = 0.5 // two neighbouring syllables of the stem
)

// appendKorean emits a word as it stands, its stem, and all of its pairs of
// syllables. A stem of two syllables is one of the pairs already.
func appendKorean(dst []Token, run word) []Token {
	n := len(run.chars)
	if n > 2 {
		dst = append(dst, run.token(0, n))
	}
	if k := stemLength(run.chars); k < n && k != 2 {
		dst = append(dst, run.token(0, k))
	}
	return appendPairs(dst, run)
}

// appendKoreanQuery emits the terms of appendKorean but for the pairs that
// reach into a particle, weighted.
func appendKoreanQuery(dst []Token, run word) []Token {
	if questions[run.String()] {
		return dst
	}
	n := len(run.chars)
	if n > 2 {
		dst = append(dst, run.token(0, n).weighted(weightWord))
	}
	k := stemLength(run.chars)
	if k < n && k != 2 {
		dst = append(dst, run.token(0, k).weighted(weightStem))
	}
	if k == 1 {
		k = n
	}
	at := len(dst)
	dst = appendPairs(dst, word{run.script, run.chars[:k], run.text})
	if k > 2 {
		for i := at; i < len(dst); i++ {
			dst[i].Weight = weightPair
		}
	}
	return dst
}

// stemLength is the number of leading characters that remain when the longest
// particle is taken off; all of them if there is none.
func stemLength(chars []char) int {
	best := len(chars)
	for _, p := range particles[chars[len(chars)-1].r] {
		if k := len(chars) - len(p.text); k >= 1 && k < best && endsWith(chars, p.text) && p.after.agrees(chars[k-1].r) {
			best = k
		}
	}
	return best
}

func endsWith(chars []char, suffix []rune) bool {
	at := len(chars) - len(suffix)
	for i, r := range suffix {
		if chars[at+i].r != r {
			return false
		}
	}
	return true
}

// sound is what a particle asks of the syllable before it. Korean particles
// agree with the final consonant of their noun, which tells most of them from
// a noun's own last syllable: 은 follows 책, never 나무.
type sound uint8

const (
	anySound    sound = iota
	open              // no final consonant
	closed            // a final consonant
	openOrRieul       // none, or ㄹ: 서울로
)

func (s sound) agrees(r rune) bool {
	if s == anySound {
		return true
	}
	if !isSyllable(r) {
		return false
	}
	const finals, rieul = 28, 8
	switch final := (r - 0xAC00) % finals; s {
	case open:
		return final == 0
	case closed:
		return final != 0
	default:
		return final == 0 || final == rieul
	}
}

// particle is an ending that a noun takes, and the sound it follows.
type particle struct {
	text  []rune
	after sound
}

// particles by their last syllable.
var particles = indexParticles(map[sound]string{
	anySound: `의 에 에는 에도 에만 에의 에서 에서는 에서도 에서의 에게 에게는 에게서 한테 께 께서
		도 만 만의 까지 까지의 부터 부터의 보다 처럼 마다 조차 마저 밖에
		들 들이 들은 들을 들의 들에 들에게 들과 들도
		인가 인가요 이다 입니다 입니까 이었다
		하다 하는 하여 하고 한 했다 되는 된 되었다 적인`,
	open:        `는 가 를 와 와의 라는 라고 로서 로써 며 든지`,
	closed:      `은 이 을 과 과의 이라 이라는 이라고 으로 으로서 으로써 으로의 으로는 으로도 이나 이며 이고 이든지`,
	openOrRieul: `로 로의 로는 로도`,
})

func indexParticles(lists map[sound]string) map[rune][]particle {
	out := make(map[rune][]particle)
	for after, list := range lists {
		for s := range wordSet(list) {
			p := []rune(s)
			last := p[len(p)-1]
			out[last] = append(out[last], particle{p, after})
		}
	}
	return out
}

// questions are words that ask, without a topic of their own; queries drop
// them.
var questions = wordSet(`언제 언제인가 언제인가요 언제일까 언제입니까
	무엇 무엇이 무엇을 무엇인가 무엇인가요 무엇일까 무엇입니까 뭐 뭔가요 무슨 어떤 어느 어떻게 왜
	어디 어디에 어디서 어디에서 어디인가 어디인가요 어디일까 어디입니까
	누구 누가 누구인가 누구인가요 누구일까 누구입니까
	얼마 얼마나 얼마인가 얼마인가요 몇
	있는가 있나요 있는가요 하는가 하나요 했는가 했나요 되는가 되나요 되었는가 되었나요 인가 인가요
	것은 대해 대한 위해`)
