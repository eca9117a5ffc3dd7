package tokenize

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// benchmarkTokenizers are the fixtures' tokenizers, and real ones where the
// data folder is there.
func benchmarkTokenizers(b *testing.B) map[string]*Tokenizer {
	open := func(path string, c Config) *Tokenizer {
		t, err := New(readVocabFile(b, path), c)
		if err != nil {
			b.Fatal(err)
		}
		return t
	}
	toks := map[string]*Tokenizer{
		"small-uncased": open(goldenPath("en.txt"), DefaultConfig(true)),
		"small-cased":   open(goldenPath("ko.txt"), DefaultConfig(false)),
	}
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	if _, err := os.Stat(dir); err == nil {
		toks["bert-uncased"] = open(filepath.Join(dir, "vocab", "bert-base-uncased-vocab.txt"), DefaultConfig(true))
		toks["mbert-cased"] = open(filepath.Join(dir, "vocab", "bert-base-multilingual-cased-vocab.txt"), DefaultConfig(false))
		toks["koelectra"] = open(filepath.Join(dir, "vocab", "koelectra-vocab.txt"), DefaultConfig(false))
	}
	return toks
}

func benchmarkTexts(b *testing.B, run func(b *testing.B, t *Tokenizer, paragraphs []string)) {
	for name, t := range benchmarkTokenizers(b) {
		for _, language := range []string{"en", "ko"} {
			b.Run(fmt.Sprintf("%s/%s", name, language), func(b *testing.B) {
				data, err := os.ReadFile(goldenPath("sample-" + language + ".txt"))
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(data)))
				b.ReportAllocs()
				run(b, t, strings.Split(string(data), "\n\n"))
			})
		}
	}
}

func BenchmarkAppendIDs(b *testing.B) {
	benchmarkTexts(b, func(b *testing.B, t *Tokenizer, paragraphs []string) {
		var ids []int32
		for b.Loop() {
			for _, p := range paragraphs {
				ids = t.AppendIDs(ids[:0], p)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	benchmarkTexts(b, func(b *testing.B, t *Tokenizer, paragraphs []string) {
		for b.Loop() {
			for _, p := range paragraphs {
				t.Encode(p, Options{})
			}
		}
	})
}

func BenchmarkReadVocab(b *testing.B) {
	dir := dataFolder(b)
	for _, name := range []string{"bert-base-uncased-vocab.txt", "bert-base-multilingual-cased-vocab.txt"} {
		b.Run(name, func(b *testing.B) {
			data, err := os.ReadFile(filepath.Join(dir, "vocab", name))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				v, err := ReadVocab(bytes.NewReader(data))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(v.trie.units)*12)/1e6, "trie-MB")
			}
		})
	}
}

func BenchmarkCharacterTables(b *testing.B) {
	for b.Loop() {
		newClassTable()
	}
}
