// Package cloze makes reading questions from texts that come without any, after
// Lewis et al. 2019 (Unsupervised Question Answering by Cloze Translation): a
// date, a number, a name or a title of a sentence becomes the answer, a question
// word takes its place, and words of the sentence are left out, so that what is
// left has to be found in the passage. A reader learns from such questions to
// look for the sentence that a question speaks of, and for what is missing in
// it. They are no replacement for questions that people ask.
package cloze

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"semdex/internal/train"
	"semdex/qa"
	"semdex/qa/squad"
)

// ErrOptions marks options that make no questions.
var ErrOptions = errors.New("invalid options for questions from text")

// Options say how questions are made.
type Options struct {
	Passage    int     // runes that a passage has at least, if its text has them
	PerPassage int     // questions of a passage at most
	Drop       float64 // share of the sentence's words that a question leaves out
	Seed       uint64
	Exclude    Sentences // passages that have one of them are left out

	// With Common, names and nouns are asked for only if they stand in at most the
	// share Rare of its texts; they may have several words then.
	Common *Words
	Rare   float64
}

// Default is sensible for articles.
func Default() Options { return Options{Passage: 300, PerPassage: 3, Drop: 0.3, Seed: 1} }

// Check refuses what makes no questions. Errors wrap ErrOptions.
func (o Options) Check() error {
	if o.Passage < 1 || o.PerPassage < 1 || !(o.Drop >= 0 && o.Drop < 1) {
		return fmt.Errorf("%w: passages of %d runes, %d questions each, %g of the words left out", ErrOptions, o.Passage, o.PerPassage, o.Drop)
	}
	if !(o.Rare >= 0 && o.Rare <= 1) {
		return fmt.Errorf("%w: words are rare up to a share of %g of the texts, which must be 0 to 1", ErrOptions, o.Rare)
	}
	return nil
}

// longest is the most runes of a passage, as a multiple of Options.Passage.
const longest = 3

// Bounds of the sentences that become questions, in runes.
const shortSentence, longSentence = 20, 220

// Add makes the questions of a text and appends them to the set. The same text,
// number of the article and options give the same questions.
func Add(s *squad.Set, title, text string, o Options) error {
	if err := o.Check(); err != nil {
		return err
	}
	article := 0
	if n := len(s.Questions); n > 0 {
		article = s.Questions[n-1].Article + 1
	}
	rng := rand.New(rand.NewPCG(o.Seed, train.Seed(o.Seed, uint64(article))))
	for _, p := range passages([]rune(text), o.Passage) {
		if o.Exclude.shares(p) {
			continue
		}
		made := 0
		list := sentences(p)
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		for _, span := range list {
			if made == o.PerPassage {
				break
			}
			q, ok := ask(p, span, o, rng)
			if !ok {
				continue
			}
			if made == 0 {
				s.Contexts = append(s.Contexts, string(p))
			}
			q.ID = fmt.Sprintf("cloze-%d-%d-%d", article, len(s.Contexts)-1, made)
			q.Title, q.Article, q.Context = title, article, len(s.Contexts)-1
			s.Questions = append(s.Questions, q)
			made++
		}
	}
	return nil
}

// passages gathers lines until they have least runes, and cuts long ones behind
// a sentence.
func passages(text []rune, least int) [][]rune {
	var out [][]rune
	start := 0
	emit := func(end int) {
		p := text[start:end]
		start = end
		for len(p) > 0 && unicode.IsSpace(p[0]) {
			p = p[1:]
		}
		for len(p) > 0 && unicode.IsSpace(p[len(p)-1]) {
			p = p[:len(p)-1]
		}
		if len(p) >= shortSentence {
			out = append(out, p)
		}
	}
	for i, r := range text {
		n := i + 1 - start
		if n >= least && r == '\n' || n >= least*longest/2 && qa.SentenceEnd(text, i) || n >= least*longest {
			emit(i + 1)
		}
	}
	emit(len(text))
	return out
}

// span is runes [start, end).
type span struct{ start, end int }

