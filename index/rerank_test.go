package index_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"semdex/index"
	"semdex/index/indextest"
	"semdex/internal/metric"
)

// fakeReranker scores passages by a function and keeps what it was asked.
type fakeReranker struct {
	score    func(query, passage string) float64
	fail     error
	lose     bool
	passages []string
}

func (f *fakeReranker) Name() string { return "fake" }

func (f *fakeReranker) Rerank(_ context.Context, query string, passages []string) (index.Reranking, error) {
	f.passages = passages
	if f.fail != nil {
		return index.Reranking{}, f.fail
	}
	r := index.Reranking{Tokens: 3 * len(passages)}
	for _, p := range passages {
		r.Scores = append(r.Scores, f.score(query, p))
	}
	if f.lose {
		r.Scores = r.Scores[1:]
	}
	return r, nil
}

func rerankService(t *testing.T, by index.Reranker) *index.Service {
	t.Helper()
	s := index.NewService(indextest.NewMemory(), &fakeEncoder{name: "m"}, index.ServiceOptions{Reranker: by})
	docs := func(yield func(index.Document, error) bool) {
		for _, d := range []index.Document{
			{ID: "a", Title: "Tower", Text: "palace palace palace gate"},
			{ID: "b", Text: "palace gate of the king"},
			{ID: "c", Text: "the king lives in the palace"},
			{ID: "d", Text: "a river"},
		} {
			if !yield(d, nil) {
				return
			}
		}
	}
	if _, err := s.PutStream(t.Context(), "c", docs, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRerank: the same hits in another order, with both scores; the reciprocal
// rank of what the reranker finds right rises.
func TestRerank(t *testing.T) {
	by := &fakeReranker{score: func(_, passage string) float64 { return float64(strings.Count(passage, "king")) }}
	s := rerankService(t, by)
	q := index.Query{Text: "palace", Mode: index.KeywordOnly, TopK: 3}
	plain, err := s.Search(t.Context(), "c", q)
	if err != nil {
		t.Fatal(err)
	}
	q.Rerank = true
	got, err := s.Search(t.Context(), "c", q)
	if err != nil {
		t.Fatal(err)
	}
	before, after := ids(plain), ids(got)
	if before[0] != "a#0" || after[2] != "a#0" {
		t.Errorf("order %v, then %v", before, after)
	}
	for i, h := range got.Hits {
		at := slices.Index(before, h.ID)
		if at < 0 || plain.Hits[at].Score != h.Score || h.RerankScore == nil || i > 0 && *h.RerankScore > *got.Hits[i-1].RerankScore {
			t.Errorf("hit %d: %+v", i, h)
		}
	}
	relevant := metric.Judgements{"b#0": 1}
	if x, y := metric.ReciprocalRank(before, relevant, 10), metric.ReciprocalRank(after, relevant, 10); y < x {
		t.Errorf("reciprocal rank %v, then %v", x, y)
	}
	if !slices.Contains(by.passages, "Tower\npalace palace palace gate") {
		t.Errorf("passages without their titles: %q", by.passages)
	}
	if r := got.Stats.Rerank; r == nil || r.Model != "fake" || r.Pairs != 3 || r.Tokens != 9 || plain.Stats.Rerank != nil {
		t.Errorf("stats %+v", got.Stats.Rerank)
	}
	raw, err := json.Marshal(got)
	if err != nil || !strings.Contains(string(raw), `"rerank_score":1`) || !strings.Contains(string(raw), `"rerank":{"model":"fake","pairs":3`) {
		t.Errorf("%s, %v", raw, err)
	}
	q.Text = "nowhere"
	if r, err := s.Search(t.Context(), "c", q); err != nil || len(r.Hits) != 0 || r.Stats.Rerank.Pairs != 0 {
		t.Errorf("no hits: %+v, %v", r, err)
	}
}

func TestRerankFails(t *testing.T) {
	q := index.Query{Text: "palace", Mode: index.KeywordOnly, Rerank: true}
	if _, err := rerankService(t, nil).Search(t.Context(), "c", q); !errors.Is(err, index.ErrNoReranker) {
		t.Errorf("no reranker: %v", err)
	}
	if _, err := index.Search(t.Context(), collection(t), q); !errors.Is(err, index.ErrNoReranker) {
		t.Errorf("a bare collection: %v", err)
	}
	boom := errors.New("boom")
	for name, by := range map[string]*fakeReranker{
		"error": {fail: boom},
		"lost":  {score: func(string, string) float64 { return 1 }, lose: true},
		"NaN":   {score: func(string, string) float64 { return math.NaN() }},
	} {
		_, err := rerankService(t, by).Search(t.Context(), "c", q)
		if !errors.Is(err, index.ErrReranker) || name == "error" && !errors.Is(err, boom) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	by := &fakeReranker{fail: boom}
	s := rerankService(t, by)
	by.score = nil
	cancel()
	if _, err := s.Search(ctx, "c", q); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
