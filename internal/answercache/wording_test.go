package answercache

import "testing"

func TestNormal(t *testing.T) {
	for _, same := range [][]string{
		{"When was the palace built?", "  when was\tthe  palace built ", "WHEN was the palace built??!"},
		{"경복궁은 언제 지었나?", "경복궁은 언제 지었나", "\u1100\u1167\u11bc\u1107\u1169\u11a8\u1100\u116e\u11bc\u110b\u1173\u11ab 언제 지었나?", "경복궁은 언제 지었나？"},
		{"ＫＢＳ 1", "kbs 1"},
	} {
		for _, s := range same {
			if Normal(s) != Normal(same[0]) {
				t.Errorf("%q becomes %q, %q becomes %q", s, Normal(s), same[0], Normal(same[0]))
			}
		}
	}
}

// TestAgreement: which answers may stand for each other. All of these pairs have
// a cosine above .8 with some encoder.
func TestAgreement(t *testing.T) {
	const same, similar, different = 2, 1, 0
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"When was the palace built?", "when was palace built", same},
		{"When did the war end?", "when does the wars end", same},
		{"How long is the wall?", "Please: how long is the wall", same},
		{"How long is the wall?", "How long are the walls?", similar},
		{"What is a dog's name?", "What is the dogs name", same},
		{"When was the palace built?", "When was the old palace built?", similar},
		{"Who wrote it, in 1,000 words?", "who wrote it in 1000 words", same},

		{"경복궁은 언제 지었나?", "경복궁을 언제 지었나요?", same},
		{"경복궁은 언제 지었습니까?", "경복궁은 언제 지었는가", same},
		{"경복궁은 언제 지었나?", "경복궁은 언제 세웠나?", similar},
		{"한글날은 언제인가?", "한글날이 언제입니까?", same},
		{"한글날은 언제인가?", "한글날은 언제", same},

		// The order of words.
		{"dog bites man", "man bites dog", different},
		{"철수가 영희를 좋아하나?", "철수를 영희가 좋아하나?", similar}, // words do not contradict, their particles do
		{"철수는 영희를 좋아하나?", "철수를 영희는 좋아하나?", similar},
		{"철수는 영희를 좋아하나?", "철수가 영희를 좋아하나?", same},
		{"사람이 개를 물었나?", "개가 사람을 물었나?", different},

		// Numbers.
		{"Who won in 2019?", "Who won in 2020?", different},
		{"2019년 우승은 누구인가?", "2020년 우승은 누구인가?", different},
		{"2019년 우승은 누구인가?", "우승은 누구인가?", different},
		{"two wheels", "2 wheels", same},
		{"두 번째 왕은?", "세 번째 왕은?", different},
		{"the first king", "the second king", different},
		{"from 3 to 5", "from 5 to 3", different},
		{"version 3.5", "version 3.6", different},
		{"제1장", "제2장", different},

		// Quotes.
		{`who said "yes"`, `who said "no way"`, different},
		{`who said "yes"`, `who said “yes”`, same},
		{"'토지'의 작가는?", "'태백산맥'의 작가는?", similar}, // straight single ones are apostrophes
		{"《토지》의 작가는?", "《태백산맥》의 작가는?", different},
		{"《토지》의 작가는?", "「토지」의 작가는?", same},
		{`an open " quote`, `an open quote`, same},

		// Negations.
		{"Which birds can fly?", "Which birds can not fly?", different},
		{"Which birds can fly?", "Which birds can't fly?", different},
		{"날 수 있는 새는?", "날 수 없는 새는?", different},
		{"왜 먹나?", "왜 안 먹나?", different},
		{"먹는 새는?", "먹지 않는 새는?", different},

		// What is asked for, and about.
		{"When did prices rise?", "Why did prices rise?", different},
		{"김이수는 언제 태어났나?", "김이수는 어디서 태어났나?", different},
		{"누가 한글을 만들었나?", "누가 거북선을 만들었나?", similar},
		{"the capital of France", "the capital of Spain", similar},
	} {
		a, b := wordingOf(Normal(tt.a)), wordingOf(Normal(tt.b))
		got := different
		if similarWords(a, b) {
			got = similar
		}
		if sameWords(a, b) {
			got = same
		}
		if got != tt.want {
			t.Errorf("%q and %q: %d, want %d\n%+v\n%+v", tt.a, tt.b, got, tt.want, a, b)
		}
		if sameWords(a, b) != sameWords(b, a) || similarWords(a, b) != similarWords(b, a) {
			t.Errorf("%q and %q agree in one direction only", tt.a, tt.b)
		}
	}
}

func FuzzWording(f *testing.F) {
	for _, s := range []string{"경복궁은 언제?", `a "b`, "《토지》", "1,000.", "don't", "\xff“", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w := wordingOf(Normal(s))
		if !similarWords(w, w) && len(w.words) < 2 || Normal(Normal(s)) != Normal(s) {
			t.Errorf("%q does not agree with itself: %+v", s, w)
		}
	})
}
