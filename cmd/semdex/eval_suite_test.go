package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/index/evaluate"
	"semdex/internal/cli"
	"semdex/internal/evalsuite"
	"semdex/nli"
	qaeval "semdex/qa/evaluate"
	"semdex/qa/squad"
)

// suiteData writes a small suite of every kind, with a classifier and a reader.
func suiteData(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	file := func(name, text string) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var sts, pairs, corpus, queries, qrels strings.Builder
	sts.WriteString("sentence1\tsentence2\tscore\n")
	qrels.WriteString("query-id\tcorpus-id\tscore\n")
	subjects := []string{"red car", "old tower", "cold sea", "빨간 자동차", "높은 탑", "small boat"}
	for i, s := range subjects {
		for j, u := range subjects {
			fmt.Fprintf(&sts, "%s\t%s and %s\t%d\n", s, u, subjects[(i+1)%6], (i*j+i)%6)
			fmt.Fprintf(&pairs, "word%d word%d\tword%d\t%s\n", 20+i, 30+j, 20+(i*j)%7, nli.LabelNames()[(i+2*j)%3])
		}
		fmt.Fprintf(&corpus, `{"_id": "%d", "title": "", "text": "There is a %s here."}`+"\n", i, s)
		fmt.Fprintf(&queries, `{"_id": "q%d", "text": "%s of %s"}`+"\n", i, s, subjects[(i+1)%6])
		fmt.Fprintf(&qrels, "q%d\t%d\t1\n", i, i*i%6)
	}
	file("sts.tsv", sts.String())
	file("pairs.tsv", "premise\thypothesis\tlabel\n"+pairs.String())
	file("beir/corpus.jsonl", corpus.String())
	file("beir/queries.jsonl", queries.String())
	file("beir/qrels/test.tsv", qrels.String())
	file("qa.json", `{"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": "word20 word30 word40 word50", "qas": [
 {"id": "1", "question": "word21", "answers": [{"text": "word30", "answer_start": 7}], "is_impossible": false},
 {"id": "2", "question": "word22 word23", "answers": [{"text": "word40 word50", "answer_start": 14}], "is_impossible": false},
 {"id": "3", "question": "word50", "answers": [], "is_impossible": true}]}]}]}`)
	file("suite.yaml", `sets:
  - {kind: sts, path: sts.tsv}
  - {kind: nli, path: pairs.tsv}
  - {kind: retrieval, path: beir}
  - {kind: qa, path: qa.json}
`)
	m := modeltest.New(model.BERT, modeltest.Options{Vocab: 140, Hidden: 16, Layers: 1, Heads: 2, Positions: 64, Spread: .5, Seed: 3})
	m.Config.Labels = nli.LabelNames()
	head := func(name string, shape ...int) *model.Tensor {
		n := 1
		for _, d := range shape {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(math.Sin(float64(7 * i)))
		}
		return model.NewF32(name, shape, values)
	}
	m.Heads = map[string]*model.Tensor{
		"classifier.weight": head("classifier.weight", 3, 16), "classifier.bias": head("classifier.bias", 3),
		"qa_outputs.weight": head("qa_outputs.weight", 2, 16), "qa_outputs.bias": head("qa_outputs.bias", 2),
	}
	m.Transformer.Pooler = &model.Linear{Weight: head("pooler.dense.weight", 16, 16), Bias: head("pooler.dense.bias", 16)}
	if err := m.Save(filepath.Join(dir, "judge"), model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The suite's figures are those of the verbs for single sets, and every figure is
// what its items say.
func TestSuiteAgreesWithVerbs(t *testing.T) {
	dir := suiteData(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	run := func(v any, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		if status := Run(t.Context(), args, strings.NewReader(""), &out, &errs, nil); status != cli.ExitOK {
			t.Fatalf("%v: status %d, %s", args, status, errs.String())
		}
		if err := json.Unmarshal(out.Bytes(), v); err != nil {
			t.Fatalf("%v: %v in %s", args, err, out.String())
		}
	}
	var table evalsuite.Table
	var sts []stsResult
	var pairs []crossResult
	var searches []evaluate.Report
	var answers []qaResult
	run(&table, "eval", "suite", at("suite.yaml"), "--classifier", at("judge"), "--reader", at("judge"), "-o", at("table.md"), "--json", "-")
	run(&sts, "eval", "sts", "--json", "--baseline", at("sts.tsv"))
	run(&pairs, "eval", "nli", "--json", "--model", at("judge"), at("pairs.tsv"))
	run(&searches, "eval", "retrieval", "--json", at("beir"))
	run(&answers, "eval", "qa", "--json", "--model", at("judge"), at("qa.json"))

	figures := make(map[string]float64)
	for _, set := range table.Sets {
		for _, row := range set.Rows {
			for _, f := range row.Figures {
				figures[strings.Join([]string{set.Set, row.By, row.System, f.Measure}, "/")] = f.Value
			}
		}
	}
	want := map[string]float64{
		"pairs/judge//accuracy":               pairs[0].Accuracy,
		"pairs/judge//macro-F1":               pairs[0].MacroF1,
		"pairs/most frequent class//accuracy": pairs[0].Baselines[0].Accuracy,
	}
	want["pairs/most frequent class//macro-F1"] = pairs[0].Baselines[0].MacroF1
	for _, s := range sts {
		want["sts/"+s.Measure+"//Spearman"], want["sts/"+s.Measure+"//Pearson"] = s.Spearman, s.Pearson
	}
	for _, r := range searches[0].Rows {
		key := "beir/" + table.Models[0].Name + "/" + r.System
		if r.System == "keyword" {
			key = "beir/BM25/"
		}
		want[key+"/nDCG@10"], want[key+"/MRR@10"], want[key+"/recall@10"], want[key+"/recall@100"] = r.NDCG10, r.MRR10, r.Recall10, r.Recall100
	}
	for _, r := range answers {
		by, system, _ := strings.Cut(r.By, ", best")
		if system != "" {
			system = "best" + system
		}
		key := "qa/" + by + "/" + system
		want[key+"/EM"], want[key+"/F1"], want[key+"/F1 answerable"], want[key+"/F1 impossible"] = r.Exact, r.F1, r.Answered.F1, r.None.F1
	}
	for key, value := range want {
		got, ok := figures[key]
		if !ok || math.Abs(got-value) > 1e-12 {
			t.Errorf("%s is %v (%v), the verb says %v", key, got, ok, value)
		}
		delete(figures, key)
	}
	if len(figures) > 0 {
		t.Errorf("figures that no verb gives: %v", figures)
	}
}

// The reader's figures are those of all questions at once.
func TestReadRow(t *testing.T) {
	set, err := squad.Read(strings.NewReader(`{"version": "1.1", "data": [{"title": "t", "paragraphs": [{"context": "x y z", "qas": [
 {"id": "1", "question": "x", "answers": [{"text": "x y", "answer_start": 0}]},
 {"id": "2", "question": "y", "answers": [{"text": "z", "answer_start": 4}]}]}]}]}`), "t", squad.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row, err := readRow("r", "", set, []qaeval.Prediction{{Text: "y"}, {Text: "z"}}, math.Inf(-1))
	if err != nil || !slices.Equal(row.Items["EM"], []float64{0, 1}) || row.Figures[0].Value != .5 {
		t.Errorf("%+v, %v", row, err)
	}
}

// An interrupted suite leaves no files.
func TestSuiteInterrupted(t *testing.T) {
	dir := suiteData(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	table := filepath.Join(dir, "table.json")
	args := []string{"eval", "suite", filepath.Join(dir, "suite.yaml"), "--json", table}
	if status := Run(ctx, args, strings.NewReader(""), &out, &errs, nil); status != cli.ExitFailed || out.Len() > 0 || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("status %d, output %q, errors %q", status, out.String(), errs.String())
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*table*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}
