package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"semdex/index"
)

// TestServeReranker: a served cross-encoder answers /rerank and /predict, orders
// the hits of a search, and does so for the command line, too.
func TestServeReranker(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{
		"vocab.txt":    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\ntower\nhigh\nplain\nanswer\n",
		"judged.jsonl": "{\"query\": \"tower\", \"passage\": \"plain tower\", \"label\": 0}\n{\"query\": \"tower\", \"passage\": \"answer tower\", \"label\": 1}\n",
		"docs.jsonl":   "{\"id\": \"p\", \"text\": \"plain tower\"}\n{\"id\": \"a\", \"text\": \"answer high tower\"}\n",
	} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	runJSON(t, nil, "model", "create", "-q", "--arch", "bert", "--layers", "1", "--hidden", "32", "--heads", "2", "--vocab", at("vocab.txt"), "-o", at("empty"))
	runJSON(t, nil, "train", "cross", "-q", "--task", "relevance", "--model", at("empty"), "--train", at("judged.jsonl"),
		"--steps", "40", "--lr", "5e-3", "--warmup", "0", "--max-tokens", "16", "-o", at("ranker"))
	runJSON(t, nil, "index", "-q", "--data", at("data"), at("docs.jsonl"))
	s := serve(t, nil, "--data", at("data"), "--reranker", at("ranker"))

	ranks := s.post(t, "/v1/rerank", `{"query": "tower", "documents": ["plain tower", "answer tower"]}`)
	best := ranks["results"].([]any)[0].(map[string]any)
	if best["index"] != 1. || ranks["model"] != "ranker" {
		t.Errorf("/v1/rerank: %v", ranks)
	}
	found := s.post(t, "/search", `{"query": "tower", "collection": "default", "mode": "keyword", "rerank": true}`)
	first := found["hits"].([]any)[0].(map[string]any)
	stats := found["stats"].(map[string]any)["rerank"].(map[string]any)
	if first["document_id"] != "a" || first["rerank_score"].(float64) < .5 || stats["pairs"] != 2. {
		t.Errorf("/search: %v", found)
	}
	var result struct {
		Hits  []index.Hit `json:"hits"`
		Stats struct {
			Rerank *index.RerankStats `json:"rerank"`
		} `json:"stats"`
	}
	runJSON(t, &result, "search", "--server", s.url, "--mode", "keyword", "--rerank", "--json", "tower")
	if len(result.Hits) != 2 || result.Hits[0].DocumentID != "a" || result.Hits[0].RerankScore == nil || !strings.HasSuffix(result.Stats.Rerank.Model, "ranker") {
		t.Errorf("the command line: %+v", result)
	}
	s.stop()
	if status := <-s.status; status != 0 {
		t.Errorf("exit status %d: %s", status, s.log)
	}
}
