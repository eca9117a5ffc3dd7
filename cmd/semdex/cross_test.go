package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// runJSON runs a command line and decodes what it prints.
func runJSON(t *testing.T, out any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, []string{"HOME=" + t.TempDir()}); code != 0 {
		t.Fatalf("semdex %s: exit %d\n%s", strings.Join(args, " "), code, &stderr)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("semdex %s: %v\n%s", strings.Join(args, " "), err, &stdout)
	}
}

// TestEvaluationIsThatOfTheTraining: eval nli on the saved folder prints the
// scores of the training, to the last digit.
func TestEvaluationIsThatOfTheTraining(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	words := strings.Fields("cat dog bird fish big small old new hot cold")
	rng := rand.New(rand.NewPCG(1, 1))
	labelled := func(n int) []byte {
		var b bytes.Buffer
		b.WriteString("premise\thypothesis\tlabel\n")
		for range n {
			w := rng.Perm(len(words))
			i := rng.IntN(3)
			fmt.Fprintf(&b, "%s %s %s\t%s\t%s\n", words[w[0]], words[w[1]], words[w[2]], words[w[i]], []string{"entailment", "neutral", "contradiction"}[i])
		}
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"vocab.txt": []byte("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n" + strings.Join(words, "\n") + "\n"),
		"train.tsv": labelled(120), "a.tsv": labelled(37), "b.tsv": labelled(23),
	} {
		if err := os.WriteFile(at(name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, arch := range []string{"bert", "distilbert"} {
		base, out := at(arch), at(arch+"-nli")
		runJSON(t, nil, "model", "create", "-q", "--arch", arch, "--layers", "1", "--hidden", "32", "--heads", "2", "--vocab", at("vocab.txt"), "-o", base)
		var trained struct {
			Best   *float64      `json:"best"`
			Scores []crossResult `json:"scores"`
		}
		runJSON(t, &trained, "train", "cross", "-q", "--json", "--task", "nli", "--model", base, "--train", at("train.tsv"),
			"--dev", at("a.tsv")+","+at("b.tsv"), "--steps", "12", "--eval-every", "3", "--lr", "2e-3", "--max-tokens", "16", "-o", out)
		var evaluated []crossResult
		runJSON(t, &evaluated, "eval", "nli", "--json", "--model", out, at("a.tsv"), at("b.tsv"))
		var mean float64
		for i, e := range evaluated {
			s := trained.Scores[i]
			if e.Set != s.Set || e.Accuracy != s.Accuracy || e.MacroF1 != s.MacroF1 || e.Loss != s.Loss || !slices.EqualFunc(e.Confusion.Counts, s.Confusion.Counts, slices.Equal) {
				t.Errorf("%s: evaluated %+v, in training %+v", arch, e.Score, s.Score)
			}
			mean += e.Accuracy / 2
		}
		if trained.Best == nil || *trained.Best != mean {
			t.Errorf("%s: the best score in training was %v, evaluated %v", arch, trained.Best, mean)
		}
	}
}
