// Package score measures answers against gold ones, exactly as the official
// scripts of SQuAD 1.1 (Rajpurkar et al. 2016), SQuAD 2.0 (Rajpurkar et al.
// 2018) and KorQuAD 1.0 (Lim et al. 2019) do.
package score

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Style is the official script whose rules apply.
type Style string

// The styles. SQuAD counts words without articles, KorQuAD characters. They
// differ on empty texts, too: only SQuAD 2.0 knows "no answer".
const (
	SQuAD1  Style = "squad-1.1"
	SQuAD2  Style = "squad-2.0"
	KorQuAD Style = "korquad-1.0"
)

// Exact is 1 if the prediction equals a gold answer after normalisation, else
// 0. No gold answers mean a question without one, which "" answers.
func (s Style) Exact(prediction string, golds []string) float64 {
	p := s.Normalize(prediction)
	for _, g := range s.golds(golds) {
		if p == s.Normalize(g) {
			return 1
		}
	}
	return 0
}

// F1 is the harmonic mean of precision and recall of the prediction's words
// (KorQuAD: characters) against the gold answer that it agrees with best.
func (s Style) F1(prediction string, golds []string) float64 {
	p := s.units(prediction)
	var best float64
	for _, g := range s.golds(golds) {
		best = max(best, s.f1(p, s.units(g)))
	}
	return best
}

// golds leaves out what SQuAD 2.0's script leaves out: answers that normalise
// to nothing, unless there is no other.
func (s Style) golds(golds []string) []string {
	if s != SQuAD2 {
		return golds
	}
	kept := make([]string, 0, max(1, len(golds)))
	for _, g := range golds {
		if s.Normalize(g) != "" {
			kept = append(kept, g)
		}
	}
	if len(kept) == 0 {
		kept = append(kept, "")
	}
	return kept
}

// units is what F1 counts.
func (s Style) units(text string) []string {
	words := fields(s.Normalize(text))
	if s != KorQuAD {
		return words
	}
	return strings.Split(strings.Join(words, ""), "")
}

func (s Style) f1(prediction, gold []string) float64 {
	if s == SQuAD2 && (len(prediction) == 0 || len(gold) == 0) {
		if len(prediction) == len(gold) {
			return 1
		}
		return 0
	}
	left := make(map[string]int, len(gold))
	for _, g := range gold {
		left[g]++
	}
	same := 0
	for _, p := range prediction {
		if left[p] > 0 {
			left[p]--
			same++
		}
	}
	if same == 0 {
		return 0
	}
	precision, recall := float64(same)/float64(len(prediction)), float64(same)/float64(len(gold))
	return 2 * precision * recall / (precision + recall)
}

// Normalize lowers the text, drops ASCII punctuation and, for SQuAD, English
// articles, and leaves one space between words. KorQuAD makes spaces of quotes
// and brackets first, so that they part words.
func (s Style) Normalize(text string) string {
	if s == KorQuAD {
		text = strings.Map(spaceForBrackets, text)
	}
	text = strings.Map(dropPunctuation, lower(text))
	if s != KorQuAD {
		text = dropArticles(text)
	}
	return strings.Join(fields(text), " ")
}

func lower(text string) string {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return cases.Lower(language.Und).String(text)
		}
	}
	return strings.ToLower(text)
}

func spaceForBrackets(r rune) rune {
	if strings.ContainsRune(`'"《》<>〈〉()‘’`, r) {
		return ' '
	}
	return r
}

func dropPunctuation(r rune) rune {
	if strings.ContainsRune("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", r) {
		return -1
	}
	return r
}

// dropArticles puts a space for every a, an and the that no letter, digit or
// underscore touches, as the scripts' \b does.
func dropArticles(text string) string {
	var b strings.Builder
	start := 0 // of the run of word characters that is being read
	flush := func(end int) {
		switch word := text[start:end]; word {
		case "a", "an", "the":
			b.WriteByte(' ')
		default:
			b.WriteString(word)
		}
	}
	for i, r := range text {
		if unicode.IsLetter(r) || unicode.IsNumber(r) || r == '_' {
			continue
		}
		flush(i)
		b.WriteRune(r)
		start = i + len(string(r))
	}
	flush(len(text))
	return b.String()
}

// fields splits at what Python calls white space: Unicode's and the four
// information separators.
func fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f
	})
}
