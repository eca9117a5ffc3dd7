package indextest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"semdex/index"
)

const suiteSynonyms = `# vehicles
car, automobile, motor vehicle
자동차, 승용차 , car
tv => television
mobile phone => handset
hause => house
`

// testSynonyms works out by hand what synonyms find, and in which order. All
// texts have four words, so that the scores of words that are as rare as each
// other are equal.
func testSynonyms(h *harness) {
	c := h.create("c")
	for id, text := range map[string]string{
		"a": "car stands before house",
		"b": "automobile stands before house",
		"c": "motor vehicle before house",
		"d": "vehicle with motor inside",
		"e": "자동차 stands before house",
		"f": "tv stands inside house",
		"g": "television stands inside house",
		"h": "handset lies inside house",
		"i": "mobile phone inside house",
	} {
		h.upsert(c, h.record(id, "", text, nil))
	}
	find := func(query string) (found []string, words index.Words) {
		h.Helper()
		words.Text = query
		var err error
		words.Also, err = c.Expand(h.ctx, query)
		h.must(err)
		leg, err := c.Keyword(h.ctx, words, 10, nil)
		h.must(err)
		h.checkLeg(leg, 10)
		for _, cand := range leg.Candidates {
			found = append(found, cand.Ref.Document)
		}
		return found, words
	}
	if got, words := find("car"); !slices.Equal(got, []string{"a"}) || len(words.Also) > 0 {
		h.Errorf("without synonyms: %v, %v", got, words)
	}
	for i, bad := range []string{"car", "car, auto\n, b", "a => ", "a => b => c", "a, A", "x => x", "..., b", "a, " + strings.Repeat("b", 300)} {
		if err := c.SetSynonyms(h.ctx, bad); err == nil {
			h.Errorf("%d: %q is taken", i, bad)
		} else {
			h.wantError(bad, err, index.ErrInvalidSynonyms)
		}
	}
	h.must(c.SetSynonyms(h.ctx, suiteSynonyms))
	for _, when := range []string{"at once", "after reopening"} {
		if text, err := c.Synonyms(h.ctx); err != nil || text != suiteSynonyms {
			h.Errorf("%s: the synonyms are %q, %v", when, text, err)
		}
		if info, err := c.Info(h.ctx); err != nil || info.Synonyms != 5 {
			h.Errorf("%s: %d rules, %v", when, info.Synonyms, err)
		}
		for _, test := range []struct {
			query string
			want  []string   // in order
			also  [][]string // synonyms of the query's stretches
		}{
			{"car", []string{"a", "b", "c", "e"}, [][]string{{"automobile", "motor vehicle", "자동차", "승용차"}}}, // the word, then synonyms; b and e are as rare
			{"Automobiles", []string{"b", "a", "c"}, [][]string{{"car", "motor vehicle"}}},
			{"motor vehicles", []string{"c", "d", "a", "b"}, [][]string{{"car", "automobile"}}}, // its own words, in any order, first
			{"vehicle", []string{"c", "d"}, nil},
			{"승용차", []string{"a", "e"}, [][]string{{"자동차", "car"}}}, // nobody has the word
			{"tv", []string{"f", "g"}, [][]string{{"television"}}},
			{"television", []string{"g"}, nil}, // one way
			{"mobile phone", []string{"i", "h"}, [][]string{{"handset"}}},
			{"mobile", []string{"i"}, nil},
			{"handset", []string{"h"}, nil},
			{"zebra", nil, nil},
		} {
			got, words := find(test.query)
			same := slices.Equal(got, test.want)
			if len(test.want) > 2 && len(test.want) == len(got) { // the order of synonyms among each other is the engine's
				same = got[0] == test.want[0] && slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(test.want)))
			}
			if test.query == "승용차" {
				same = slices.Equal(slices.Sorted(slices.Values(got)), test.want)
			}
			if !same {
				h.Errorf("%s: %q finds %v, want %v", when, test.query, got, test.want)
			}
			var also [][]string
			for _, e := range words.Also {
				also = append(also, e.Synonyms)
			}
			if !reflect.DeepEqual(also, test.also) {
				h.Errorf("%s: %q is expanded to %q, want %q", when, test.query, also, test.also)
			}
		}
		c = h.restart("c")
	}
	h.synonymMatches(c)
	h.synonymSearches(c)
	h.must(c.SetSynonyms(h.ctx, ""))
	if got, _ := find("car"); !slices.Equal(got, []string{"a"}) {
		h.Errorf("without synonyms again: %v", got)
	}
}

