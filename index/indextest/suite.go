package indextest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"semdex/index"
)

// Open makes an engine without collections. Its reopen closes the engine that
// it or Open returned last, and opens its data again.
type Open func(t *testing.T) (engine index.Engine, reopen func() index.Engine)

// Run tests an engine. Every test has an engine of its own, which is checked
// and closed at the end.
func Run(t *testing.T, open func(t *testing.T) (engine index.Engine, reopen func() index.Engine)) {
	for _, test := range []struct {
		name string
		run  func(*harness)
	}{
		{"Collections", testCollections},
		{"Aliases", testAliases},
		{"Replace", testReplace},
		{"Changed", testChanged},
		{"Settings", testSettings},
		{"Vectors", testVectors},
		{"Loads", testLoads},
		{"LoadsOutlived", testLoadsOutlived},
		{"Documents", testDocuments},
		{"UpsertReplaces", testUpsertReplaces},
		{"Delete", testDelete},
		{"Sequence", testSequence},
		{"Metadata", testMetadata},
		{"Fields", testFields},
		{"BadRecords", testBadRecords},
		{"InputIsCopied", testInputIsCopied},
		{"Fetch", testFetch},
		{"FiltersAgainstAccepts", testFilters},
		{"FilterErrors", testFilterErrors},
		{"DenseAgainstOracle", testDense},
		{"DenseTies", testDenseTies},
		{"DenseBadVectors", testDenseBadVectors},
		{"DenseWithoutVectors", testDenseWithoutVectors},
		{"Export", testExport},
		{"KeywordWords", testKeywordWords},
		{"KeywordPassages", testKeywordPassages},
		{"KeywordTies", testKeywordTies},
		{"KeywordOddQueries", testKeywordOddQueries},
		{"KeywordForgets", testKeywordForgets},
		{"KeywordFull", testKeywordFull},
		{"Wording", testWording},
		{"Synonyms", testSynonyms},
		{"SynonymsAgainstMemory", testSynonymsAgainstMemory},
		{"Prefixes", testPrefixes},
		{"Tallies", testTallies},
		{"Profile", testProfile},
		{"Correct", testCorrect},
		{"Matches", testMatches},
		{"Visibility", testVisibility},
		{"Reopen", testReopen},
		{"Closed", testClosed},
		{"Dropped", testDropped},
		{"Cancelled", testCancelled},
		{"SearchPages", testSearchPages},
		{"Concurrent", testConcurrent},
		{"RandomOperations", testRandomOperations},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &harness{T: t, ctx: t.Context()}
			h.engine, h.reopen = open(t)
			h.seed()
			test.run(h)
			h.finish()
		})
	}
}

// harness is one test's engine and the helpers around it.
type harness struct {
	*testing.T
	ctx    context.Context
	engine index.Engine
	reopen func() index.Engine
	rng    *rand.Rand
	bare   int // passages without a vector that a collection has
}

func (h *harness) seed() {
	seed := rand.Uint64()
	h.Logf("seed %d", seed)
	h.rng = rand.New(rand.NewPCG(seed, 0))
}

// finish checks every collection and closes the engine.
func (h *harness) finish() {
	h.Helper()
	infos, err := h.engine.List(h.ctx)
	if errors.Is(err, index.ErrClosed) {
		return
	}
	h.must(err)
	for _, info := range infos {
		c, err := h.engine.Open(h.ctx, info.Name)
		h.must(err)
		h.checkSound(c)
	}
	h.must(h.engine.Close())
}

// checkSound holds what Check reports against what Count and Info say.
func (h *harness) checkSound(c index.Collection) {
	h.Helper()
	r, err := c.Check(h.ctx)
	h.must(err)
	for _, p := range r.Problems {
		h.Errorf("check of %s: %s", r.Collection, p)
	}
	documents, passages, err := c.Count(h.ctx, nil)
	h.must(err)
	info, err := c.Info(h.ctx)
	h.must(err)
	if r.Documents != documents || info.Documents != documents || r.Passages != passages || info.Passages != passages {
		h.Errorf("check counts %d documents and %d passages, info %d and %d, count %d and %d",
			r.Documents, r.Passages, info.Documents, info.Passages, documents, passages)
	}
	if r.Vectors != passages-h.bare || r.TextDocs != passages {
		h.Errorf("check: %d vectors and %d texts for %d passages, %d without a vector", r.Vectors, r.TextDocs, passages, h.bare)
	}
}

