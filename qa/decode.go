package qa

import (
	"cmp"
	"math"
	"slices"
)

// Scoring says what a span's log-odds are against. With s and e the logits of
// start and end, and 0 the position of [CLS], which stands for "no answer here":
//
// Odds is s[i] + e[j] - s[0] - e[0], the log-odds against no answer: what the other
// positions of a window score cancels out, so that each span is scored on its own
// (Devlin et al. 2019, section 4.3, use the difference for the threshold). It rests
// on [CLS] alone, and so on training with passages that have no answer.
//
// Probability is the log-odds of the span against all else in its window: of the
// product of the softmaxes of start and end. Rivals in the window lower it.
//
// Neither depends on how many windows there are, or on the other windows. Which of
// them tells passages apart better is a matter of training: semdex train qa
// measures both.
type Scoring string

// The scorings.
const (
	Odds        Scoring = "odds"
	Probability Scoring = "probability"
)

// candidate is a span of tokens [from, to) of a passage.
type candidate struct {
	passage    int
	from, to   int
	start, end int // runes, after trimming
	odds       float64
}

// decode appends the best span of every allowed start of a window. Logits are
// [tokens, 2] for the whole input, whose passage begins at before.
func decode(dst []candidate, logits []float32, before int, w Window, c Config) []candidate {
	s := func(i int) float64 { return float64(logits[2*i]) }
	e := func(i int) float64 { return float64(logits[2*i+1]) }
	base := s(0) + e(0)
	if c.Scoring == Probability {
		base = logSum(logits, 0) + logSum(logits, 1)
	}
	for start := w.Start[0]; start < w.Start[1]; start++ {
		best, end := math.Inf(-1), -1
		for j := start; j < min(start+c.MaxAnswer, w.To); j++ {
			if v := e(before + j - w.From); v > best {
				best, end = v, j
			}
		}
		if end < 0 {
			continue
		}
		odds := s(before+start-w.From) + best - base
		if c.Scoring == Probability {
			odds = logit(odds)
		}
		dst = append(dst, candidate{from: start, to: end + 1, odds: odds})
	}
	return dst
}

// logit turns the log of a probability into log-odds, which end at about 34.
func logit(logP float64) float64 {
	return logP - math.Log(max(-math.Expm1(logP), 1e-15))
}

// logSum is log sum exp over one side of the logits.
func logSum(logits []float32, side int) float64 {
	top := math.Inf(-1)
	for i := side; i < len(logits); i += 2 {
		top = max(top, float64(logits[i]))
	}
	var sum float64
	for i := side; i < len(logits); i += 2 {
		sum += math.Exp(float64(logits[i]) - top)
	}
	return top + math.Log(sum)
}

// ranked orders candidates from the best on; ties go to the earlier passage,
// then to the earlier and the shorter span.
func ranked(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.odds, a.odds), a.passage-b.passage, a.from-b.from, a.to-b.to)
}

// distinct takes the best n of candidates that do not overlap each other. Place
// gives a candidate its runes.
func distinct(all []candidate, n int, place func(*candidate) bool) []candidate {
	slices.SortFunc(all, ranked)
	var out []candidate
	for i := range all {
		c := &all[i]
		if len(out) == n {
			break
		}
		clash := slices.ContainsFunc(out, func(o candidate) bool {
			return o.passage == c.passage && c.from < o.to && o.from < c.to
		})
		if clash || !place(c) {
			continue
		}
		clash = slices.ContainsFunc(out, func(o candidate) bool { // of the widened words
			return o.passage == c.passage && c.start < o.end && o.start < c.end
		})
		if !clash {
			out = append(out, *c)
		}
	}
	return out
}
