package score_test

import (
	"math"
	"strings"
	"testing"

	"semdex/qa/score"
)

// TestByHand: cases worked out by hand from the official scripts' rules.
func TestByHand(t *testing.T) {
	for _, tt := range []struct {
		name       string
		style      score.Style
		prediction string
		golds      []string
		exact, f1  float64
	}{
		{"article", score.SQuAD1, "the Eiffel Tower", []string{"Eiffel Tower"}, 1, 1},
		{"punctuation and case", score.SQuAD1, "U.S.A.,", []string{"usa"}, 1, 1},
		{"an article inside a word stays", score.SQuAD1, "theatre", []string{"atre"}, 0, 0},
		{"an article beside a dash goes after the dash has gone", score.SQuAD1, "a-b", []string{"ab"}, 1, 1},
		{"an article beside a sign that is no ASCII punctuation", score.SQuAD1, "the – end", []string{"– end"}, 1, 1},
		{"words in common", score.SQuAD1, "in the year 1973", []string{"October 1973", "1973"}, 0, 0.5},
		{"repeated words count once each", score.SQuAD1, "la la la", []string{"la la"}, 0, 0.8},
		{"the best gold answer counts", score.SQuAD1, "red car", []string{"blue", "red car park"}, 0, 0.8},
		{"white space", score.SQuAD1, " red\u00a0 car\n", []string{"red car"}, 1, 1},
		{"nothing predicted", score.SQuAD1, "", []string{"red"}, 0, 0},
		{"1.1 has no rule for an empty gold", score.SQuAD1, "", []string{"the"}, 1, 0},
		{"2.0 has", score.SQuAD2, "", []string{"the"}, 1, 1},
		{"no answer, none given", score.SQuAD2, "", nil, 1, 1},
		{"no answer, one given", score.SQuAD2, "Paris", nil, 0, 0},
		{"an answer, none given", score.SQuAD2, "", []string{"Paris"}, 0, 0},
		{"empty golds do not count beside others", score.SQuAD2, "", []string{"the", "Paris"}, 0, 0},

		{"a particle", score.KorQuAD, "서울에서", []string{"서울"}, 0, 2 * 0.5 / 1.5},
		{"characters", score.KorQuAD, "1989년 2월", []string{"1989년 2월 15일"}, 0, 2 * (7. / 10) / (1 + 7./10)},
		{"spaces do not matter to F1", score.KorQuAD, "한 국어", []string{"한국어"}, 0, 1},
		{"but to exact match", score.KorQuAD, "한국어", []string{"한국어"}, 1, 1},
		{"brackets and quotes part words", score.KorQuAD, "《춘향전》", []string{"춘향전"}, 1, 1},
		{"a bracket is a space", score.KorQuAD, "서울(한양)", []string{"서울 한양"}, 1, 1},
		{"other punctuation is nothing", score.KorQuAD, "3.1운동", []string{"31운동"}, 1, 1},
		{"articles stay", score.KorQuAD, "The King", []string{"king"}, 0, 2 * (4. / 7) / (1 + 4./7)},
		{"nothing in common", score.KorQuAD, "가", []string{"나"}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.style.Exact(tt.prediction, tt.golds); got != tt.exact {
				t.Errorf("exact match %g, want %g", got, tt.exact)
			}
			if got := tt.style.F1(tt.prediction, tt.golds); math.Abs(got-tt.f1) > 1e-12 {
				t.Errorf("F1 %g, want %g", got, tt.f1)
			}
		})
	}
}

func FuzzScore(f *testing.F) {
	f.Add("the U.S. – a", "A «서울»")
	f.Fuzz(func(t *testing.T, a, b string) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		for _, s := range []score.Style{score.SQuAD1, score.SQuAD2, score.KorQuAD} {
			if n := s.Normalize(a); s == score.KorQuAD && s.Normalize(n) != n {
				t.Errorf("%s: %q becomes %q, then %q", s, a, n, s.Normalize(n))
			}
			if x, y := s.F1(a, []string{b}), s.F1(b, []string{a}); math.Abs(x-y) > 1e-12 || x < 0 || x > 1 {
				t.Errorf("%s: F1 of %q and %q is %g one way and %g the other", s, a, b, x, y)
			}
			if s.Exact(a, []string{a}) != 1 {
				t.Errorf("%s: %q is not itself", s, a)
			}
		}
	})
}
