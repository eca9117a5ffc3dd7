package evaluate

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode"

	"semdex/qa"
	"semdex/qa/squad"
)

// Silence gives no answer to any question.
func Silence(set *squad.Set) []Prediction {
	out := make([]Prediction, len(set.Questions))
	for i := range out {
		out[i].Odds = math.Inf(-1)
	}
	return out
}

// Ceiling gives the answers that a reader with these settings gives if it never
// errs: the gold span that scores best after it has been brought to the borders
// of tokens and words, if a window holds it and it is short enough.
func Ceiling(ctx context.Context, s *qa.Splitter, set *squad.Set) ([]Prediction, error) {
	out := Silence(set)
	passages := make([]*qa.Passage, len(set.Contexts))
	runes := make([][]rune, len(set.Contexts))
	for i := range set.Questions {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		q := &set.Questions[i]
		if passages[q.Context] == nil {
			passages[q.Context], runes[q.Context] = s.Passage(set.Contexts[q.Context]), []rune(set.Contexts[q.Context])
		}
		p, text := passages[q.Context], runes[q.Context]
		windows := s.Windows(s.Question(q.Text), len(p.IDs))
		best := -1.0
		for _, span := range goldSpans(q, p) {
			if !reachable(windows, span, s.Config.MaxAnswer) {
				continue
			}
			start, end := s.Config.Text(p, text, span[0], span[1])
			answer := string(text[start:end])
			if exact, f1 := rate(set.Style, q, answer); exact+f1 > best {
				best = exact + f1
				out[i] = Prediction{Text: answer, Odds: math.Inf(1)}
			}
		}
	}
	return out, nil
}

// goldSpans are the tokens that cover the gold answers, and the same without
// the first and without the last of them, which may be all but outside.
func goldSpans(q *squad.Question, p *qa.Passage) [][2]int {
	var out [][2]int
	for _, a := range q.Answers {
		if a.Start < 0 {
			continue
		}
		from, to, ok := p.Tokens(a.Start, a.End)
		if !ok {
			continue
		}
		out = append(out, [2]int{from, to})
		if to-from > 1 {
			out = append(out, [2]int{from, to - 1}, [2]int{from + 1, to})
		}
	}
	return out
}

func reachable(windows []qa.Window, span [2]int, longest int) bool {
	for _, w := range windows {
		if w.Start[0] <= span[0] && span[0] < w.Start[1] {
			return span[1] <= w.To && span[1]-span[0] <= longest
		}
	}
	return false
}

// BestSentence gives the sentence of the context that shares the rarest words
// with the question: what finding the place alone is worth.
func BestSentence(set *squad.Set) []Prediction {
	frequency := make(map[string]int)
	for _, c := range set.Contexts {
		for _, term := range terms(c) {
			frequency[term]++
		}
	}
	idf := func(term string) float64 {
		return math.Log(float64(1+len(set.Contexts)) / float64(1+frequency[term]))
	}
	out := make([]Prediction, len(set.Questions))
	for i, q := range set.Questions {
		asked := terms(q.Text)
		best := -1.0
		for _, s := range qa.Sentences(set.Contexts[q.Context]) {
			var sum float64
			for _, term := range terms(s) {
				if slices.Contains(asked, term) {
					sum += idf(term)
				}
			}
			if sum > best {
				best = sum
				out[i] = Prediction{Text: s}
			}
		}
	}
	return out
}

// terms are the lower-case words of a text, each once, and of Korean ones the
// pairs of neighbouring syllables, since particles hide the word.
func terms(text string) []string {
	var out []string
	add := func(term string) {
		if !slices.Contains(out, term) {
			out = append(out, term)
		}
	}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		runes := []rune(word)
		if !unicode.Is(unicode.Hangul, runes[0]) || len(runes) < 2 {
			add(word)
			continue
		}
		for i := 0; i+1 < len(runes); i++ {
			add(string(runes[i : i+2]))
		}
	}
	return out
}
