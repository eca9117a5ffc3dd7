package adapt

import (
	"slices"
	"strings"
	"testing"
)

func TestWithoutTitle(t *testing.T) {
	const title = "Investigation of the wing in a slipstream ."
	for _, c := range []struct{ title, first, want string }{
		{title, "investigation of the wing in a slipstream", ""},
		{title, "investigation of the wing in a slipstream . an experimental study", "an experimental study"},
		{title, "An investigation of the wing in a slipstream", "An investigation of the wing in a slipstream"},
		{"Paris", "Paris is the capital of France", "Paris is the capital of France"}, // its subject, not a repetition
		{"Paris", "PARIS!", ""},
		{"", "A text", "A text"},
		{"수학", "수학", ""},
	} {
		got := withoutTitle([]Sentence{{Text: c.first}, {Text: "rest"}}, c.title)
		want := []Sentence{{Text: "rest"}}
		if c.want != "" {
			want = append([]Sentence{{Text: c.want}}, want...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q under %q: %v, want %v", c.first, c.title, got, want)
		}
	}
}

func TestLoose(t *testing.T) {
	a, b := strings.Repeat("words in lower case ", 10), strings.Repeat("and more of them ", 10)
	if got := loose(a + ". " + b + ". no 5 . end"); !slices.Equal(got, []string{a + ".", b + ". no 5 . end"}) {
		t.Errorf("%q", got)
	}
	if got := loose("one . two . three"); len(got) != 1 {
		t.Errorf("a short sentence is cut: %q", got)
	}
}

func TestShingles(t *testing.T) {
	if n := len(shingles("One, two three FOUR; two three four")); n != 4 { // 123 234 342 423, and 234 again
		t.Errorf("%d shingles", n)
	}
	if shingles("one two") != nil {
		t.Error("two words have a run of three")
	}
}
