package indextest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"semdex/index"
)

// wordCases say which texts a query must find and which it must not.
var wordCases = []struct {
	name  string
	query string
	finds []string
	not   []string
}{
	{"particles", "한국어", []string{"한국어", "한국어를 배운다", "한국어는 어렵다", "한국어로 쓴 글", "한국어에서 온 말", "한국어의 역사", "한국어와 영어", "한국어만 쓴다", "이것은 한국어다."}, []string{"일본말을 배운다", "미국 사람"}},
	{"particle in the query", "한국어를", []string{"한국어의 역사", "한국어 사전"}, []string{"일본말을 배운다"}},
	{"compound nouns", "인공지능", []string{"인공지능연구소에서 일한다", "한국인공지능학회", "인공지능은 발전한다"}, []string{"자동차를 고친다"}},
	{"part of a compound", "연구소", []string{"인공지능연구소에서 일한다", "연구소"}, []string{"자동차를 고친다"}},
	{"two syllables", "서울", []string{"서울특별시", "서울에 산다", "서울"}, []string{"부산에 산다"}},
	{"verbs", "검색하다", []string{"검색하는 방법", "문서를 검색했다"}, []string{"자동차를 고친다"}},
	{"English stems", "search", []string{"searching for it", "he searches", "searched", "Search"}, []string{"research is not it", "sea"}},
	{"stem in the query", "running engines", []string{"the engine", "run"}, []string{"walk"}},
	{"case", "KOREA", []string{"korea", "Korea is", "KOREA"}, []string{"korean-like or not: koala"}},
	{"numbers", "2024", []string{"2024년에 생겼다", "in 2024.", "(2024)"}, []string{"20245", "2023"}},
	{"mixed scripts", "한국어 API", []string{"한국어API를 쓴다", "api 문서", "한국어로 된 문서"}, []string{"일본말 문서"}},
	{"Latin before Hangul", "API", []string{"API를 쓴다", "REST API", "api는"}, []string{"에이피아이"}},
	{"punctuation", "e-mail", []string{"send e-mail now", "an e-mail, please"}, []string{"letter"}},
	{"full text", "문서에서 답을 찾는 방법", []string{"답을 찾는다", "이 방법은 좋다"}, []string{"자동차"}},
}

func testKeywordWords(h *harness) {
	for i, test := range wordCases {
		c := h.create(fmt.Sprintf("words%d", i))
		var records []index.Record
		var want []string
		for j, text := range append(slices.Clone(test.finds), test.not...) {
			id := fmt.Sprintf("%02d", j)
			if j < len(test.finds) {
				want = append(want, id)
			}
			records = append(records, h.record(id, "", text, nil))
		}
		h.upsert(c, records...)
		if got := documents(h.keyword(c, test.query, 100, nil)); !slices.Equal(got, want) {
			h.Errorf("%s: %q finds %v, want %v of %q", test.name, test.query, got, want, append(test.finds, test.not...))
		}
	}
}