func (h *harness) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *harness) wantError(what string, err, want error) {
	h.Helper()
	if !errors.Is(err, want) {
		h.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// dims is the length of the suite's vectors.
const dims = 12

var settings = index.Settings{Model: "model-1", Dims: dims, Split: index.SplitOptions{Size: 1000, Overlap: 100}}

// create makes a collection.
func (h *harness) create(name string) index.Collection {
	h.Helper()
	c, err := h.engine.Create(h.ctx, name, settings)
	h.must(err)
	return c
}

// restart reopens the engine and the collection of that name.
func (h *harness) restart(name string) index.Collection {
	h.Helper()
	h.engine = h.reopen()
	c, err := h.engine.Open(h.ctx, name)
	h.must(err)
	return c
}

// vector is a random vector of unit length.
func (h *harness) vector() []float32 { return randomVector(h.rng) }

func randomVector(rng *rand.Rand) []float32 {
	v := make([]float32, dims)
	var sum float64
	for i := range v {
		v[i] = float32(rng.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / math.Sqrt(sum))
	}
	return v
}

// record is a document with one random vector for each of its passages; no
// passages means the whole text.
func (h *harness) record(id, title, text string, metadata map[string]any, passages ...index.Span) index.Record {
	return makeRecord(h.rng, id, title, text, metadata, passages...)
}

func makeRecord(rng *rand.Rand, id, title, text string, metadata map[string]any, passages ...index.Span) index.Record {
	r := index.Record{Document: index.Document{ID: id, Title: title, Text: text, Metadata: metadata}}
	if len(passages) == 0 {
		passages = []index.Span{{Start: 0, End: utf8.RuneCountInString(text)}}
	}
	for _, s := range passages {
		r.Passages = append(r.Passages, index.Passage{Start: s.Start, End: s.End, Vector: randomVector(rng)})
	}
	for i := range r.Content {
		r.Content[i] = byte(rng.Uint32())
	}
	return r
}

func (h *harness) upsert(c index.Collection, records ...index.Record) {
	h.Helper()
	h.must(c.Upsert(h.ctx, records))
}

func (h *harness) wantCount(c index.Collection, f index.Filter, documents, passages int) {
	h.Helper()
	d, p, err := c.Count(h.ctx, f)
	h.must(err)
	if d != documents || p != passages {
		h.Errorf("count of %v: %d documents and %d passages, want %d and %d", f, d, p, documents, passages)
	}
}

// dense and keyword run a leg and check its form.
func (h *harness) dense(c index.Collection, v []float32, k int, f index.Filter) index.Leg {
	h.Helper()
	leg, err := c.Dense(h.ctx, v, k, f)
	h.must(err)
	h.checkLeg(leg, k)
	return leg
}

func (h *harness) keyword(c index.Collection, text string, k int, f index.Filter) index.Leg {
	h.Helper()
	leg, err := c.Keyword(h.ctx, index.Words{Text: text}, k, f)
	h.must(err)
	h.checkLeg(leg, k)
	for _, cand := range leg.Candidates {
		if cand.Score <= 0 {
			h.Errorf("keyword score of %v is %v", cand.Ref, cand.Score)
		}
	}
	return leg
}

func (h *harness) checkLeg(leg index.Leg, k int) {
	h.Helper()
	if len(leg.Candidates) > k {
		h.Errorf("%d candidates, asked for %d", len(leg.Candidates), k)
	}
	if len(leg.Candidates) < k && leg.More {
		h.Errorf("%d candidates of %d, yet there are said to be more", len(leg.Candidates), k)
	}
	sorted := slices.Clone(leg.Candidates)
	SortCandidates(sorted)
	if !slices.Equal(sorted, leg.Candidates) {
		h.Errorf("candidates are not ordered by score, then reference: %v", leg.Candidates)
	}
	seen := make(map[index.Ref]bool)
	for _, c := range leg.Candidates {
		if seen[c.Ref] {
			h.Errorf("%v twice in a leg", c.Ref)
		}
		seen[c.Ref] = true
		if math.IsNaN(c.Score) || math.IsInf(c.Score, 0) {
			h.Errorf("score of %v is %v", c.Ref, c.Score)
		}
	}
	if leg.Plan == "" {
		h.Error("a leg does not name its plan")
	}
}

// documents lists the distinct documents of a leg, ordered by id.
func documents(leg index.Leg) []string {
	ids := []string{}
	for _, c := range leg.Candidates {
		if !slices.Contains(ids, c.Ref.Document) {
			ids = append(ids, c.Ref.Document)
		}
	}
	slices.Sort(ids)
	return ids
}

func day(s string) time.Time {
	t, err := index.ParseTime(s)
	if err != nil {
		panic(err)
	}
	return t
}
