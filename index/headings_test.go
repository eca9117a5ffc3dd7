package index

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const guide = `# Guide

Before everything.

## Install

### Linux

Take the archive. Put it somewhere. Start it from there whenever you need it, and stop it again.

### Windows ###

` + "```sh\n# not a heading\n```" + `

## 쓰기

검색은 이렇게 한다.
####### seven
#hashtag
## 
    # code

# Guide
The end.`

func headed(text string, headings []Heading) (out []string) {
	for _, h := range headings {
		out = append(out, fmt.Sprint(h.Level, " ", string([]rune(text)[h.Start:h.End])))
	}
	return out
}

func TestTextHeadings(t *testing.T) {
	got := headed(guide, TextHeadings(guide))
	want := []string{"1 # Guide", "2 ## Install", "3 ### Linux", "3 ### Windows ###", "2 ## 쓰기", "1 # Guide"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	for text, want := range map[string][]string{
		"":                               {},
		"no heading\n":                   {},
		"  ## 둘  \r\ntext":               {"2 ## 둘"},
		"# a\n# b":                       {"1 # a", "1 # b"},
		"~~~~\n# x\n~~~\n# y\n~~~~\n# z": {"1 # z"},
		"# C#\n## ##\n":                  {"1 # C#"},
		"``` a`b\n# z":                   {"1 # z"},
	} {
		got := TextHeadings(text)
		if got == nil || !slices.Equal(headed(text, got), want) && len(got)+len(want) > 0 {
			t.Errorf("%q: %q, want %q", text, headed(text, got), want)
		}
	}
}

// TestSplitAtHeadings is golden: passages with their paths and what is encoded
// before them.
func TestSplitAtHeadings(t *testing.T) {
	d := Document{ID: "g", Title: "Guide", Text: guide, Headings: TextHeadings(guide)}
	o := SplitOptions{Size: 70, Overlap: 30, Headings: true, Title: PrefixPath}
	got := describe(d, SplitDocument(d, o, nil), o)
	want := []string{
		`Guide | Guide | # Guide\n\nBefore everything.`,
		`Guide > Install > Linux | Guide | ## Install\n\n### Linux\n\nTake the archive. Put it somewhere.`,
		`Guide > Install > Linux | Guide > Install > Linux | Start it from there whenever you need it, and stop it again.`,
		"Guide > Install > Windows | Guide > Install | ### Windows ###\\n\\n```sh\\n# not a heading\\n```",
		`Guide > 쓰기 | Guide | ## 쓰기\n\n검색은 이렇게 한다.\n####### seven\n#hashtag\n## \n    # code`,
		`Guide | Guide | # Guide\nThe end.`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// describe writes passages as path | prefix | text.
func describe(d Document, spans []Span, o SplitOptions) (out []string) {
	r := &Record{Document: d}
	for _, s := range spans {
		r.Passages = append(r.Passages, Passage{Start: s.Start, End: s.End})
	}
	outline := newOutline(newRuneText(d.Text), d.Headings)
	for i, prefix := range o.Prefixes(r) {
		path, _ := outline.at(spans[i])
		text := string([]rune(d.Text)[spans[i].Start:spans[i].End])
		out = append(out, strings.Join(path, pathSign)+" | "+prefix+" | "+strings.ReplaceAll(text, "\n", `\n`))
	}
	return out
}

// Headings of other formats stand in the text as they are.
func TestSplitAtGivenHeadings(t *testing.T) {
	text := "What is it?\n\nA tool. It searches.\n\nMore\n\nlower case text\n\nEmpty\n\nNext"
	find := func(s string, level int) Heading {
		at := utf8.RuneCountInString(text[:strings.Index(text, s)])
		return Heading{at, at + utf8.RuneCountInString(s), level}
	}
	d := Document{Title: "Tool", Text: text, Headings: []Heading{find("What is it?", 1), find("More", 2), find("Empty", 2), find("Next", 2)}}
	for _, c := range []struct {
		o    SplitOptions
		want []string
	}{
		{SplitOptions{Headings: true, Title: PrefixPath}, []string{
			`What is it? | Tool | What is it?\n\nA tool. It searches.`,
			`What is it? > More | Tool > What is it? | More\n\nlower case text`,
			`What is it? > Empty | Tool > What is it? | Empty`,
			`What is it? > Next | Tool > What is it? | Next`,
		}},
		{SplitOptions{Headings: true}, []string{
			`What is it? | Tool | What is it?\n\nA tool. It searches.`,
			`What is it? > More | Tool | More\n\nlower case text`,
			`What is it? > Empty | Tool | Empty`,
			`What is it? > Next | Tool | Next`,
		}},
		{SplitOptions{Title: PrefixNone}, []string{
			`What is it? |  | ` + strings.ReplaceAll(text, "\n", `\n`),
		}},
	} {
		if got := describe(d, SplitDocument(d, c.o, nil), c.o); !slices.Equal(got, c.want) {
			t.Errorf("%v: got\n%s\nwant\n%s", c.o, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	alone := Record{Document: Document{Title: "Only"}, Passages: []Passage{{}}}
	if got := (SplitOptions{Title: PrefixNone}).Prefixes(&alone); got[0] != "Only" {
		t.Errorf("a document of a title alone is encoded as %q", got)
	}
	long := Document{Text: strings.Repeat("나", 1000) + "\n\ntext", Headings: []Heading{{0, 1000, 1}}}
	if path, before := newOutline(newRuneText(long.Text), long.Headings).at(Span{1002, 1006}); len(path) != 1 || before != 1 || utf8.RuneCountInString(path[0]) != headingRunes {
		t.Errorf("a long heading becomes %q", path)
	}
}

func TestCheckHeadings(t *testing.T) {
	for _, headings := range [][]Heading{
		{{0, 0, 1}}, {{-1, 2, 1}}, {{0, 5, 1}}, {{0, 1, 0}}, {{0, 1, 7}}, {{0, 2, 1}, {1, 3, 1}}, {{2, 3, 1}, {0, 1, 1}},
	} {
		d := Document{ID: "a", Text: "네글자다", Headings: headings}
		if err := CheckDocument(d); err == nil || !strings.Contains(err.Error(), "heading") {
			t.Errorf("%v: %v", headings, err)
		}
	}
	if err := CheckDocument(Document{ID: "a", Text: "네글자다", Headings: []Heading{{0, 2, 6}, {2, 4, 1}}}); err != nil {
		t.Error(err)
	}
}

// TestSplitHeadingsProperties: what SplitText promises holds within headings, no
// passage but the first of a run crosses one, and every path is that of a walk
// over all headings.
func TestSplitHeadingsProperties(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 7))
	for range 2000 {
		d := Document{Text: randomHeaded(rng)}
		d.Headings = TextHeadings(d.Text)
		o := SplitOptions{Size: 16 + rng.IntN(200), Overlap: rng.IntN(60), Headings: true}
		spans := SplitDocument(d, o, nil)
		checkSpans(t, d.Text, o, spans)
		runes := []rune(d.Text)
		outline := newOutline(newRuneText(d.Text), d.Headings)
		for _, s := range spans {
			at := s.Start // the end of the last heading that the passage begins with
			for _, h := range d.Headings {
				if h.Start <= s.Start && s.Start < h.End {
					at = h.End
				}
				if h.Start <= s.Start || h.Start >= s.End {
					continue
				}
				if start, end := trim(runes, at, h.Start); start < end {
					t.Fatalf("passage %q has text before the heading %q", string(runes[s.Start:s.End]), string(runes[h.Start:h.End]))
				}
				at = h.End
			}
			var path []Heading
			for _, h := range d.Headings {
				if h.Start > at && strings.TrimSpace(string(runes[at:h.Start])) != "" || h.Start >= s.End {
					break
				}
				path = slices.DeleteFunc(path, func(p Heading) bool { return p.Level >= h.Level })
				path = append(path, h)
			}
			got, _ := outline.at(s)
			if len(got) != len(path) {
				t.Fatalf("passage %q of %q has path %q, want %q", string(runes[s.Start:s.End]), d.Text, got, headed(d.Text, path))
			}
			for i, h := range path {
				_, want := atxHeading(strings.Join(strings.Fields(string(runes[h.Start:h.End])), " "))
				if want := []rune(want); got[i] != string(want[:min(len(want), headingRunes)]) {
					t.Fatalf("path %q, want %q", got, headed(d.Text, path))
				}
			}
		}
	}
}

func randomHeaded(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(12) {
		switch rng.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "\n%s 제목 %d\n", strings.Repeat("#", 1+rng.IntN(4)), rng.IntN(9))
		case 1:
			b.WriteString("\n\nA sentence. Another one, 그리고 더 있다.\n")
		default:
			b.WriteString(randomText(rng))
		}
	}
	return b.String()
}
