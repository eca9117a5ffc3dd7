package static

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/tokenize"
	"semdex/nli"
	"semdex/nli/pairs"
)

// words is a toy vocabulary: topic t has the words t<t>w0 .. t<t>w7.
func words(t *testing.T, topics int) *tokenize.Tokenizer {
	t.Helper()
	list := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##x"}
	for i := range topics * 8 {
		list = append(list, fmt.Sprintf("t%dw%d", i/8, i%8))
	}
	v, err := tokenize.NewVocab(list)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(v, tokenize.DefaultConfig(true))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// toy is a corpus in which the two texts of a pair share a topic and no word:
// what belongs together has to be learned.
func toy(topics, n int) *pairs.Data {
	rng := rand.New(rand.NewPCG(9, 9))
	d := &pairs.Data{}
	text := func(topic, from int) pairs.Run {
		i := int32(len(d.Texts))
		d.Texts = append(d.Texts, fmt.Sprintf("t%dw%d t%dw%d", topic, from+rng.IntN(4), topic, from+rng.IntN(4)))
		return pairs.Run{First: i, End: i + 1, Skip: -1}
	}
	sources := make([][]pairs.Example, 2)
	for i := range n {
		topic := rng.IntN(topics)
		e := pairs.Example{A: text(topic, 0), B: text(topic, 4), Group: int32(topic + 1)}
		sources[i%2] = append(sources[i%2], e)
	}
	d.Sources = []*pairs.Source{pairs.NewSource("even", "none", 2, sources[0]), pairs.NewSource("odd", "none", 1, sources[1])}
	set := pairs.RetrievalSet{Name: "topics"}
	sts := pairs.STSSet{Name: "same"}
	for topic := range topics {
		q, doc := fmt.Sprintf("t%dw0 t%dw1", topic, topic), fmt.Sprintf("t%dw6 t%dw7", topic, topic)
		set.Queries, set.Documents = append(set.Queries, q), append(set.Documents, doc)
		set.Relevant = append(set.Relevant, []int{topic})
		sts.Pairs = append(sts.Pairs, nli.Scored{A: q, B: doc, Score: 5},
			nli.Scored{A: q, B: fmt.Sprintf("t%dw6 t%dw7", (topic+1)%topics, (topic+1)%topics), Score: 0})
	}
	d.Dev.Retrieval = []pairs.RetrievalSet{set}
	d.Dev.STS = []pairs.STSSet{sts}
	d.Dev.Parallel = []pairs.ParallelSet{{Name: "pairs", A: set.Queries, B: set.Documents}}
	return d
}

var small = Config{Dims: 64, Nested: []int{32}, Batch: 24, Steps: 120, LogEvery: 25, EvalEvery: 60, Seed: 7}

func TestTrainLearnsTopics(t *testing.T) {
	const topics = 40
	tok := words(t, topics)
	var log []Progress
	m, report, err := Train(t.Context(), small, tok, toy(topics, 2000), func(p Progress) { log = append(log, p) })
	if err != nil {
		t.Fatal(err)
	}
	if m.Architecture != model.Static || m.Static.Len() != tok.Len() || m.Static.Dims() != 64 || m.Tokenizer != tok {
		t.Errorf("model %+v", m)
	}
	for _, s := range report.Scores {
		least := map[string]float64{"mrr@10": .95, "accuracy": .9, "spearman": .8}[s.Measure]
		if s.Value < least {
			t.Errorf("%d dims, %s: want %g", s.Dims, s, least)
		}
	}
	if len(report.Scores) != 2*3 {
		t.Errorf("%d scores, want three sets at two widths", len(report.Scores))
	}
	var steps []int
	for _, p := range log {
		steps = append(steps, p.Step)
		if (p.Scores != nil) != (p.Step == 60) {
			t.Errorf("scores at step %d: %v", p.Step, p.Scores)
		}
	}
	if !slices.Equal(steps, []int{25, 50, 60, 75, 100, 120}) {
		t.Errorf("progress at steps %v", steps)
	}
	if first, last := log[0].Loss, log[len(log)-1].Loss; !(last < first/2) || last != report.Loss {
		t.Errorf("loss from %g to %g, report %g", first, last, report.Loss)
	}
	for _, want := range []string{"64 dimensions", "| even | none | 1000 |", "| topics | mrr@10 |", "| set | measure | 32 | 64 |"} {
		if !strings.Contains(m.Card, want) {
			t.Errorf("the card has no %q:\n%s", want, m.Card)
		}
	}
	drawn := report.Sources[0].Drawn + report.Sources[1].Drawn
	if drawn != 120*24 || report.Sources[0].Drawn <= report.Sources[1].Drawn {
		t.Errorf("drawn %d of %+v, want the heavier source more often", drawn, report.Sources)
	}
	if !strings.Contains(log[2].String(), "step 60/120") || !strings.Contains(log[2].String(), "topics mrr@10") {
		t.Errorf("log line %q", log[2])
	}
}

// One seed, one table, bit for bit, on any number of workers; another seed,
// another table.
func TestTrainIsDeterministic(t *testing.T) {
	tok, data := words(t, 10), toy(10, 300)
	c := small
	c.Steps = 30
	train := func(workers int, seed uint64) []float32 {
		c := c
		c.Workers, c.Seed = workers, seed
		m, _, err := Train(t.Context(), c, tok, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.Static.Rows.F32()
	}
	one := train(1, 5)
	for _, workers := range []int{1, 2, 3, 7} {
		if !slices.Equal(one, train(workers, 5)) {
			t.Errorf("%d workers train another table", workers)
		}
	}
	if slices.Equal(one, train(1, 6)) {
		t.Error("another seed trains the same table")
	}
}

func TestTrainStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m, _, err := Train(ctx, small, words(t, 10), toy(10, 300), func(p Progress) { cancel() })
	if !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("%v, %v", m, err)
	}
}

