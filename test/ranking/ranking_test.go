// Package ranking holds search quality to golden lists: fixed questions over
// the demo corpus, through the built-in model and the real engine.
package ranking

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/index"
	"semdex/index/local"
	"semdex/internal/demo"
	"semdex/internal/metric"
)

var update = flag.Bool("update", false, "rewrite the golden lists")

const (
	goldenFile = "testdata/ranking.golden"
	shown      = 5 // hits of a golden list
)

// floors are the least mean reciprocal ranks that a change may leave behind.
var floors = map[index.Mode]float64{index.KeywordOnly: 0.55, index.DenseOnly: 0.55, index.Hybrid: 0.65}

// TestRanking compares the ranked lists with the golden file, so that a change
// of ranking is a readable diff. After a wanted change: go test -update.
func TestRanking(t *testing.T) {
	service := newService(t)
	questions := readQuestions(t)
	var golden strings.Builder
	means := map[index.Mode]float64{}
	for _, mode := range []index.Mode{index.KeywordOnly, index.DenseOnly, index.Hybrid} {
		fmt.Fprintf(&golden, "# %s\n", mode)
		var mrr, recall float64
		for _, q := range questions {
			ranked := ask(t, service, mode, q.text)
			mrr += metric.ReciprocalRank(ranked, q.wanted, 10)
			recall += metric.Recall(ranked, q.wanted, 10)
			fmt.Fprintf(&golden, "%s\n", q.text)
			for i, id := range ranked[:min(shown, len(ranked))] {
				mark := " "
				if q.wanted[id] > 0 {
					mark = "*"
				}
				fmt.Fprintf(&golden, "  %d%s %s\n", i+1, mark, id)
			}
		}
		n := float64(len(questions))
		means[mode] = mrr / n
		fmt.Fprintf(&golden, "= %s: MRR@10 %.3f, recall@10 %.3f over %d questions\n\n", mode, mrr/n, recall/n, len(questions))
	}
	for mode, floor := range floors {
		if means[mode] < floor {
			t.Errorf("%s: MRR@10 %.3f is below %.2f", mode, means[mode], floor)
		}
	}
	if means[index.Hybrid] < max(means[index.KeywordOnly], means[index.DenseOnly])-0.01 {
		t.Errorf("hybrid %.3f is worse than its legs, %.3f and %.3f", means[index.Hybrid], means[index.KeywordOnly], means[index.DenseOnly])
	}
	compare(t, golden.String())
}

func compare(t *testing.T, got string) {
	if *update {
		if err := os.WriteFile(goldenFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	question, differences := "", 0
	for i := range max(len(g), len(w)) {
		a, b := at(g, i), at(w, i)
		if !strings.HasPrefix(b, " ") {
			question = b
		}
		if a != b && differences < 20 {
			differences++
			t.Errorf("line %d, %q: got %q, want %q", i+1, question, a, b)
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

type question struct {
	text   string
	wanted metric.Judgements
}

func readQuestions(t *testing.T) []question {
	data, err := os.ReadFile("testdata/queries.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []question
	for line := range strings.Lines(string(data)) {
		text, ids, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			t.Fatalf("no tab in %q", line)
		}
		q := question{text, metric.Judgements{}}
		for _, id := range strings.Split(ids, ",") {
			q.wanted[id] = 1
		}
		all = append(all, q)
	}
	return all
}

func ask(t *testing.T, s *index.Service, mode index.Mode, text string) []string {
	r, err := s.Search(t.Context(), "demo", index.Query{Text: text, Mode: mode})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	ids := make([]string, len(r.Hits))
	for i, h := range r.Hits {
		ids[i] = h.DocumentID
	}
	return ids
}

func newService(t *testing.T) *index.Service {
	m, err := builtin.Open()
	if err != nil {
		t.Fatal(err)
	}
	model, err := embed.FromModel(m, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { model.Close() })
	engine, err := local.Open(t.TempDir(), local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	service := index.NewService(engine, encoder{model}, index.ServiceOptions{})
	t.Cleanup(func() {
		if err := service.Close(); err != nil {
			t.Error(err)
		}
	})
	articles, err := demo.Articles()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	var docs []index.Document
	for _, a := range articles {
		known[a.ID] = true
		docs = append(docs, index.Document{ID: a.ID, Title: a.Title, Text: a.Text, Metadata: a.Metadata})
	}
	for _, q := range readQuestions(t) {
		for id := range q.wanted {
			if !known[id] {
				t.Fatalf("%q wants %s, which the corpus does not have", q.text, id)
			}
		}
	}
	for chunk := range slices.Chunk(docs, 50) {
		if _, err := service.Put(t.Context(), "demo", chunk); err != nil {
			t.Fatal(err)
		}
	}
	return service
}

// encoder adapts the model to what the index asks for.
type encoder struct{ *embed.Model }

func (e encoder) EncodePassages(ctx context.Context, texts []string) ([][]float32, error) {
	r, err := e.Encode(ctx, texts, embed.EncodeOptions{})
	return r.Vectors, err
}

func (e encoder) EncodeQueries(ctx context.Context, texts []string) ([][]float32, error) {
	return e.EncodePassages(ctx, texts)
}
