package adapt

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"semdex/nli/pairs"
)

// wordTokens gives every word a number of its own.
type wordTokens struct{ ids map[string]int32 }

func (t *wordTokens) AppendIDs(dst []int32, text string) []int32 {
	for _, word := range words(text) {
		dst = append(dst, t.ids[word])
	}
	return dst
}

// tokens numbers all words of the documents.
func tokens(docs []Document) *wordTokens {
	t := &wordTokens{map[string]int32{}}
	add := func(s string) {
		for _, word := range words(s) {
			if _, ok := t.ids[word]; !ok {
				t.ids[word] = int32(len(t.ids))
			}
		}
	}
	for _, d := range docs {
		add(d.Title)
		for _, p := range d.Passages {
			for _, s := range p {
				add(s.Text)
			}
		}
	}
	return t
}

// corpus is n documents of several passages, each sentence with words of its own.
func corpus(rng *rand.Rand, n int) []Document {
	docs := make([]Document, n)
	for i := range docs {
		docs[i] = Document{ID: fmt.Sprintf("doc%d", i), Title: fmt.Sprintf("subject%d theme%d", i, i%7)}
		for p := range 2 + rng.IntN(4) {
			var list []Sentence
			if rng.IntN(3) == 0 {
				list = append(list, Sentence{fmt.Sprintf("part%d", p), true})
			}
			for s := range 2 + rng.IntN(4) {
				list = append(list, Sentence{Text: fmt.Sprintf("subject%d word%d about%d page%d line%d common things of all.", i, rng.IntN(300), rng.IntN(300), p, s)})
			}
			docs[i].Passages = append(docs[i].Passages, list)
		}
	}
	return docs
}

func texts(d *pairs.Data, e pairs.Example) (a, b string) {
	return strings.TrimSpace(d.Text(e.A)), strings.TrimSpace(d.Text(e.B))
}

// Nothing of a held-out document is in the training data, whatever the seed, not
// even by way of a near duplicate.
func TestHeldOutIsNeverTrainedOn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 4 {
		docs := corpus(rng, 60+rng.IntN(60))
		copied := rng.IntN(30) // a document that stands there twice, with one more sentence
		twin := Document{ID: "twin", Title: "another title"}
		for _, p := range docs[copied].Passages {
			twin.Passages = append(twin.Passages, append(slices.Clone(p), Sentence{Text: "one more sentence here, of the copy alone"}))
		}
		docs = append(docs, twin)
		set, err := New(t.Context(), docs, tokens(docs), Options{Seed: rng.Uint64(), HeldOut: .3})
		if err != nil {
			t.Fatal(err)
		}
		if a, b := set.Role(copied), set.Role(len(docs)-1); a != b {
			t.Errorf("a document is used to %d and its copy to %d", a, b)
		}
		data, err := set.Data(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		trained := map[string]bool{}
		for i, d := range docs {
			if set.Role(i) != Train {
				continue
			}
			trained[clean(d.Title)] = true
			for _, p := range d.Passages {
				for _, s := range p {
					trained[s.Text] = true
					if s.Heading {
						trained[d.Title+" "+s.Text] = true
					}
				}
			}
		}
		for _, text := range data.Texts {
			if text != "" && !trained[text] {
				t.Fatalf("%q is trained on and stands in no document that may be", text)
			}
		}
		dev, test := set.Dev(), set.Test()
		for _, q := range slices.Concat(dev.Queries, test.Queries) {
			if slices.Contains(data.Texts, q.Text) {
				t.Errorf("question %q is trained on", q.Text)
			}
		}
		for _, q := range test.Queries {
			if slices.ContainsFunc(dev.Queries, func(d Query) bool { return d.Text == q.Text }) {
				t.Errorf("question %q both chooses and measures", q.Text)
			}
			if q.Kind != BySentence {
				continue
			}
			if strings.Contains(test.Candidates[q.Relevant[0]].Text, q.Text) {
				t.Errorf("%q stands in the passage that it has to find", q.Text)
			}
		}
		counts := set.Counts().Roles
		if n := len(docs); counts[Dev]+counts[Test] > n/2 || counts[Test] < n/10 || counts[Dev] < n/10 {
			t.Errorf("roles %v of %d documents", counts, n)
		}
	}
}

