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

	"semdex/index"
	"semdex/nli/adapt"
)

// semdex runs a command line in this process and gives its output.
func (s *adaptScript) semdex(args ...string) (stdout string, status int) {
	s.t.Helper()
	var out, log bytes.Buffer
	status = Run(s.t.Context(), args, strings.NewReader(""), &out, &log, []string{"HOME=" + s.dir, "XDG_CONFIG_HOME=" + s.dir})
	s.log = log.String()
	return out.String(), status
}

type adaptScript struct {
	t   *testing.T
	dir string
	log string // of the last call
}

func (s *adaptScript) must(args ...string) string {
	s.t.Helper()
	out, status := s.semdex(args...)
	if status != 0 {
		s.t.Fatalf("semdex %s: status %d\n%s", strings.Join(args, " "), status, s.log)
	}
	return out
}

func (s *adaptScript) path(name string) string { return filepath.Join(s.dir, name) }

// topicTexts are documents of which the sentences share a subject and no word, a
// vocabulary of their words and an untrained table over it.
func topicTexts(t *testing.T) *adaptScript {
	s := &adaptScript{t: t, dir: t.TempDir()}
	const topics, words = 24, 12
	rng := rand.New(rand.NewPCG(4, 4))
	var docs, vocab strings.Builder
	vocab.WriteString("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n.\n")
	for i := range topics * words {
		fmt.Fprintf(&vocab, "t%dword%d\n", i/words, i%words)
	}
	for i := range 240 {
		text := ""
		for part := range 3 {
			for range 4 {
				text += fmt.Sprintf("t%dword%d ", i%topics, 4*part+rng.IntN(4))
			}
			text = strings.TrimSpace(text) + ".\n"
		}
		line, _ := json.Marshal(map[string]string{"id": fmt.Sprintf("d%03d", i), "text": text})
		fmt.Fprintf(&docs, "%s\n", line)
	}
	for name, text := range map[string]string{"docs.jsonl": docs.String(), "vocab.txt": vocab.String(), "pairs.tsv": "t0word0\tt1word1\nt2word2\tt3word3\n", "synonyms.txt": "car, auto\n"} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.must("train", "static", "-q", "--pairs", s.path("pairs.tsv"), "--vocab", s.path("vocab.txt"), "--out", s.path("base"), "--dims", "32", "--steps", "1", "--batch", "2")
	return s
}

func (s *adaptScript) adapt(args ...string) (r adaptation) {
	s.t.Helper()
	args = append([]string{"adapt", "-q", "--json", "--model", s.path("base"), "--steps", "60", "--batch", "64", "--rate", "0.05", "--pull", "0", "--minutes", "0"}, args...)
	if err := json.Unmarshal([]byte(s.must(args...)), &r); err != nil {
		s.t.Fatal(err)
	}
	return r
}

// A collection is encoded anew and takes the old one's names, if the model is
// better.
func TestAdaptSwaps(t *testing.T) {
	s := topicTexts(t)
	for _, aliased := range []bool{false, true} {
		data, name, out := s.path(fmt.Sprint("data-", aliased)), "notes", s.path(fmt.Sprint("model-", aliased))
		own := name
		if aliased {
			own = "notes-1"
		}
		s.must("index", "-q", "-d", data, "-c", own, "--model", s.path("base"), s.path("docs.jsonl"))
		if aliased {
			s.must("alias", "set", "-d", data, name, own)
		}
		s.must("collections", "synonyms", "-q", "-d", data, own, s.path("synonyms.txt"))
		r := s.adapt("-d", data, "-c", name, "-o", out, "--swap")
		if !r.Better || !r.Swapped {
			t.Fatalf("aliased %t: %+v", aliased, r)
		}
		var info index.Info
		if err := json.Unmarshal([]byte(s.must("collections", "info", "-d", data, "--json", name)), &info); err != nil {
			t.Fatal(err)
		}
		if info.Settings.Model != r.Fingerprint || info.Documents != 240 {
			t.Errorf("aliased %t: %+v, model %s", aliased, info, r.Fingerprint)
		}
		if rules := s.must("collections", "synonyms", "-d", data, name); !strings.Contains(rules, "car, auto") {
			t.Errorf("aliased %t: synonyms %q", aliased, rules)
		}
		s.must("search", "-q", "-d", data, "-c", name, "--mode", "dense", "--model", out, "t3word1 t3word2")
		if _, status := s.semdex("search", "-d", data, "-c", name, "--mode", "dense", "--model", s.path("base"), "t3word1"); status == 0 {
			t.Error("the old model still searches")
		}
		if _, status := s.semdex("collections", "info", "-d", data, "notes-1"); (status == 0) != aliased {
			t.Errorf("aliased %t: the old collection's own name gives status %d", aliased, status)
		}
	}
	// The texts make the same model as files, on one thread.
	if a, b := s.adapt("-o", s.path("files"), "--workers", "1", s.path("docs.jsonl")), s.adapt("-o", s.path("again"), "--seed", "2", s.path("docs.jsonl")); true {
		m, err := fingerprintOf(s.path("model-true"))
		if err != nil || a.Fingerprint != m || b.Fingerprint == m {
			t.Errorf("fingerprints %s, %s of another seed; from the collection %s, %v", a.Fingerprint, b.Fingerprint, m, err)
		}
	}
}