func TestTrainRefuses(t *testing.T) {
	tok, data := words(t, 10), toy(10, 300)
	for name, change := range map[string]func(*Config){
		"dims":       func(c *Config) { c.Dims = 100 },
		"nested":     func(c *Config) { c.Nested = []int{64} },
		"wide":       func(c *Config) { c.Nested = []int{96} },
		"twice":      func(c *Config) { c.Nested = []int{32, 32} },
		"batch":      func(c *Config) { c.Batch = 1 },
		"steps":      func(c *Config) { c.Steps = -1 },
		"rate":       func(c *Config) { c.Rate = math.NaN() },
		"scale":      func(c *Config) { c.Scale = -1 },
		"max tokens": func(c *Config) { c.MaxTokens = -5 },
	} {
		c := small
		change(&c)
		if _, _, err := Train(t.Context(), c, tok, data, nil); err == nil {
			t.Errorf("%s: %+v was accepted", name, c)
		}
	}
	if _, _, err := Train(t.Context(), small, tok, &pairs.Data{}, nil); err == nil {
		t.Error("no sources")
	}
	if c, err := (Config{}).withDefaults(); err != nil || !slices.Equal(c.widths(), []int{64, 128, 256}) {
		t.Errorf("defaults %+v, %v", c, err)
	}
	if c, err := (Config{Dims: 64, Nested: []int{}}).withDefaults(); err != nil || !slices.Equal(c.widths(), []int{64}) {
		t.Errorf("one width: %+v, %v", c, err)
	}
}