// testKeywordPassages looks for passages, titles and ranks.
func testKeywordPassages(h *harness) {
	c := h.create("c")
	text := "Bananas are yellow. 사과는 빨갛다. Cherries are red."
	h.upsert(c,
		h.record("fruit", "Orchard 과수원", text, nil, index.Span{Start: 0, End: 19}, index.Span{Start: 20, End: 28}, index.Span{Start: 29, End: 46}),
		h.record("title", "Submarine", "", nil),
		h.record("other", "", "Yellow yellow submarine, all in yellow", map[string]any{"kind": "song"}),
		h.record("noise", "", "nothing of the kind is said here, nothing at all", nil))
	refs := func(query string, f index.Filter) []index.Ref {
		var out []index.Ref
		for _, cand := range h.keyword(c, query, 10, f).Candidates {
			out = append(out, cand.Ref)
		}
		return out
	}
	for _, test := range []struct {
		query string
		f     index.Filter
		want  []index.Ref
	}{
		{"banana", nil, []index.Ref{{Document: "fruit"}}},
		{"사과", nil, []index.Ref{{Document: "fruit", Ordinal: 1}}},
		{"cherry", nil, []index.Ref{{Document: "fruit", Ordinal: 2}}},
		{"yellow", nil, []index.Ref{{Document: "other"}, {Document: "fruit"}}},
		{"yellow", index.Exists{Field: "kind"}, []index.Ref{{Document: "other"}}},
		{"submarine", nil, []index.Ref{{Document: "title"}, {Document: "other"}}},
		{"zebra", nil, nil},
	} {
		if got := refs(test.query, test.f); !slices.Equal(got, test.want) {
			h.Errorf("%q finds %v, want %v", test.query, got, test.want)
		}
	}
	for _, query := range []string{"orchard", "과수원"} {
		if got := refs(query, nil); len(got) != 3 || got[0].Document != "fruit" || got[2].Document != "fruit" {
			h.Errorf("a word of the title, %q, finds %v", query, got)
		}
	}
	if got := refs("yellow banana", nil); len(got) != 2 || got[0] != (index.Ref{Document: "fruit"}) {
		h.Errorf("both words before one: %v", got)
	}
	if leg := h.keyword(c, "orchard", 2, nil); len(leg.Candidates) != 2 || !leg.More {
		h.Errorf("2 of 3 passages: %+v", leg)
	}
}

func testKeywordTies(h *harness) {
	c := h.create("c")
	var want []index.Ref
	for _, i := range h.rng.Perm(40) {
		h.upsert(c, h.record(fmt.Sprintf("d%d", i), "", "the same words in each", nil))
		want = append(want, index.Ref{Document: fmt.Sprintf("d%d", i)})
	}
	slices.SortFunc(want, func(a, b index.Ref) int { return strings.Compare(a.Document, b.Document) })
	for _, k := range []int{1, 15, 40, 50} {
		leg := h.keyword(c, "same words", k, nil)
		if len(leg.Candidates) != min(k, 40) || leg.More != (k < 40) {
			h.Fatalf("k = %d: %d candidates, more: %v", k, len(leg.Candidates), leg.More)
		}
		for i, cand := range leg.Candidates {
			if cand.Ref != want[i] {
				h.Fatalf("k = %d: rank %d is %v, want %v (scores %v and %v)", k, i+1, cand.Ref, want[i], leg.Candidates[0].Score, cand.Score)
			}
		}
	}
}

func testKeywordOddQueries(h *harness) {
	c := h.create("c")
	if leg := h.keyword(c, "anything", 5, nil); len(leg.Candidates) != 0 || leg.More {
		h.Errorf("an empty collection has %+v", leg)
	}
	h.upsert(c, h.record("a", "", "plain text", nil), h.record("b", "", "🙂 café ①", nil))
	for _, query := range []string{"", " \n\t", "!!! ... ???", "\"'()[]{}*?~^:\\/+-&&||", "🙂🙂", "\u200b\u00ad", "ㅋㅋㅋ", strings.Repeat("?", 5000)} {
		if leg := h.keyword(c, query, 5, nil); slices.Contains(documents(leg), "a") {
			h.Errorf("%q finds plain text", query)
		}
	}
	for _, query := range []string{"text AND (NOT plain) OR field:x", "plain*", "+text -text", `"plain`, "text~2^3", "/text/", strings.Repeat("text ", 3000) + "end"} {
		if leg := h.keyword(c, query, 5, nil); !slices.Contains(documents(leg), "a") {
			h.Errorf("%.40q does not find its words", query)
		}
	}
}

func testKeywordForgets(h *harness) {
	c := h.create("c")
	h.upsert(c, h.record("a", "oldtitle", "oldword common", nil, index.Span{Start: 0, End: 7}, index.Span{Start: 8, End: 14}), h.record("b", "", "bword common", nil))
	h.upsert(c, h.record("a", "newtitle", "newword common", nil))
	_, err := c.Delete(h.ctx, []string{"b"})
	h.must(err)
	for _, when := range []string{"before", "after"} {
		for _, query := range []string{"oldtitle", "oldword", "bword"} {
			if leg := h.keyword(c, query, 10, nil); len(leg.Candidates) > 0 {
				h.Errorf("%s reopening: %q still finds %v", when, query, leg.Candidates)
			}
		}
		if leg := h.keyword(c, "common newword newtitle", 10, nil); len(leg.Candidates) != 1 || leg.Candidates[0].Ref != (index.Ref{Document: "a"}) {
			h.Errorf("%s reopening: found %v", when, leg.Candidates)
		}
		c = h.restart("c")
	}
}