// A transformer takes the other way, and leaves no run behind.
func TestAdaptTrainsTransformers(t *testing.T) {
	s := topicTexts(t)
	s.must("train", "pairs", "-q", "--from-static", s.path("base"), "--layers", "1", "--heads", "2", "--positions", "32", "--max-tokens", "16",
		"--pairs", s.path("pairs.tsv"), "--steps", "1", "--batch", "2", "--out", s.path("net"), "--run", s.path("net.run"))
	t.Setenv("TMPDIR", s.path("tmp"))
	if err := os.Mkdir(s.path("tmp"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := s.adapt("--model", s.path("net"), "--steps", "30", "--eval-every", "10", "--rate", "0.003", "-o", s.path("tuned"), s.path("docs.jsonl"))
	if r.Training.BestStep == 0 || r.Training.After <= r.Training.Before || r.Training.Rows != 0 || len(r.Figures) == 0 {
		t.Errorf("%+v", r.Training)
	}
	s.must("model", "verify", s.path("tuned"))
	if left, err := os.ReadDir(s.path("tmp")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is not better is not put in anybody's place.
func TestAdaptDoesNotSwapForLess(t *testing.T) {
	low, high := [2]float64{-.02, .03}, [2]float64{.01, .05}
	worse := [2]float64{-.05, -.01}
	figure := func(set, mode string, interval *[2]float64) (f adaptFigure) {
		f.Set, f.Mode, f.MRR.Delta.Interval = set, mode, interval
		return f
	}
	for _, c := range []struct {
		dense, hybrid *[2]float64
		want          bool
	}{
		{&high, &low, true}, {&high, &high, true}, {&low, &high, false}, {&high, &worse, false}, {nil, nil, false},
	} {
		list := []adaptFigure{figure(heldOutSet, "dense", c.dense), figure(heldOutSet, "hybrid", c.hybrid), figure(wornSet, "dense", &high)}
		if got := better(list); got != c.want {
			t.Errorf("dense %v, hybrid %v: better %t", c.dense, c.hybrid, got)
		}
	}
}

// Every rune that is no space stands in one sentence of one passage, long sentences
// in parts.
func TestCutForAdapt(t *testing.T) {
	text := "Heading\n\nOne sentence here. Another one there.\n" + strings.Repeat("a long one without an end ", 30) + "\n\nLast."
	d := cutForAdapt(index.Document{ID: "x", Title: "T", Text: text}, 200)
	var got strings.Builder
	for _, p := range d.Passages {
		if len(p) == 0 {
			t.Error("a passage without sentences")
		}
		for _, s := range p {
			got.WriteString(strings.ReplaceAll(s.Text, " ", ""))
		}
	}
	if want := strings.Join(strings.Fields(text), ""); got.String() != want {
		t.Errorf("%q\nwant %q", got.String(), want)
	}
	if first := d.Passages[0]; !slices.Equal(first[:2], []adapt.Sentence{{Text: "Heading", Heading: true}, {Text: "One sentence here."}}) {
		t.Errorf("%v", first)
	}
}
