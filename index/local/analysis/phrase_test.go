package analysis

import (
	"slices"
	"testing"
)

func TestPhrase(t *testing.T) {
	a := newAnalyzer(t)
	for _, tt := range []struct {
		phrase, text string
		want         bool
	}{
		{"old city", "The Old City's wall", true},
		{"old city", "old and new city", false},
		{"city old", "the old city", false},
		{"old city", "old cities", true},
		{"state-of-the-art", "a state of the art engine", true},
		{"e-mail", "E-mail me", true},
		{"to be", "or not to be", true},
		{"한국의 역사", "한국은 역사가 길다", true},
		{"한국 역사", "한국사 역사", false},
		{"한국", "한국어를 배운다", false},
		{"한국", "남한국경", false},
		{"한국어", "한국어를 배운다", true},
		{"한국어를", "한국어의 역사", true},
		{"한국어를 배운다", "나는 한국어를 배운다.", true},
		{"책", "책을 읽다", true},
		{"GPT 모델", "새 GPT모델을 쓴다", true},
		{"2024년", "2024년에 생겼다", true},
		{"東京", "東京都", true},
		{"東京都", "東京の都", false},
		{"", "anything", false},
		{"?!", "anything ?!", false},
		{"a b c", "a b", false},
	} {
		if got := a.Phrase(tt.phrase).In(a.Words(tt.text)); got != tt.want {
			t.Errorf("%q in %q: %v", tt.phrase, tt.text, got)
		}
	}
}

// What a phrase is looked up by must be among the terms of every text that has
// it, or it would be missed.
func FuzzPhraseTerms(f *testing.F) {
	f.Add("한국의 역사", "한국은 역사가 길다")
	f.Add("old cities", "the old city's")
	f.Add("나는 책을", "나를 책은")
	f.Add("東京 1,000", "東京都 1000")
	a := newAnalyzer(f)
	f.Fuzz(func(t *testing.T, phrase, text string) {
		p := a.Phrase(phrase)
		have := terms(a.Document(text))
		if self := a.Phrase(text); len(self) > 0 && !self.In(a.Words(text)) {
			t.Fatalf("%q is not in itself", text)
		}
		if !p.In(a.Words(text)) {
			return
		}
		for _, any := range p.Terms() {
			if !slices.ContainsFunc(any, func(term string) bool { return slices.Contains(have, term) }) {
				t.Fatalf("%q is in %q, whose terms %q have none of %q", phrase, text, have, any)
			}
		}
	})
}
