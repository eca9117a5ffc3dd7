package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	cause := WithHint(errors.New("cause"), "inner %d", 1)
	err := WithHint(fmt.Errorf("outer: %w", cause), "outer hint")
	if got := Hint(err); got != "inner 1" {
		t.Errorf("hint %q", got)
	}
	if got := Hint(errors.Join(errors.New("other"), err)); got != "inner 1" {
		t.Errorf("hint of joined errors %q", got)
	}
	var b strings.Builder
	Report(&b, "app", err)
	if b.String() != "app: outer: cause\nhint: inner 1\n" {
		t.Errorf("report %q", b.String())
	}
	for want, err := range map[int]error{0: nil, 1: err, 2: fmt.Errorf("x: %w", Usagef("y"))} {
		if got := ExitStatus(err); got != want {
			t.Errorf("exit %d of %v, want %d", got, err, want)
		}
	}
	if WithHint(nil, "x") != nil {
		t.Error("a hint made an error of nil")
	}
}

func TestWidths(t *testing.T) {
	for s, want := range map[string]int{"abc": 3, "한국어": 6, "e\u0301": 1, "👍": 2, "ㄱ": 2, "\u1112\u1161\u11ab": 2, "ＡＢ": 4, "a\u200bb": 2} {
		if got := Width(s); got != want {
			t.Errorf("Width(%q) = %d, want %d", s, got, want)
		}
	}
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"한국어", 5, "한국…"}, {"한국어", 4, "한…"}} {
		if got := Fit(c.in, c.n); got != c.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want []string
	}{
		{"one two three", 7, []string{"one two", "three"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"경복궁은 조선의 법궁이다", 10, []string{"경복궁은", "조선의", "법궁이다"}},
		{"abcdefgh ij", 3, []string{"abc", "def", "gh", "ij"}},
		{"한국어", 3, []string{"한", "국", "어"}},
		{"  spaces   inside ", 6, []string{"spaces", "inside"}},
		{"", 5, nil},
	} {
		var got []string
		text := []rune(c.in)
		for _, r := range Wrap(text, c.n) {
			got = append(got, string(text[r.Start:r.End]))
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("Wrap(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestSnippet(t *testing.T) {
	text := []rune("The first sentence is here. Another one follows it. The palace of the kings stands in Seoul. The end comes.")
	at := strings.Index(string(text), "palace")
	marks := []Range{{4, 9}, {at, at + 6}, {at + 14, at + 19}}
	for _, c := range []struct {
		marks   []Range
		columns int
		want    string
	}{
		{marks, 200, string(text)},
		{marks, 44, "The palace of the kings stands in Seoul. The"},
		{nil, 26, "The first sentence is"},
		{marks[:1], 20, "The first sentence"},
	} {
		r := Snippet(text, c.marks, c.columns)
		if got := string(text[r.Start:r.End]); got != c.want {
			t.Errorf("columns %d: %q, want %q", c.columns, got, c.want)
		}
	}
}

func TestTerminal(t *testing.T) {
	if got := Inspect(io.Discard, []string{"COLUMNS=33"}); got.Width() != 33 || got.Color || got.IsTerminal {
		t.Errorf("%+v", got)
	}
	forced := Inspect(io.Discard, []string{"CLICOLOR_FORCE=1"})
	text := []rune("a 경복궁 b")
	if got := forced.PaintRange(text, Range{0, 7}, []Range{{2, 5}}, Match); got != "a \x1b[1;33m경복궁\x1b[0m b" {
		t.Errorf("painted %q", got)
	}
	if got := Inspect(io.Discard, []string{"CLICOLOR_FORCE=1", "NO_COLOR=1"}); got.Color {
		t.Error("NO_COLOR was ignored")
	}
	if got := Clean("a\x1b[31m\tb\nc\u202e"); got != "a\uFFFD[31m b c\uFFFD" {
		t.Errorf("clean %q", got)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	table := Table{Header: []string{"name", "n"}, Right: []bool{false, true}, Rows: [][]string{{"한국", "5"}, {"en", "1,000"}}}
	if err := table.Write(&b, Terminal{}); err != nil {
		t.Fatal(err)
	}
	if want := "name      n\n한국      5\nen    1,000\n"; b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}