func TestBatchMasksWhatBelongsTogether(t *testing.T) {
	d := &pairs.Data{Texts: []string{"t0w0", "t0w1", "t1w0", "t1w1", "t2w0", "t2w1", "[PAD]x"}}
	one := func(i int32) pairs.Run { return pairs.Run{First: i, End: i + 1, Skip: -1} }
	list := []pairs.Example{
		{A: one(0), B: one(1)},                               // 0
		{A: one(0), B: one(2)},                               // 1: the same A as 0
		{A: one(3), B: one(2)},                               // 2: the same B as 1
		{A: one(1), B: one(4)},                               // 3: its A is 0's B
		{A: one(4), B: one(5), Group: 1},                     // 4: its A is 3's B, group with 5
		{A: one(5), B: one(3), Group: 1},                     // 5: its A is 4's B, its B is 2's A
		{A: pairs.Run{First: 0, End: 2, Skip: 0}, B: one(5)}, // 6: "t0w1" again, B as 4's
	}
	want := [][]int32{{1, 3, 6}, {0, 2}, {1, 5}, {0, 4, 6}, {3, 5, 6}, {2, 4, 6}, {0, 3, 4, 5}}
	d.Sources = []*pairs.Source{pairs.NewSource("s", "", 1, list)}
	tok := words(t, 3)
	tokens, err := tokenise(t.Context(), tok, d.Texts, tok.Len(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(d, tokens, 8, 1)
	s.sources[0].order = []int{0, 1, 2, 3, 4, 5, 6}
	s.sources[0].next = 0
	var b batch
	for i := range list { // without shuffling
		e := list[i]
		x, y := s.text(&b.texts, e.A), s.text(&b.texts, e.B)
		b.keys = append(b.keys, [3]uint64{x, y, uint64(e.Group)})
	}
	b.mask()
	for i, got := range b.masked {
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, want[i]) {
			t.Errorf("pair %d: masked %v, want %v", i, got, want[i])
		}
	}
}

// Empty sides are passed over, long ones are cut, every example comes once
// before any comes again.
func TestSamplerOrder(t *testing.T) {
	d := &pairs.Data{Texts: []string{"t0w0", " ", "t0w1 t0w2 t0w3"}}
	one := func(i int32) pairs.Run { return pairs.Run{First: i, End: i + 1, Skip: -1} }
	list := []pairs.Example{{A: one(0), B: one(2)}, {A: one(0), B: one(1)}, {A: one(2), B: one(0)}, {A: one(1), B: one(0)}}
	d.Sources = []*pairs.Source{pairs.NewSource("s", "", 1, list)}
	tok := words(t, 1)
	tokens, err := tokenise(t.Context(), tok, d.Texts, tok.Len(), 2)
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(d, tokens, 2, 1)
	var b batch
	s.fill(&b, 2)
	if b.pairs() != 2 {
		t.Fatalf("%d pairs", b.pairs())
	}
	for i := range 4 {
		if n := len(b.texts.at(i)); n == 0 || n > 2 {
			t.Errorf("text %d has %d tokens", i, n)
		}
	}
	if slices.Equal(b.texts.at(0), b.texts.at(2)) && slices.Equal(b.texts.at(1), b.texts.at(3)) {
		t.Error("one example twice before the other")
	}
}

// Texts without a partner stand behind the pairs, and are no negatives of pairs
// that share their text or what they are about.
func TestSamplerTakesHardNegatives(t *testing.T) {
	d := &pairs.Data{Texts: []string{"t0w0", "t0w1", "t1w0", "t1w1", "t2w0", "t2w1", " "}}
	one := func(i int32) pairs.Run { return pairs.Run{First: i, End: i + 1, Skip: -1} }
	list := []pairs.Example{
		{A: one(0), B: one(1), Group: 1, Not: one(2), NotGroup: 2}, // candidate 3: of group 2, as pair 1
		{A: one(4), B: one(5), Group: 2},
		{A: one(3), B: one(2), Group: 3, Not: one(4)}, // candidate 4: the first text of pair 1
		{A: one(1), B: one(3), Group: 4, Not: one(6)}, // without tokens
	}
	d.Sources = []*pairs.Source{pairs.NewSource("s", "", 1, list[:3])}
	tok := words(t, 3)
	tokens, err := tokenise(t.Context(), tok, d.Texts, tok.Len(), 1)
	if err != nil {
		t.Fatal(err)
	}
	s := newSampler(d, tokens, 8, 1)
	var b batch
	if s.fill(&b, 3); b.candidates() != 3 || b.texts.len() != 6 {
		t.Errorf("%d candidates that were not asked for", b.candidates())
	}
	s = newSampler(d, tokens, 8, 1)
	s.hard = true
	s.fill(&b, 3)
	if b.pairs() != 3 || b.candidates() != 5 || b.texts.len() != 8 {
		t.Fatalf("%d pairs, %d candidates, %d texts", b.pairs(), b.candidates(), b.texts.len())
	}
	number := func(text []int32) int {
		return slices.IndexFunc(tokens, func(x []int32) bool { return slices.Equal(x, text) })
	}
	for i := range b.pairs() {
		var masked []int
		for _, j := range b.masked[i] {
			at := int(2*j + 1)
			if int(j) >= b.pairs() {
				at = b.pairs() + int(j)
			}
			masked = append(masked, number(b.texts.at(at)))
		}
		slices.Sort(masked)
		want := map[int][]int{0: nil, 4: {2, 4}, 3: {2}}[number(b.texts.at(2*i))]
		if number(b.texts.at(2*i)) == 4 { // B of pair 2 is candidate 3's text
			want = []int{2, 4}
		}
		if !slices.Equal(slices.Compact(masked), want) {
			t.Errorf("pair %d: masked texts %v, want %v", number(b.texts.at(2*i)), masked, want)
		}
	}
	d.Sources = []*pairs.Source{pairs.NewSource("s", "", 1, list[3:])}
	s = newSampler(d, tokens, 8, 1)
	s.hard = true
	if s.fill(&b, 3); b.candidates() != 1 {
		t.Errorf("%d candidates, want no empty one", b.candidates())
	}
}

func TestTokeniseChecksIDs(t *testing.T) {
	tok := words(t, 2)
	if _, err := tokenise(t.Context(), tok, []string{"t0w0", "t1w7"}, 8, 1); err == nil {
		t.Error("an id outside the table")
	}
}

// The gradient of a row is the sum over its occurrences of dL/dmean / length,
// and Adam's first step is rate * sign of it.
func TestTableUpdate(t *testing.T) {
	tab := newTable(level(t), 6, 32, 2, 1)
	before := slices.Clone(tab.rows)
	var b bags
	for _, ids := range [][]int32{{1, 2, 1}, {3}, {2}, {}, {5, 1}, {5}} { // two pairs, two without a partner
		b.ids = append(b.ids, ids...)
		b.close(10)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	da, db := random(rng, 64), random(rng, 128)
	grad := make([]float64, len(before))
	for text, src := range [][]float32{da[:32], db[:32], da[32:], db[32:64], db[64:96], db[96:]} {
		for _, id := range b.at(text) {
			for p, x := range src {
				grad[int(id)*32+p] += float64(x) / float64(len(b.at(text)))
			}
		}
	}
	tab.update(&b, 2, da, db, 0.5)
	for i, g := range grad {
		want := float64(before[i])
		if g != 0 {
			want -= 0.5 * g / math.Abs(g)
		}
		if math.Abs(float64(tab.rows[i])-want) > 1e-3 {
			t.Fatalf("row %d, column %d: %g after a gradient of %g, want %g", i/32, i%32, tab.rows[i], g, want)
		}
		if m := 0.1 * g; math.Abs(float64(tab.m[i])-m) > 1e-5 {
			t.Fatalf("first moment %g, want %g", tab.m[i], m)
		}
	}
	for _, n := range tab.count {
		if n != 0 {
			t.Fatal("counts are left behind")
		}
	}
}

func TestMean(t *testing.T) {
	tab := newTable(level(t), 3, 32, 1, 1)
	out := make([]float32, 32)
	tab.mean(out, []int32{0, 2, 2})
	for p := range out {
		want := (tab.rows[p] + 2*tab.rows[64+p]) / 3
		if math.Abs(float64(out[p]-want)) > 1e-6 {
			t.Fatalf("column %d: %g, want %g", p, out[p], want)
		}
	}
	if tab.mean(out, nil); !slices.Equal(out, make([]float32, 32)) {
		t.Error("the mean of nothing is not zero")
	}
}
