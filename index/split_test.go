package index

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestSentences(t *testing.T) {
	cases := []struct{ name, text string }{
		{"two", "One sentence.| Another one!| A third?"},
		{"abbreviations", "Dr. Kim met Mrs. Lee at St. Mary's.| They saw Fig. 3 and Eq. 2, e.g. A and B."},
		{"numbers", "Pi is 3.14 or so.| Version 1.2.3 follows.| No. 5 is alive.| He said no.| Then he left."},
		{"initials", "J. R. Smith of the U.S. Army wrote it.| He lived in the U.S.| The end."},
		{"year at the end", "It began in 2019.| The rest is known."},
		{"lower case goes on", "The approx. value of Yahoo! shares rose.| \"Really?\" she said."},
		{"quotes", "He said \"stop.\" |Then he left.| (It was late.) |She stayed."},
		{"citations", "Shown before.[12] |It holds.[3][4] |End."},
		{"ellipsis", "Well... maybe so.| Wait...| What?| Yes."},
		{"several signs", "What?!| No!!!| Fine."},
		{"web", "See example.com and node.js for file.txt.| Done."},
		{"Korean", "오늘은 날씨가 좋다.| 내일은 비가 와요.| 정말 그럴까?| 그렇죠."},
		{"Korean without spaces", "집에 갔다.|그러나 아무도 없었다.|불을 켰어요.|누구세요?|접니다."},
		{"Korean articles", "제3.1조에 따른다.| 값은 3.14이다.| 2024. 1. 5. 시행한다.| 끝."},
		{"Korean quotation", "그는 “나는 간다.”고 말했다.| \"정말이다.\" 라고 답했다.| (왜?)는 묻지 마라."},
		{"Korean enumeration", "가.나.다 순으로 적는다.| 다음이다."},
		{"list markers", "1. 첫째 항목이다.| 둘째 문장이다.\n|2. 다음 항목\n|가. 하위 항목\n|(3) 셋째\n|- 넷째\n|① 다섯째"},
		{"Chinese and Japanese", "今天很好。|明天下雨！|彼は「行く。」と言った。|終わり。"},
		{"mixed", "이 API는 v2.0부터 지원한다.| See Sec. 4 for details.| 자세한 내용은 아래를 보라."},
		{"lines", "A heading\n|The text follows here.\n|And the next line."},
		{"wrapped lines", "This sentence is wrapped\nover two lines.\n|This one is not."},
		{"empty lines", "First\n\n|second\r\n\r\n|third"},
		{"only signs", "...!!!"},
		{"leading signs", ". . . and then.| So."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var want []string
			for _, s := range strings.Split(c.text, "|") {
				want = append(want, strings.TrimSpace(s))
			}
			text := []rune(strings.ReplaceAll(c.text, "|", ""))
			var got []string
			for _, u := range sentences(text) {
				got = append(got, string(text[u.start:u.end]))
			}
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// checkSpans verifies what SplitText promises for any text.
func checkSpans(t *testing.T, text string, o SplitOptions, spans []Span) {
	t.Helper()
	o = o.normal()
	runes := []rune(text)
	covered := make([]bool, len(runes))
	for i, s := range spans {
		if s.Start < 0 || s.End > len(runes) || s.Start >= s.End {
			t.Fatalf("span %v of a text of %d runes", s, len(runes))
		}
		if i > 0 && (s.Start < spans[i-1].Start || s.End <= spans[i-1].End) {
			t.Fatalf("spans %v and %v are out of order", spans[i-1], s)
		}
		if i > 0 && s.Start < spans[i-1].End && columns(runes[s.Start:spans[i-1].End]) > o.Overlap {
			t.Fatalf("spans %v and %v overlap by more than %d columns", spans[i-1], s, o.Overlap)
		}
		if n := columns(runes[s.Start:s.End]); n > o.Size {
			t.Fatalf("span %v has %d columns, more than %d", s, n, o.Size)
		}
		if unicode.IsSpace(runes[s.Start]) || unicode.IsSpace(runes[s.End-1]) {
			t.Fatalf("span %v begins or ends with a space", s)
		}
		for j := s.Start; j < s.End; j++ {
			covered[j] = true
		}
	}
	for i, r := range runes {
		if !covered[i] && !unicode.IsSpace(r) {
			t.Fatalf("rune %d (%q) of %q is in no span", i, r, text)
		}
	}
}

// randomText mixes what splitting looks at.
func randomText(rng *rand.Rand) string {
	parts := []string{
		" ", " ", " ", "\n", "\n\n", "\r\n", ". ", "다.", "다. ", "! ", "?", "...", "…", "。", "\"", "”", ")", "[3]",
		"word", "Word", "Dr.", "U.S.", "3.14", "2024.", "한국어", "그러나", "나는", "- ", "1. ", "# ", "가. ", "e\u0301", "👩\u200d💻", "\t",
		"漢字", strings.Repeat("x", 50), strings.Repeat("가", 30), strings.Repeat(" ", 40),
	}
	var b strings.Builder
	for range rng.IntN(200) {
		b.WriteString(parts[rng.IntN(len(parts))])
	}
	return b.String()
}

func TestSplitTextProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 3000 {
		text := randomText(rng)
		o := SplitOptions{Size: 1 + rng.IntN(300), Overlap: rng.IntN(100)}
		spans := SplitText(text, o)
		checkSpans(t, text, o, spans)
		if !slices.Equal(spans, SplitText(text, o)) {
			t.Fatalf("two splits of %q differ", text)
		}
	}
}

func FuzzSplitText(f *testing.F) {
	for _, s := range []string{"", " ", "a", "One. Two.\n\nThree", "한국어다.그러나 3.14", strings.Repeat("ab ", 300), strings.Repeat("가", 300), ". . .\n- x", "\"다.\"고 [12"} {
		f.Add(s, 40, 10)
	}
	f.Fuzz(func(t *testing.T, text string, size, overlap int) {
		if !utf8.ValidString(text) || size > 1<<30 {
			t.Skip()
		}
		o := SplitOptions{Size: size, Overlap: overlap}
		checkSpans(t, text, o, SplitText(text, o))
	})
}

// split gives the passages as text.
func split(text string, o SplitOptions) []string {
	runes := []rune(text)
	var out []string
	for _, s := range SplitText(text, o) {
		out = append(out, string(runes[s.Start:s.End]))
	}
	return out
}

func TestSplitText(t *testing.T) {
	cases := []struct {
		name string
		text string
		o    SplitOptions
		want []string
	}{
		{"spaces only", " \n\t ", SplitOptions{}, nil},
		{"short text stays whole", "  One. Two.\n\nThree.  ", SplitOptions{}, []string{"One. Two.\n\nThree."}},
		{
			"paragraphs before sentences", "Aaaa aaaa. Bbbb bbbb.\n\nCccc cccc. Dddd dddd.",
			SplitOptions{Size: 36},
			[]string{"Aaaa aaaa. Bbbb bbbb.", "Cccc cccc. Dddd dddd."},
		},
		{
			"no tiny tail", "Aaaa aaaa. Bbbb bbbb. Cccc cccc. Dddd dddd.",
			SplitOptions{Size: 33},
			[]string{"Aaaa aaaa. Bbbb bbbb.", "Cccc cccc. Dddd dddd."},
		},
		{
			"overlap is whole sentences", "Aaaa aaaa. Bbbb bbbb. Cccc cccc. Dddd dddd.",
			SplitOptions{Size: 33, Overlap: 12},
			[]string{"Aaaa aaaa. Bbbb bbbb.", "Bbbb bbbb. Cccc cccc. Dddd dddd."},
		},
		{
			"a heading stays with its text", "Aaaa aaaa aaaa aaaa.\nHeading\nBbbb bbbb bbbb bbbb.",
			SplitOptions{Size: 30},
			[]string{"Aaaa aaaa aaaa aaaa.", "Heading\nBbbb bbbb bbbb bbbb."},
		},
		{
			"Korean counts double", "가나다라마바사. 아자차카타파하.",
			SplitOptions{Size: 20},
			[]string{"가나다라마바사.", "아자차카타파하."},
		},
		{
			"words are not cut", "aaaa bbbb cccc dddd eeee ffff",
			SplitOptions{Size: 16},
			[]string{"aaaa bbbb cccc", "dddd eeee ffff"},
		},
		{
			"without spaces", strings.Repeat("가", 20),
			SplitOptions{Size: 16},
			[]string{strings.Repeat("가", 4), strings.Repeat("가", 8), strings.Repeat("가", 8)},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := split(c.text, c.o); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
