package pairs

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"수학(數學, , 줄여서 math)은": "수학(數學, 줄여서 math)은",
		"A (, ) b":            "A b",
		"A (; ) b":            "A b",
		"A() b":               "A b",
		"A ( , 1990) b":       "A (1990) b",
		"A (b, ) c":           "A (b) c",
		"a , b .":             "a, b.",
		"a,, b":               "a, b",
		"  a \t b\n\n c ":     "a b c",
		"f(x) and (-)":        "f(x) and",
		"맥스웰(-方程式, s)은":       "맥스웰(-方程式, s)은",
		"a ; b":               "a ; b",
		"":                    "",
		"(":                   "(",
		")":                   ")",
		", )":                 ")",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a (, ) b", "수학(數學, , x)", "((,))", ") ,", "\xff( )"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := clean(s)
		if !utf8.ValidString(out) {
			t.Errorf("clean(%q) = %q is not UTF-8", s, out)
		}
		if strings.TrimSpace(out) != out || strings.Contains(out, "  ") {
			t.Errorf("clean(%q) = %q has loose spaces", s, out)
		}
		if joined := strings.Join(sentences(out), " "); joined != out {
			t.Errorf("sentences of %q lose text: %q", out, joined)
		}
		if c := cut(out, 5); utf8.RuneCountInString(c) > 5 || !strings.HasPrefix(out, c) {
			t.Errorf("cut(%q, 5) = %q", out, c)
		}
	})
}

func TestSentences(t *testing.T) {
	for in, want := range map[string][]string{
		"One. Two! Three?":            {"One.", "Two!", "Three?"},
		`He said "no." Then he left.`: {`He said "no."`, "Then he left."},
		"산은 높다. 강은 길다(참고.) 끝":         {"산은 높다.", "강은 길다(참고.)", "끝"},
		"Version 1.5 is out. Get it.": {"Version 1.5 is out.", "Get it."},
		"no end":                      {"no end"},
		"":                            nil,
	} {
		if got := sentences(in); !slices.Equal(got, want) {
			t.Errorf("sentences(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"가나다라", 3, "가나다"},
		{"가나다", 3, "가나다"},
		{"one two three", 10, "one two"[:7] + " th"},
		{"one two t", 8, "one two"},
		{"a b", 0, ""},
	} {
		if got := cut(c.in, c.n); got != c.want {
			t.Errorf("cut(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestKey(t *testing.T) {
	for _, same := range [][]string{
		{"A man, running.", "a MAN running", " a-man running!"},
		{"한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"},
		{"", "...", " "},
	} {
		for _, s := range same[1:] {
			if key(s) != key(same[0]) {
				t.Errorf("%q and %q have different keys", same[0], s)
			}
		}
	}
	if key("a man") == key("a woman") || key("") != emptyKey {
		t.Error("keys of different texts")
	}
}

func TestSplit(t *testing.T) {
	text := "Heading.\nA first sentence here. A second sentence here. A third sentence here.\nToo short.\nAnother paragraph begins. It ends here now."
	got := split(text, 40)
	want := [][]string{{"A first sentence here.", "A second sentence here."}, {"A third sentence here.", "Another paragraph begins."}}
	if len(got) != 2 || !slices.Equal(got[0], want[0]) || !slices.Equal(got[1], want[1]) {
		t.Errorf("%q", got)
	}
}
