package cloze

import (
	"strings"

	"semdex/qa"
)

// Words counts the texts that each Korean word stands in, without its particle: a
// word of many texts is seldom what somebody asks for.
type Words struct {
	texts int
	in    map[string]*count
}

// count is in how many texts a word stands, and which was the last of them.
type count struct{ texts, last int }

// Add counts the words of a text.
func (w *Words) Add(text string) {
	if w.in == nil {
		w.in = make(map[string]*count)
	}
	w.texts++
	p := []rune(text)
	for _, f := range fields(p, span{0, len(p)}) {
		word := p[f.start : f.end-qa.Particle(p, f.start, f.end)]
		if len(word) < shortestWord || len(word) > longestWord || !hangul(word) {
			continue
		}
		c := w.in[string(word)]
		if c == nil {
			c = new(count)
			w.in[string(word)] = c
		}
		if c.last < w.texts {
			c.texts, c.last = c.texts+1, w.texts
		}
	}
}

// Texts is how many texts were counted.
func (w *Words) Texts() int { return w.texts }

// rare says whether a word stands in no more than that share of the texts.
func (w *Words) rare(word []rune, share float64) bool {
	c := w.in[string(word)]
	return c == nil || float64(c.texts) <= share*float64(w.texts)
}

// mostBefore is how many words of a name stand before its last one at most.
const mostBefore = 2

// widen takes in the words before a candidate that are part of its name: rare ones
// that end neither in a particle nor as verbs and adverbs do. It reports false where
// the name may begin still earlier.
func (w *Words) widen(sentence []rune, c candidate, before []span, share float64) (wide candidate, whole bool) {
	for n := 0; n < len(before); n++ {
		f := before[len(before)-1-n]
		word := sentence[f.start:f.end]
		if len(word) > longestWord || !hangul(word) || !w.rare(word, share) || qa.Particle(sentence, f.start, f.end) > 0 {
			return c, true
		}
		if n == mostBefore || n == len(before)-1 || len(word) < shortestWord || inflected(word) {
			return c, false
		}
		c.start = f.start
	}
	return c, true
}

// inflected says whether a word may be the form of a verb before a noun or another
// verb, or an adverb. Some names end the same way.
func inflected(word []rune) bool {
	r := word[len(word)-1]
	if final := last(r); final == finalNieun || final == finalRieul || final == finalSsangSiot {
		return true
	}
	return strings.ContainsRune("의는은던고며면서게여어아히로지도와과해", r)
}
