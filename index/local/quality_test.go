package local_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"semdex/index"
	"semdex/index/evaluate"
	"semdex/index/local"
)

// envAllSets makes TestKeywordQuality measure every set with every question,
// also the train sets on which the parameters were chosen.
const envAllSets = "SEMDEX_TEST_ALL_SETS"

// TestKeywordQuality holds the keyword leg to the published level of BM25:
// SciFact nDCG@10 .665-.679 (BEIR), KorQuAD paragraphs MRR@10 about .93.
func TestKeywordQuality(t *testing.T) {
	data := os.Getenv("SEMDEX_CORPORA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(data); err != nil {
		t.Skip("no data folder; set SEMDEX_CORPORA to measure on the public sets")
	}
	all := os.Getenv(envAllSets) != ""
	for _, test := range []struct {
		path, split string
		every       int // of how many questions one is asked
		ndcg, mrr   float64
		train       bool
	}{
		{path: "retrieval/en/scifact", split: "test", every: 1, ndcg: .685, mrr: .65},
		{path: "qa/ko/korquad/KorQuAD_v1.0_dev.json.gz", every: 5, ndcg: .95, mrr: .94},
		{path: "retrieval/en/scifact", split: "train", every: 1, train: true},
		{path: "retrieval/en/cranfield", every: 1, train: true},
		{path: "retrieval/ko/autorag", every: 1, train: true},
		{path: "retrieval/ko/wiki-pages", every: 1, train: true},
	} {
		if test.train && !all {
			continue
		}
		sets, err := evaluate.Load(filepath.Join(data, filepath.FromSlash(test.path)), test.split)
		if err != nil {
			t.Fatal(err)
		}
		for _, set := range sets {
			if !all {
				set.Queries = slices.DeleteFunc(set.Queries, everyNth(test.every))
			}
			row := measureKeyword(t, set)
			t.Logf("%-12s %-5s %4d questions  nDCG@10 %.4f  MRR@10 %.4f  recall@10 %.4f  recall@100 %.4f",
				set.Name, test.split, len(set.Queries), row.NDCG10, row.MRR10, row.Recall10, row.Recall100)
			if row.NDCG10 < test.ndcg || row.MRR10 < test.mrr {
				t.Errorf("%s: nDCG@10 %.4f, MRR@10 %.4f, want %.3f and %.3f", set.Name, row.NDCG10, row.MRR10, test.ndcg, test.mrr)
			}
		}
	}
}

// everyNth drops all but one of n queries.
func everyNth(n int) func(evaluate.Query) bool {
	i := -1
	return func(evaluate.Query) bool {
		i++
		return i%n != 0
	}
}

func measureKeyword(t *testing.T, set *evaluate.Set) evaluate.Row {
	t.Helper()
	ctx := t.Context()
	e := open(t, t.TempDir(), local.Options{})
	c, err := e.Create(ctx, "c", index.Settings{Model: "none", Dims: 1})
	if err != nil {
		t.Fatal(err)
	}
	for docs := range slices.Chunk(set.Documents, 500) {
		var records []index.Record
		for _, d := range docs {
			d.Metadata = nil
			r := index.Record{Document: d}
			for _, p := range index.SplitText(d.Text, index.SplitOptions{Size: 2000}) {
				r.Passages = append(r.Passages, index.Passage{Start: p.Start, End: p.End, Vector: []float32{1}})
			}
			if r.Passages == nil {
				r.Passages = []index.Passage{{End: utf8.RuneCountInString(d.Text), Vector: []float32{1}}}
			}
			records = append(records, r)
		}
		if err := c.Upsert(ctx, records); err != nil {
			t.Fatal(err)
		}
	}
	report, err := evaluate.Run(ctx, set, []evaluate.System{{Name: "keyword", Search: func(ctx context.Context, query string, k int) ([]string, error) {
		leg, err := c.Keyword(ctx, index.Words{Text: query}, 3*k, nil)
		var ids []string
		for _, cand := range leg.Candidates {
			if !slices.Contains(ids, cand.Ref.Document) && len(ids) < k {
				ids = append(ids, cand.Ref.Document)
			}
		}
		return ids, err
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return report.Rows[0]
}
