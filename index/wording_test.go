package index_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"semdex/index"
)

func TestParseWording(t *testing.T) {
	type w = index.Wording
	for _, test := range []struct {
		text, plain string
		want        w
	}{
		{"plain words", "plain words", w{}},
		{"  kept as it is ", "  kept as it is ", w{}},
		{`"exact phrase"`, "exact phrase", w{Phrases: []string{"exact phrase"}}},
		{`walls "of Seoul" -palace`, "walls of Seoul", w{Phrases: []string{"of Seoul"}, Excluded: []string{"palace"}}},
		{`wall -"old city" gate`, "wall  gate", w{Excluded: []string{"old city"}}},
		{`“조선의 궁궐” -일본`, "조선의 궁궐", w{Phrases: []string{"조선의 궁궐"}, Excluded: []string{"일본"}}},
		{"-일본 궁궐", "궁궐", w{Excluded: []string{"일본"}}},
		{"send e-mail", "send e-mail", w{}},
		{"a -e-mail", "a", w{Excluded: []string{"e-mail"}}},
		{"a - b -- c --flag -? ->", "a - b -- c --flag -? ->", w{}},
		{`5" disk and rock"n"roll`, `5" disk and rock"n"roll`, w{}},
		{`"one" "two"`, "one two", w{Phrases: []string{"one", "two"}}},
		{`empty "" " ?" -""`, `empty "" " ?" -""`, w{}},
		{`wall "조선"의`, "wall 조선의", w{Phrases: []string{"조선"}}},
	} {
		plain, got, err := index.ParseWording(test.text)
		if err != nil || plain != test.plain || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %q, %+v, %v; want %q, %+v", test.text, plain, got, err, test.plain, test.want)
		}
	}
	for text, says := range map[string]string{
		`wall "old city`:            "quote at character 6 is not closed",
		`성벽 -"old`:                  "quote at character 4",
		"-palace":                   "only excludes (-palace); say what to search for",
		`-"old city" -b`:            "only excludes",
		strings.Repeat("a -b ", 33): "33 phrases and exclusions, at most 32",
	} {
		if _, _, err := index.ParseWording(text); !errors.Is(err, index.ErrInvalidQuery) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseWording(f *testing.F) {
	for _, s := range []string{`a "b c" -d -"e f"`, `"`, `-"`, "-", "“a” - b", `"a"b"c"`, "-\xff a", "\u3000-가 나"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, w, err := index.ParseWording(text)
		if err != nil {
			if !errors.Is(err, index.ErrInvalidQuery) {
				t.Fatal(err)
			}
			return
		}
		if w.IsZero() != (plain == text) && !w.IsZero() {
			t.Fatalf("%q: %q with %+v", text, plain, w)
		}
		if utf8.ValidString(text) && !utf8.ValidString(plain) {
			t.Fatalf("%q gives %q", text, plain)
		}
		for _, s := range append(w.Phrases, w.Excluded...) {
			if !strings.Contains(text, s) || s == "" {
				t.Fatalf("%q gives %q", text, s)
			}
		}
	})
}

func TestSearchObeysOperators(t *testing.T) {
	c := collection(t)
	v := []float32{1, 0, 0, 0}
	for _, test := range []struct {
		text string
		mode index.Mode
		want []string
	}{
		{`"apples are"`, index.KeywordOnly, []string{"apple#0", "banana#0"}},
		{`"apples are" -yellow`, index.KeywordOnly, []string{"apple#0"}},
		{`apples -red`, index.KeywordOnly, []string{"banana#0", "apple#1"}}, // whose title has them
		{`"are yellow"`, index.DenseOnly, []string{"banana#0"}},
		{`fruit -apples`, index.DenseOnly, []string{"cherry#0"}},
		{`fruit -apples`, index.Hybrid, []string{"cherry#0"}},
		{`"grow on" trees`, index.Hybrid, []string{"cherry#0"}},
		{`"no such" trees`, index.Hybrid, []string{}},
		{`apples -"apples are"`, index.Hybrid, []string{"apple#1", "cherry#0"}},
		{`yellow "are"`, index.KeywordOnly, []string{"banana#0", "apple#0"}},
	} {
		q := index.Query{Text: test.text, Operators: true, Vector: v, Mode: test.mode, GroupBy: index.ByPassage}
		if got := ids(search(t, c, q)); !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s (%s): %v, want %v", test.text, test.mode, got, test.want)
		}
	}
	// Without the option a text is what it is.
	if got := ids(search(t, c, index.Query{Text: `-trees`, Mode: index.KeywordOnly})); !reflect.DeepEqual(got, []string{"cherry#0"}) {
		t.Errorf("no operators: %v", got)
	}
}