// One seed, one set of pairs and questions; another seed, others.
func TestSeedDecides(t *testing.T) {
	docs := corpus(rand.New(rand.NewPCG(5, 5)), 80)
	tok := tokens(docs)
	draw := func(seed uint64, workers int) string {
		set, err := New(t.Context(), docs, tok, Options{Seed: seed, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		data, err := set.Data(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		rng := rand.New(rand.NewPCG(seed, 2))
		for _, s := range data.Sources {
			for i := range s.Len() {
				e := s.Draw(i, rng)
				fmt.Fprintln(&b, s.Name, data.Text(e.A), "|", data.Text(e.B), "|", data.Text(e.Not), e.Group, e.NotGroup)
			}
		}
		worn, err := set.Test().Worn(t.Context(), tok, workers)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, set.Test(), set.Dev(), worn)
		return b.String()
	}
	one := draw(1, 1)
	if one != draw(1, 3) {
		t.Error("one seed, two sets")
	}
	if one == draw(2, 1) {
		t.Error("two seeds, one set")
	}
}

// What each view makes of one document, by hand.
func TestViews(t *testing.T) {
	s := &Set{Options: Options{Workers: 1, Passages: 10}, common: map[uint64]bool{}, tok: &wordTokens{map[string]int32{"heading": 1}}}
	long := "a sentence of more than twenty letters "
	s.read([]Document{
		{ID: "x", Title: "The Title", Passages: [][]Sentence{{
			{"The title.", false}, {long + "one.", false}, {"Heading", true}, {long + "two.", false}, {"short.", false},
		}}},
		{ID: "y", Passages: [][]Sentence{{{"Heading", true}, {long + "three.", false}, {long + "four.", false}}}},
	})
	s.markCommon()
	data, err := s.Data(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]bool{}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, source := range data.Sources {
		got[source.Name] = map[string]bool{}
		for range 200 {
			for i := range source.Len() {
				e := source.Draw(i, rng)
				a, b := texts(data, e)
				got[source.Name][a+" => "+b] = true
				if other := int32(3 - e.Group); e.NotGroup != other || e.Not.Len() == 0 {
					t.Errorf("%s: %q of group %d is told from %q of group %d", source.Name, a, e.Group, data.Text(e.Not), e.NotGroup)
				}
			}
		}
	}
	one, two, three, four := long+"one.", long+"two.", long+"three.", long+"four."
	x, y := strings.Join([]string{one, "Heading", two, "short."}, " "), strings.Join([]string{"Heading", three, four}, " ")
	want := map[string][]string{ // one title and one heading are no source: nothing to tell them from
		"cloze": {
			one + " => " + "Heading " + two + " short.", one + " => The Title Heading " + two + " short.",
			one + " => " + x, one + " => The Title " + x,
			two + " => " + one + " Heading short.", two + " => The Title " + one + " Heading short.",
			two + " => " + x, two + " => The Title " + x,
			three + " => Heading " + four, three + " => " + y, four + " => Heading " + three, four + " => " + y,
		},
		"neighbours": {
			one + " => Heading " + two + " short.", one + " Heading => " + two + " short.", one + " Heading " + two + " => short.",
			"Heading => " + three + " " + four, "Heading " + three + " => " + four,
		},
	}
	if len(got) != len(want) {
		t.Errorf("sources %v", got)
	}
	for name, list := range want {
		for _, pair := range list {
			if !got[name][pair] {
				t.Errorf("%s: no pair %q", name, pair)
			}
			delete(got[name], pair)
		}
		for pair := range got[name] {
			t.Errorf("%s: pair %q", name, pair)
		}
	}
}

func TestTitlesHeadingsAndDuplicates(t *testing.T) {
	docs := []Document{
		{ID: "a", Title: "Alpha", Passages: [][]Sentence{{{"History", true}, {"the first line about things", false}, {"the second line about things", false}, {"Rules", true}, {"a third line with other words", false}}}},
		{ID: "b", Title: "Beta", Passages: [][]Sentence{{{"History", true}, {"one two three four five six seven eight nine ten eleven twelve", false}}}},
		{ID: "c", Title: "Gamma", Passages: [][]Sentence{{{"one two three four five six seven eight nine ten eleven thirteen", false}}}},
		{ID: "d", Title: "Delta", Passages: [][]Sentence{{{"One two three four five six seven eight, nine ten eleven thirteen!", false}}}},
	}
	s := &Set{Options: Options{Workers: 1, Passages: 10}, common: map[uint64]bool{}, tok: tokens(docs)}
	s.read(docs)
	s.markCommon()
	if err := s.findTwins(t.Context()); err != nil {
		t.Fatal(err)
	}
	// b and c share 9 of 11 different shingles, b and d too; c and d are the same.
	if want := [][2]int32{{1, 2}, {1, 3}, {2, 3}}; !slices.Equal(s.twins, want) {
		t.Errorf("twins %v, want %v", s.twins, want)
	}
	if g := []int32{s.docs[0].group, s.docs[1].group, s.docs[2].group, s.docs[3].group}; !slices.Equal(g, []int32{1, 2, 2, 2}) {
		t.Errorf("groups %v", g)
	}
	data, err := s.Data(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, source := range data.Sources {
		var got []string
		for i := range source.Len() {
			a, b := texts(data, source.Draw(i, rng))
			got = append(got, a+" => "+b)
		}
		switch source.Name {
		case "title":
			if len(got) != 4 || got[2] != "Gamma => one two three four five six seven eight nine ten eleven thirteen" {
				t.Errorf("titles %q", got)
			}
		case "heading":
			want := []string{
				"Alpha History => the first line about things the second line about things",
				"Alpha Rules => a third line with other words",
				"Beta History => one two three four five six seven eight nine ten eleven twelve",
			}
			if !slices.Equal(got, want) {
				t.Errorf("headings %q", got)
			}
		case "near-duplicates": // c and d differ in punctuation alone
			if len(got) != 2 || !strings.HasPrefix(got[0], "History one two") || !strings.HasSuffix(got[0], "eleven thirteen") {
				t.Errorf("duplicates %q", got)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	for name, docs := range map[string][]Document{
		"none":         nil,
		"one":          corpus(rng, 1),
		"few":          corpus(rng, 9),
		"without text": make([]Document, 50),
	} {
		if _, err := New(t.Context(), docs, tokens(docs), Options{}); !errors.Is(err, ErrTooLittle) {
			t.Errorf("%s: %v", name, err)
		}
	}
	docs := corpus(rng, 80)
	if _, err := New(t.Context(), docs, tokens(docs), Options{HeldOut: .7}); err == nil {
		t.Error("nothing to train on")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(ctx, docs, tokens(docs), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	docs = corpus(rng, 200)
	set, err := New(t.Context(), docs, tokens(docs), Options{Passages: 300})
	if err != nil {
		t.Fatal(err)
	}
	if c := set.Counts(); c.Passages > 300 || c.LeftOut == 0 || c.LeftOut+c.Documents != 200 {
		t.Errorf("bounded to 300 passages: %+v", c)
	}
}

func TestTrialBounds(t *testing.T) {
	docs := corpus(rand.New(rand.NewPCG(8, 8)), 200)
	set, err := New(t.Context(), docs, tokens(docs), Options{Queries: 40, Candidates: 150})
	if err != nil {
		t.Fatal(err)
	}
	trial := set.Test()
	kinds := map[string]int{}
	for _, q := range trial.Queries {
		kinds[q.Kind]++
		for _, r := range q.Relevant {
			if q.Kind == ByTitle && !strings.Contains(trial.Candidates[r].Text, strings.Fields(q.Text)[0]) {
				t.Errorf("%q asks for %q", q.Text, trial.Candidates[r].Text)
			}
		}
	}
	if len(trial.Candidates) != 150 || kinds[ByTitle] != 20 || kinds[BySentence] != 20 {
		t.Errorf("%d candidates, %v", len(trial.Candidates), kinds)
	}
	if r := trial.Retrieval("x"); len(r.Documents) != 150 || len(r.Queries) != 40 || len(r.Relevant) != 40 || r.Relevant[25][0] != int(trial.Queries[25].Relevant[0]) {
		t.Errorf("as a development set: %d documents, %d queries", len(r.Documents), len(r.Queries))
	}
}
