package main

import (
	"bytes"
	"strings"
	"testing"

	"semdex/index"
	"semdex/internal/cli"
)

// TestHits holds the layout of a ranking: narrow and wide, with and without
// title, marks placed by runes.
func TestHits(t *testing.T) {
	text := "경복궁은 조선의 법궁이다. 1395년에 지었다.\nThe palace burned in 1592 and was built again in 1867. " +
		strings.Repeat("What follows is of no importance at all. ", 12) + "The end."
	at := func(word string) index.Span {
		start := len([]rune(text[:strings.Index(text, word)])) + 100
		return index.Span{Start: start, End: start + len([]rune(word))}
	}
	res := index.Result{Hits: []index.Hit{
		{
			ID: "궁궐#0", DocumentID: "궁궐", Title: "경복궁", Score: 0.98765, Text: text, Start: 100, End: 100 + len([]rune(text)),
			Metadata: map[string]any{"lang": "ko", "tags": []string{"a", "b"}, "year": 1395.0},
			Scores: index.Scores{
				Dense:   &index.LegScore{Score: 0.71234, Rank: 2, Share: 0.3},
				Keyword: &index.LegScore{Score: 12.345, Rank: 1, Share: 0.7},
			},
			Highlights: []index.Span{at("경복궁"), at("palace")},
		},
		{
			ID: "evil#0", DocumentID: "evil", Score: 0.5, Text: "ring \x07 the \x1b[31mbell", Start: 0, End: 20,
			Scores: index.Scores{Keyword: &index.LegScore{Score: 1, Rank: 2, Share: 0.5}}, Explain: "0.5 of words",
		},
	}}
	const want = ` 9  경복궁  0.988
    궁궐#0  meaning 0.712 (2)  words 12.35…
    [경복궁]은 조선의 법궁이다. 1395년에
    지었다. The [palace] burned in 1592 and
    was built again in 1867. What…

10  evil  0.500
    evil#0  words 1.00 (2)
    ring � the �[31mbell
    0.5 of words
`
	var out bytes.Buffer
	a := newApp(nil, &out, &out, []string{"COLUMNS=44", "CLICOLOR_FORCE=1"})
	if err := a.printHits(res, 8); err != nil {
		t.Fatal(err)
	}
	if got := brackets(out.String()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, line := range strings.Split(brackets(out.String()), "\n") {
		if cli.Width(strings.NewReplacer("[", "", "]", "").Replace(line)) > 44 {
			t.Errorf("%q is wider than the terminal", line)
		}
	}
}

// brackets makes the marks visible and takes the other styles out.
func brackets(s string) string {
	s = strings.ReplaceAll(s, "\x1b[1;33m", "[")
	var b strings.Builder
	open := false
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "\x1b[0m"):
			if open {
				b.WriteByte(']')
			}
			open = false
			i += len("\x1b[0m") - 1
		case s[i] == '\x1b':
			i += strings.IndexByte(s[i:], 'm')
		default:
			if s[i] == '[' && !strings.HasPrefix(s[i:], "[31m") {
				open = true
			}
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
