// Package demo holds a small bilingual corpus for trying semdex out: the
// opening paragraphs of about 170 Korean and English Wikipedia articles. The
// texts are under CC BY-SA 4.0 (NOTICE beside this file); each document's url
// names its source.
package demo

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed corpus.jsonl
var corpus string

// Article is one document of the corpus. Metadata holds lang ("ko" or "en"),
// topic and url.
type Article struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	Text     string         `json:"text"`
	Metadata map[string]any `json:"metadata"`
}

// Articles returns the corpus in a fixed order.
func Articles() ([]Article, error) {
	var all []Article
	for line := range strings.Lines(corpus) {
		var a Article
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			return nil, fmt.Errorf("demo corpus: document %d: %w", len(all)+1, err)
		}
		all = append(all, a)
	}
	return all, nil
}
