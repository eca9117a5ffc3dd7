package evaluate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"semdex/index"
	"semdex/internal/metric"
)

func near(a, b float64) bool { return math.Abs(a-b) < 1e-12 }

// handSet has two copies of one text: b and b2.
func handSet() *Set {
	return &Set{
		Name: "hand",
		Documents: []index.Document{
			{ID: "a", Text: "alpha"},
			{ID: "b", Text: "beta  beta"},
			{ID: "b2", Text: "beta\nbeta"},
			{ID: "c", Text: "gamma"},
			{ID: "t1", Title: "only title"},
			{ID: "t2", Title: "only title"},
		},
		Queries: []Query{{"q1", "one"}, {"q2", "two"}, {"q3", "three"}},
		Judgements: map[string]metric.Judgements{
			"q1": {"a": 2, "b": 1},
			"q2": {"b2": 1},
			"q3": {"c": 1, "a": 0},
		},
	}
}

func TestRunByHand(t *testing.T) {
	answers := map[string][]string{
		"one":   {"b2", "x", "a", "b"}, // a copy of b at 1, a at 3, b itself counts no more
		"two":   {"c", "b"},            // the copy of b2 at 2
		"three": {"a"},                 // nothing
	}
	system := System{Name: "fixed", Search: func(_ context.Context, q string, k int) ([]string, error) {
		if k != Depth {
			t.Errorf("asked for %d", k)
		}
		return answers[q], nil
	}}
	last := 0
	r, err := Run(t.Context(), handSet(), []System{system}, func(done, total int) {
		if done != last+1 || total != 3 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	})
	if err != nil {
		t.Fatal(err)
	}
	// q1: (1 + 2/log2(4)) / (2 + 1/log2(3)); q2: 1/log2(3); q3: 0.
	want := Row{
		System:    "fixed",
		NDCG10:    ((1+2/2.)/(2+1/math.Log2(3)) + 1/math.Log2(3) + 0) / 3,
		MRR10:     (1 + .5 + 0) / 3,
		Recall10:  (1 + 1 + 0) / 3.,
		Recall100: (1 + 1 + 0) / 3.,
	}
	got := r.Rows[0]
	if !near(got.NDCG10, want.NDCG10) || !near(got.MRR10, want.MRR10) || !near(got.Recall10, want.Recall10) || !near(got.Recall100, want.Recall100) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if r.Set != "hand" || r.Documents != 6 || r.Queries != 3 || got.System != "fixed" || last != 3 {
		t.Errorf("report %+v after %d calls", r, last)
	}
}

func TestRunDepths(t *testing.T) {
	set := &Set{Name: "deep", Documents: []index.Document{{ID: "hit", Text: "x"}}, Queries: []Query{{"q", "q"}}, Judgements: map[string]metric.Judgements{"q": {"hit": 1}}}
	for _, c := range []struct {
		rank                 int
		mrr, recall, recall2 float64
	}{{1, 1, 1, 1}, {10, .1, 1, 1}, {11, 0, 0, 1}, {100, 0, 0, 1}, {101, 0, 0, 0}} {
		ids := make([]string, c.rank)
		for i := range ids {
			ids[i] = "miss"
		}
		ids[c.rank-1] = "hit"
		r, err := Run(t.Context(), set, []System{{"s", func(context.Context, string, int) ([]string, error) { return ids, nil }}}, nil)
		if err != nil || !near(r.Rows[0].MRR10, c.mrr) || r.Rows[0].Recall10 != c.recall || r.Rows[0].Recall100 != c.recall2 {
			t.Errorf("hit at %d: %+v, %v", c.rank, r.Rows, err)
		}
	}
}

func TestRunReportsErrors(t *testing.T) {
	broken := errors.New("broken")
	_, err := Run(t.Context(), handSet(), []System{{"s", func(context.Context, string, int) ([]string, error) { return nil, broken }}}, nil)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "set hand, s, query") {
		t.Errorf("failing search: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, handSet(), []System{{"s", func(context.Context, string, int) ([]string, error) { return nil, nil }}}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Run(t.Context(), &Set{Name: "none"}, nil, nil); err == nil {
		t.Error("a set without queries is no error")
	}
}

type fakeSearcher struct {
	result index.Result
	asked  []index.Query
}

func (f *fakeSearcher) Search(_ context.Context, _ string, q index.Query) (index.Result, error) {
	f.asked = append(f.asked, q)
	return f.result, nil
}

func TestSystems(t *testing.T) {
	f := &fakeSearcher{result: index.Result{Hits: []index.Hit{{DocumentID: "a"}, {DocumentID: "b"}}}}
	systems := Systems(f, "c", index.Fusion{Method: index.RRF}, index.KeywordOnly, index.Hybrid)
	ids, err := systems[1].Search(t.Context(), "text", 7)
	if err != nil || strings.Join(ids, " ") != "a b" || systems[0].Name != "keyword" || systems[1].Name != "hybrid" {
		t.Errorf("%v, %v, %v", systems, ids, err)
	}
	if q := f.asked[0]; q.Text != "text" || q.TopK != 7 || q.Mode != index.Hybrid || q.Fusion.Method != index.RRF {
		t.Errorf("asked %+v", q)
	}
	f.result.Stats.Degraded = "no model"
	if _, err := systems[1].Search(t.Context(), "text", 7); err == nil || !strings.Contains(err.Error(), "no model") {
		t.Errorf("a hybrid search without vectors is measured: %v", err)
	}
}

func TestTables(t *testing.T) {
	reports := []Report{
		{Set: "one", Documents: 10, Queries: 2, Rows: []Row{{"keyword", .5, .25, 1, 1}, {"hybrid", .75, .2, 1, 1}}},
		{Set: "two", Documents: 3, Queries: 1, Rows: []Row{{"dense", 1. / 3, 0, 0, 0}}},
	}
	var b bytes.Buffer
	if err := WriteMarkdown(&b, reports); err != nil {
		t.Fatal(err)
	}
	want := `| set | documents | queries | system | nDCG@10 | MRR@10 | recall@10 | recall@100 |
|---|--:|--:|---|--:|--:|--:|--:|
| one | 10 | 2 | keyword | 0.5000 | **0.2500** | **1.0000** | **1.0000** |
| | | | hybrid | **0.7500** | 0.2000 | **1.0000** | **1.0000** |
| two | 3 | 1 | dense | 0.3333 | 0.0000 | 0.0000 | 0.0000 |
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	data, err := json.Marshal(reports[1])
	if want := `{"set":"two","documents":3,"queries":1,"rows":[{"system":"dense","ndcg@10":0.3333333333333333,"mrr@10":0,"recall@10":0,"recall@100":0}]}`; err != nil || string(data) != want {
		t.Errorf("%s, %v", data, err)
	}
}
