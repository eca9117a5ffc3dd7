package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/internal/answercache"
	"semdex/internal/cli"
	"semdex/qa/squad"
)

// asking is a set of questions and whether an answer to one is right for another.
type asking struct {
	name  string
	texts []string
	same  func(i, j int) bool
}

// squadQuestions are questions of few articles, so that many are near to each
// other and ask for something else.
func squadQuestions(t *testing.T, path string, n int) asking {
	t.Helper()
	set, err := squad.ReadFile(path, squad.Options{Misplaced: squad.Keep})
	if err != nil {
		t.Skipf("no corpora: %v; set SEMDEX_CORPORA", err)
	}
	a := asking{name: set.Name, same: func(i, j int) bool {
		for _, g := range set.Questions[j].Golds() {
			if set.Style.F1(g, set.Questions[i].Golds()) > 0.5 {
				return true
			}
		}
		return false
	}}
	for _, q := range set.Questions[:n] {
		a.texts = append(a.texts, q.Text)
	}
	return a
}

// paraphrases are groups of ten questions and requests that say the same.
func paraphrases(t *testing.T, path string, n int) asking {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Skipf("no corpora: %v; set SEMDEX_CORPORA", err)
	}
	defer func() { _ = file.Close() }()
	a := asking{name: "paraKQC", same: func(i, j int) bool { return i/10 == j/10 }}
	for lines := bufio.NewScanner(file); len(a.texts) < n && lines.Scan(); {
		fields := strings.Split(lines.Text(), "\t")
		a.texts = append(a.texts, strings.TrimSpace(fields[len(fields)-1]))
	}
	return a
}

// TestReuse asks public questions one after the other, each with the ones before
// it in the cache, and counts how many are given the answer of another, and a
// wrong one. The figures stand in docs/operations.md.
func TestReuse(t *testing.T) {
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	m, err := builtin.Open()
	if err != nil {
		t.Fatal(err)
	}
	encoder, err := embed.FromModel(m, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = encoder.Close() }()
	const n = 3000
	for _, a := range []asking{
		squadQuestions(t, filepath.Join(dir, "qa/en/squad/dev-v1.1.from-html.json"), n),
		squadQuestions(t, filepath.Join(dir, "qa/ko/korquad/KorQuAD_v1.0_dev.json"), n),
		paraphrases(t, filepath.Join(dir, "pairs/ko/parakqc/paraKQC_v1.txt"), n),
	} {
		r, err := encoder.Encode(t.Context(), a.texts, embed.EncodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []answercache.Options{
			{Similarity: 0.8}, {Similarity: 0.8, OtherWords: true}, {Similarity: 0.9, OtherWords: true},
		} {
			o.Entries, o.Bytes = n, 1<<30
			cache, err := answercache.New(o)
			if err != nil {
				t.Fatal(err)
			}
			number := make(map[string]int)
			reused, wrong := 0, 0
			for i, text := range a.texts {
				if _, again := number[answercache.Normal(text)]; again {
					continue
				}
				q := answercache.Question{Text: text, Vector: r.Vectors[i]}
				if near, ok := cache.Near(q); ok {
					reused++
					if !a.same(i, number[answercache.Normal(near.Text)]) {
						wrong++
						t.Logf("%.2f %q got the answer to %q", near.Similarity, text, near.Text)
					}
				}
				number[answercache.Normal(text)] = i
				cache.Put(q, []byte("{}"), true, time.Time{})
			}
			t.Logf("%s, %d questions, cosine %.2f, other words %v: %d reused, %d of them wrong", a.name, len(a.texts), o.Similarity, o.OtherWords, reused, wrong)
			if !o.OtherWords && wrong > 0 {
				t.Errorf("%s: %d wrong answers with the same words", a.name, wrong)
			}
		}
	}
}

// TestServeAnswerCache: a server with a small reader answers from its cache, and
// reads again after a write or when told to.
func TestServeAnswerCache(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	words := "[PAD] [UNK] [CLS] [SEP] [MASK] the red car stands in ulm where is what colour tower tall and old . ?"
	squadFile := `{"version": "1.1", "data": [{"title": "car", "paragraphs": [{"context": "The red car stands in Ulm.", "qas": [
		{"id": "1", "question": "Where is the car?", "answers": [{"text": "Ulm", "answer_start": 22}]}]}]}]}`
	for name, text := range map[string]string{"vocab.txt": strings.ReplaceAll(words, " ", "\n") + "\n", "qa.json": squadFile} {
		if err := os.WriteFile(at(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(stdin string, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		if status := Run(t.Context(), args, strings.NewReader(stdin), &out, &errs, nil); status != cli.ExitOK {
			t.Fatalf("%v: %d\n%s%s", args, status, out.String(), errs.String())
		}
		return out.String(), errs.String()
	}
	run("", "model", "create", "-q", "--arch", "distilbert", "--layers", "1", "--hidden", "32", "--heads", "2", "--vocab", at("vocab.txt"), "-o", at("empty"))
	run("", "train", "qa", "-q", "--model", at("empty"), "--train", at("qa.json"), "--dev", at("qa.json"), "--out", at("reader"),
		"--window", "32", "--stride", "8", "--max-question", "12", "--epochs", "0", "--steps", "2")
	s := serve(t, nil, "--data", at("data"), "--reader", at("reader"), "--answer-cache", "10")
	run(`{"id": "garage", "text": "The red car stands in Ulm."}`, "index", "-q", "--server", s.url, "-")

	ask := func(args ...string) (string, string) {
		t.Helper()
		return run("", append([]string{"ask", "--server", s.url, "--min-score", "0"}, args...)...)
	}
	first, note := ask("Where is the car?")
	if !strings.Contains(note, "1 passage read") || first == "" {
		t.Errorf("first: %s%s", first, note)
	}
	again, note := ask("where is  the car")
	if !strings.Contains(note, `answered on `) || !strings.Contains(note, `"Where is the car?" (1.00 similar)`) || again != first {
		t.Errorf("again: %s%s", again, note)
	}
	if _, note := ask("--no-cache", "Where is the car?"); !strings.Contains(note, "1 passage read") {
		t.Errorf("without the cache: %s", note)
	}
	run(`{"id": "tower", "text": "The tower is tall."}`, "index", "-q", "--server", s.url, "-")
	if _, note := ask("Where is the car?"); !strings.Contains(note, "2 passages read") {
		t.Errorf("after a write: %s", note)
	}
	if _, note := ask("Where is the red car?"); !strings.Contains(note, "asked before: Where is the car?") {
		t.Errorf("similar: %s", note)
	}
}