// synonymMatches marks synonyms, phrases as a whole and only where they stand.
func (h *harness) synonymMatches(c index.Collection) {
	h.Helper()
	for _, test := range []struct{ query, passage, want string }{
		{"a tv", "the television, no tv", "the [television], no [tv]"},
		{"television", "a tv", "a tv"},
		{"car", "motor of a vehicle, motor vehicles", "motor of a vehicle, [motor vehicles]"},
		{"자동차", "a car, 승용차", "a [car], [승용차]"},
	} {
		also, err := c.Expand(h.ctx, test.query)
		h.must(err)
		var got strings.Builder
		runes, at := []rune(test.passage), 0
		for _, s := range c.Matches(index.Words{Text: test.query, Also: also}, test.passage) {
			fmt.Fprintf(&got, "%s[%s]", string(runes[at:s.Start]), string(runes[s.Start:s.End]))
			at = s.End
		}
		got.WriteString(string(runes[at:]))
		if got := strings.ReplaceAll(got.String(), "[a] ", "a "); got != test.want {
			h.Errorf("%q in %q: %q, want %q", test.query, test.passage, got, test.want)
		}
	}
}

// synonymSearches sees that searches use synonyms, say so, and can do without.
func (h *harness) synonymSearches(c index.Collection) {
	h.Helper()
	r, err := index.Search(h.ctx, c, index.Query{Text: "a TV", Mode: index.KeywordOnly, Highlight: true})
	h.must(err)
	if len(r.Hits) != 2 || r.Hits[1].DocumentID != "g" || !reflect.DeepEqual(r.Hits[1].Highlights, []index.Span{{Start: 0, End: 10}}) {
		h.Errorf("a search finds %+v", r.Hits)
	}
	if want := map[string][]string{"TV": {"television"}}; !reflect.DeepEqual(r.Stats.Synonyms, want) {
		h.Errorf("stats: %v, want %v", r.Stats.Synonyms, want)
	}
	r, err = index.Search(h.ctx, c, index.Query{Text: "tv", Mode: index.KeywordOnly, NoSynonyms: true})
	h.must(err)
	if len(r.Hits) != 1 || r.Stats.Synonyms != nil {
		h.Errorf("without synonyms: %+v, %v", r.Hits, r.Stats.Synonyms)
	}
	r, err = index.Search(h.ctx, c, index.Query{Text: `tv "stands inside"`, Operators: true, Mode: index.KeywordOnly})
	h.must(err)
	if len(r.Hits) != 2 || r.Hits[0].DocumentID != "f" || r.Hits[1].Score <= 0 || r.Hits[1].Score >= r.Hits[0].Score {
		h.Errorf("with a phrase: %+v", r.Hits)
	}
	r, err = index.Search(h.ctx, c, index.Query{Text: "hause mottor", Correct: true, Mode: index.KeywordOnly})
	h.must(err)
	if r.Stats.Corrected["mottor"] != "motor" || len(r.Stats.Corrected) != 1 {
		h.Errorf("corrected: %v", r.Stats.Corrected)
	}
}