// sentences are those of a passage that are neither short nor long.
func sentences(p []rune) []span {
	var out []span
	start := 0
	for i := range p {
		if i+1 < len(p) && !qa.SentenceEnd(p, i) {
			continue
		}
		s := span{start, i + 1}
		start = i + 1
		for s.start < s.end && unicode.IsSpace(p[s.start]) {
			s.start++
		}
		if n := s.end - s.start; n >= shortSentence && n <= longSentence {
			out = append(out, s)
		}
	}
	return out
}

// ask makes a question of a sentence, if there is an answer in it that the rest
// of the question does not give away.
func ask(p []rune, s span, o Options, rng *rand.Rand) (squad.Question, bool) {
	list := candidates(p[s.start:s.end], o)
	if len(list) == 0 {
		return squad.Question{}, false
	}
	c := list[pick(list, rng)]
	if c.kind == koreanName && o.Common == nil && rng.IntN(nameShare) > 0 {
		return squad.Question{}, false
	}
	c.start, c.end = c.start+s.start, c.end+s.start
	answer := string(p[c.start:c.end])
	text := question(p, s, c, o.Drop, rng)
	if text == "" || strings.Contains(text, answer) {
		return squad.Question{}, false
	}
	return squad.Question{Text: text, Answers: []squad.Answer{{Text: answer, Start: c.start, End: c.end}}}, true
}

// nameShare: of so many questions about words of which nothing but the particle is known
// one is made. Most sentences offer nothing else, and most of these are abstract.
const nameShare = 3

// pick draws a candidate. One of which only the particle is known counts less:
// people seldom ask for an abstract noun.
func pick(list []candidate, rng *rand.Rand) int {
	const known = 4
	total := 0
	weight := func(c candidate) int {
		if c.kind == koreanName {
			return 1
		}
		return known
	}
	for _, c := range list {
		total += weight(c)
	}
	n := rng.IntN(total)
	for i, c := range list {
		if n -= weight(c); n < 0 {
			return i
		}
	}
	return len(list) - 1
}

// A question has to have leastWords beside its question word, and has about
// mostWords at most: people ask in few words.
const (
	leastWords = 2
	mostWords  = 12
)

// question is the sentence as a question, less some of its words; "" if too little
// is left of it.
func question(p []rune, s span, c candidate, drop float64, rng *rand.Rand) string {
	var words []string
	var prefix, particle string
	kept, at := 0, -1
	verb := false // the last word ends the sentence
	list := fields(p, s)
	drop = max(drop, 1-mostWords/float64(len(list)))
	for i, w := range list {
		if w.end <= c.start || w.start >= c.end {
			final := i == len(list)-1 && !c.kind.english()
			if word := trimMarks(p[w.start:w.end]); word != "" && (rng.Float64() >= drop || final) {
				words = append(words, word)
				kept++
				verb = final
			}
			continue
		}
		if at < 0 {
			at = len(words)
			words = append(words, "")
			prefix = trimMarks(p[w.start:max(w.start, c.start)])
		}
		if w.end > c.end { // a particle, or what follows a number
			particle = trimMarks(p[c.end:w.end])
		}
	}
	if kept < leastWords || at < 0 {
		return ""
	}
	answer := p[c.start:c.end]
	if !c.kind.english() {
		return koreanQuestion(words, at, prefix, particle, verb, c, answer, rng)
	}
	// English asks with the question word first.
	asked := prefix + c.kind.word(answer) + particle
	copy(words[1:at+1], words[:at])
	words[0] = asked
	return strings.Join(words, " ") + "?"
}

// trimMarks is a word without what is no letter or number around it.
func trimMarks(word []rune) string {
	return strings.TrimFunc(string(word), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// fields are the words of a sentence between white space.
func fields(p []rune, s span) []span {
	var out []span
	for i := s.start; i < s.end; i++ {
		if unicode.IsSpace(p[i]) {
			continue
		}
		w := span{i, i}
		for i < s.end && !unicode.IsSpace(p[i]) {
			i++
		}
		w.end = i
		out = append(out, w)
	}
	return out
}