func testMatches(h *harness) {
	c := h.create("c")
	for _, test := range []struct {
		query, passage string
		prefixes       []string // of the matches, in order; none means no match
	}{
		{"검색", "검색을 위한 문서 검색.", []string{"검색", "검색"}},
		{"searches", "Searching: a search, 🙂 and SEARCHED", []string{"search", "search", "search"}},
		{"한국어 API", "이 api는 한국어를 안다", []string{"api", "한국어"}},
		{"인공지능", "새 인공지능연구소", []string{"인공지능"}},
		{"zebra", "no such animal", nil},
		{"", "anything", nil},
		{"?!", "any?! thing", nil},
		{"word", "", nil},
	} {
		runes, last := []rune(test.passage), 0
		spans := c.Matches(index.Words{Text: test.query}, test.passage)
		if len(spans) != len(test.prefixes) {
			h.Errorf("%q in %q: %v, want %d matches", test.query, test.passage, spans, len(test.prefixes))
			continue
		}
		for i, s := range spans {
			if s.Start < last || s.End <= s.Start || s.End > len(runes) {
				h.Fatalf("%q in %q: %v is out of order or range", test.query, test.passage, spans)
			}
			if got := strings.ToLower(string(runes[s.Start:s.End])); !strings.HasPrefix(got, test.prefixes[i]) {
				h.Errorf("%q in %q: match %d is %q, want %q", test.query, test.passage, i, got, test.prefixes[i])
			}
			last = s.End
		}
	}
}

// testKeywordFull works index.Leg.Full out: all texts have two words, so that one
// which has the words of a query once each scores just that.
func testKeywordFull(h *harness) {
	c := h.create("c")
	for i := range 20 {
		text := "plain stone"
		if i%5 == 0 {
			text = "plain marble"
		}
		h.upsert(c, h.record(fmt.Sprintf("d%02d", i), "", text, map[string]any{"n": float64(i)}))
	}
	rest := index.Compare{Field: "n", Op: index.Gt, Value: 0.}
	share := func(query string, k int, f index.Filter) float64 {
		h.Helper()
		leg := h.keyword(c, query, k, f)
		return leg.Candidates[0].Score / leg.Full
	}
	for _, query := range []string{"plain", "marble", "plain marble"} {
		for _, k := range []int{1, 10, 100} {
			if got := share(query, k, rest); math.Abs(got-1) > 1e-9 {
				h.Errorf("%q, %d passages: the best has %v of the whole", query, k, got)
			}
		}
	}
	// Of 20 passages 4 have marble and none has granite: ln(1 + 16.5 / 4.5) of that
	// and ln(1 + 20.5 / 0.5).
	marble, granite := math.Log(1+16.5/4.5), math.Log(1+20.5/0.5)
	if got, want := share("marble granite", 10, nil), marble/(marble+granite); math.Abs(got-want) > 1e-9 {
		h.Errorf("one of two words: %v of the whole, want %v", got, want)
	}
	if leg := h.keyword(c, "granite", 10, nil); len(leg.Candidates) > 0 || math.Abs(leg.Full-granite) > 1e-9 {
		h.Errorf("a word that is nowhere: %+v, want %v", leg, granite)
	}
	if leg := h.keyword(c, "?!", 10, nil); leg.Full != 0 {
		h.Errorf("no words: %+v", leg)
	}
	leg, err := c.KeywordWording(h.ctx, index.Words{Text: "marble"}, index.Wording{Phrases: []string{"plain marble"}}, 10, nil)
	h.must(err)
	if math.Abs(leg.Full-marble) > 1e-9 || math.Abs(leg.Candidates[0].Score-marble) > 1e-9 {
		h.Errorf("with a phrase: %+v, want %v", leg, marble)
	}
}