// The encoder gets the text without operators.
func TestServiceEncodesWithoutOperators(t *testing.T) {
	s, enc := newService(t)
	put(t, s, index.Document{ID: "a", Text: "alpha beta"}, index.Document{ID: "b", Text: "alpha gamma"})
	r, err := s.Search(t.Context(), "c", index.Query{Text: `alpha "beta" -gamma`, Operators: true})
	if err != nil || len(r.Hits) != 1 || r.Hits[0].DocumentID != "a" {
		t.Fatalf("%+v, %v", r.Hits, err)
	}
	if !reflect.DeepEqual(enc.queries, []string{"alpha beta"}) {
		t.Errorf("encoded %q", enc.queries)
	}
	if _, err := s.Search(t.Context(), "c", index.Query{Text: `-gamma`, Operators: true}); !errors.Is(err, index.ErrInvalidQuery) {
		t.Errorf("only exclusions: %v", err)
	}
}

// A leg in which nearly everything is excluded stops at its bound, and says so.
func TestExclusionIsBounded(t *testing.T) {
	s := &scripted{passages: 1, total: 60000, allowed: func(index.Ref) bool { return false }}
	r := search(t, s, index.Query{Text: "a -b", Operators: true, Vector: []float32{1}, Mode: index.DenseOnly})
	if len(r.Hits) != 0 || !r.Stats.More || !r.Stats.Dense.Bounded || r.Stats.Dense.Verified != index.MaxVerified {
		t.Errorf("%d hits, more: %v, %+v", len(r.Hits), r.Stats.More, r.Stats.Dense)
	}
	s.total = 9000
	s.allowed = func(r index.Ref) bool { return r.Document == "d8999" }
	r = search(t, s, index.Query{Text: "a -b", Operators: true, Vector: []float32{1}, Mode: index.DenseOnly})
	if !reflect.DeepEqual(ids(r), []string{"d8999#0"}) || r.Stats.More || r.Stats.Dense.Bounded {
		t.Errorf("%v, more: %v, %+v", ids(r), r.Stats.More, r.Stats.Dense)
	}
}

// Pages neither overlap nor skip, even if a deeper search of an approximate
// engine ranks differently.
func TestPagesOfAnApproximateLeg(t *testing.T) {
	for _, group := range []index.Grouping{index.ByDocument, index.ByPassage} {
		s := &scripted{passages: 3, total: 2000, fickle: true}
		seen := make(map[string]bool)
		for offset := 0; ; offset += 7 {
			r := search(t, s, index.Query{Vector: []float32{1}, Mode: index.DenseOnly, TopK: 7, Offset: offset, GroupBy: group})
			for _, id := range ids(r) {
				if seen[id] {
					t.Fatalf("%s is on two pages, the second from %d", id, offset)
				}
				seen[id] = true
			}
			if len(r.Hits) < 7 {
				break
			}
		}
		if want := map[index.Grouping]int{index.ByDocument: 667, index.ByPassage: 2000}[group]; len(seen) != want {
			t.Errorf("%d hits by %s, want %d", len(seen), group, want)
		}
	}
}