// testSynonymsAgainstMemory compares random synonyms over texts of few words, in
// which most phrases occur, with Memory: what is found, what is counted, what is
// marked.
func testSynonymsAgainstMemory(h *harness) {
	c := h.create("c")
	model, err := NewMemory().Create(h.ctx, "c", settings)
	h.must(err)
	words := vocabulary[:6]
	text := func(n int) string {
		var out []string
		for range n {
			out = append(out, words[h.rng.IntN(len(words))])
		}
		return strings.Join(out, " ")
	}
	for i := range 60 {
		first, second := text(1+h.rng.IntN(3)), text(1+h.rng.IntN(3))
		n := len(first)
		r := h.record(string(rune('A'+i)), text(h.rng.IntN(2)), first+" "+second, map[string]any{"odd": fmt.Sprint(i % 2)},
			index.Span{Start: 0, End: n}, index.Span{Start: n + 1, End: n + 1 + len(second)})
		h.upsert(c, r)
		h.upsert(model, r)
	}
	for range 40 {
		var rules []string
		for range 1 + h.rng.IntN(4) {
			from, to := text(1+h.rng.IntN(2)), text(1+h.rng.IntN(2))
			if from != to {
				rules = append(rules, from+[]string{", ", " => "}[h.rng.IntN(2)]+to)
			}
		}
		h.must(c.SetSynonyms(h.ctx, strings.Join(rules, "\r\n")))
		h.must(model.SetSynonyms(h.ctx, strings.Join(rules, "\r\n")))
		query := text(1 + h.rng.IntN(3))
		w := index.Words{Text: query}
		w.Also, err = c.Expand(h.ctx, query)
		h.must(err)
		also, err := model.Expand(h.ctx, query)
		h.must(err)
		for i := range also { // of several entries at a place the order is the engine's
			slices.Sort(also[i].Synonyms)
		}
		mine := slices.Clone(w.Also)
		for i, e := range mine {
			mine[i].Synonyms = slices.Sorted(slices.Values(e.Synonyms))
		}
		if len(mine)+len(also) > 0 && !reflect.DeepEqual(mine, also) {
			h.Fatalf("%q: %q is expanded to %v, want %v", rules, query, mine, also)
		}
		h.sameWithSynonyms(c, model, w)
	}
}

func (h *harness) sameWithSynonyms(c, model index.Collection, w index.Words) {
	h.Helper()
	f := []index.Filter{nil, index.Compare{Field: "odd", Op: index.Eq, Value: "1"}}[h.rng.IntN(2)]
	got, err := c.Keyword(h.ctx, w, 1000, f)
	h.must(err)
	h.checkLeg(got, 1000)
	want, err := model.Keyword(h.ctx, w, 1000, f)
	h.must(err)
	h.sameLeg(got, want, false)
	for _, k := range []int{1, 5} { // what comes first does not depend on how many are asked for
		few, err := c.Keyword(h.ctx, w, k, f)
		h.must(err)
		n := min(k, len(got.Candidates))
		if !slices.Equal(few.Candidates, got.Candidates[:n]) || few.More != (n < len(got.Candidates)) {
			h.Fatalf("%+v: the first %d are %v, of %v", w, k, few.Candidates, got.Candidates)
		}
	}
	phrase := index.Wording{Phrases: []string{vocabulary[h.rng.IntN(6)]}}
	got, err = c.KeywordWording(h.ctx, w, phrase, 1000, f)
	h.must(err)
	h.checkLeg(got, 1000)
	want, err = model.KeywordWording(h.ctx, w, phrase, 1000, f)
	h.must(err)
	h.sameLeg(got, want, false)
	positive := func(l index.Leg) (n int) {
		for _, cand := range l.Candidates {
			if cand.Score > 0 {
				n++
			}
		}
		return n
	}
	if positive(got) != positive(want) {
		h.Errorf("%+v, %v: %d score, want %d", w, phrase, positive(got), positive(want))
	}
	counted, err := c.TallyMatches(h.ctx, w, f, []string{"odd"})
	h.must(err)
	wanted, err := model.TallyMatches(h.ctx, w, f, []string{"odd"})
	h.must(err)
	if !reflect.DeepEqual(counted, wanted) {
		h.Errorf("%+v: counted %v, want %v", w, counted, wanted)
	}
	passage := strings.Join(vocabulary[:6], " ") + " " + w.Text
	if a, b := c.Matches(w, passage), model.Matches(w, passage); !slices.Equal(a, b) {
		h.Errorf("%+v: %v marked, want %v", w, a, b)
	}
}
