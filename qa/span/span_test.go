package span_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
	"semdex/qa"
	"semdex/qa/evaluate"
	"semdex/qa/span"
	"semdex/qa/squad"
)

func engine(t *testing.T) *train.Engine {
	t.Helper()
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, 0)
}

func fifty(t *testing.T) *squad.Set {
	t.Helper()
	s, err := squad.ReadFile(filepath.Join("testdata", "fifty.json"), squad.Options{Misplaced: squad.Fail})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Questions) != 50 {
		t.Fatalf("%d questions", len(s.Questions))
	}
	return s
}

// tokenizer spells every text of the set: Latin words whole, Hangul by the first
// two syllables of a word and then one by one.
func tokenizer(t *testing.T, s *squad.Set) *tokenize.Tokenizer {
	t.Helper()
	pieces := make(map[string]bool)
	texts := slices.Clone(s.Contexts)
	for _, q := range s.Questions {
		texts = append(texts, q.Text)
	}
	for _, text := range texts {
		for _, word := range strings.FieldsFunc(text, unicode.IsSpace) {
			runes := []rune(word)
			for _, r := range runes {
				pieces[string(r)], pieces["##"+string(r)] = true, true
			}
			if unicode.Is(unicode.Hangul, runes[0]) {
				pieces[string(runes[:min(2, len(runes))])] = true
			}
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.Is(unicode.Latin, r) }) {
			pieces[word] = true
		}
	}
	tokens := append([]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}, slices.Sorted(maps.Keys(pieces))...)
	vocab, err := tokenize.NewVocab(tokens)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(vocab, tokenize.DefaultConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// small is an untrained model for a tokenizer.
func small(arch model.Architecture, tok *tokenize.Tokenizer) *model.Model {
	m := modeltest.New(arch, modeltest.Options{Hidden: 64, Layers: 1, Vocab: 100, Positions: 96, Seed: 1, Spread: 0.05})
	values := make([]float32, tok.Len()*64)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range values {
		values[i] = float32(0.05 * rng.NormFloat64())
	}
	m.Transformer.Word = model.NewF32(m.Transformer.Word.Name, []int{tok.Len(), 64}, values)
	m.Config.VocabSize, m.Tokenizer = tok.Len(), tok
	return m
}

func config() qa.Config {
	c := qa.DefaultConfig()
	c.Window, c.Stride, c.Question, c.MaxAnswer = 80, 16, 24, 12
	return c
}

func features(t *testing.T, s *qa.Splitter, set *squad.Set, o span.FeatureOptions) ([]span.Feature, *span.Report) {
	t.Helper()
	f, r, err := span.Features(t.Context(), s, []*squad.Set{set}, o)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

// TestOverfit: fifty questions over ten passages, English and Korean, in windows
// of 80 tokens, are learnt by heart: EM 100 with DistilBERT. BERT, with its token
// types, has one round of training alone. The saved folder scores the same, to the
// last digit.
func TestOverfit(t *testing.T) {
	for arch, rounds := range map[model.Architecture]int{model.DistilBERT: 10, model.BERT: 1} {
		t.Run(string(arch), func(t *testing.T) {
			set, e := fifty(t), engine(t)
			tok := tokenizer(t, set)
			c := config()
			splitter, err := qa.NewSplitter(tok, c)
			if err != nil {
				t.Fatal(err)
			}
			ceiling, err := evaluate.Ceiling(t.Context(), splitter, set)
			if err != nil {
				t.Fatal(err)
			}
			if s, err := evaluate.Measure(set, ceiling, evaluate.All); err != nil || s.Exact != 1 {
				t.Fatalf("the ceiling is %+v (%v): %+v", s, err, ceiling)
			}
			net, err := span.Open(small(arch, tok), 1)
			if err != nil || !net.FreshHead {
				t.Fatalf("fresh head %t, %v", net.FreshHead, err)
			}
			list, report := features(t, splitter, set, span.FeatureOptions{Unanswerable: 1})
			if report.Answerable < 50 || report.Unanswerable == 0 || report.Unplaced+report.TooLong > 0 {
				t.Fatalf("%+v", report)
			}
			task, err := span.NewTask(net, list)
			if err != nil {
				t.Fatal(err)
			}
			reader := func(m *model.Model) *qa.Reader {
				r, err := qa.NewReader(m, qa.Options{Config: &c})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			measure := func(r *qa.Reader) evaluate.Score {
				p, err := evaluate.Predict(t.Context(), r, set, evaluate.Options{})
				if err != nil {
					t.Fatal(err)
				}
				s, err := evaluate.Measure(set, p, evaluate.All)
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			net.Encoder.Config.Dropout, net.Encoder.Config.AttentionDropout = 0, 0
			// Some seeds and instruction levels need another round for the last
			// question.
			var got evaluate.Score
			for round := range rounds {
				tr, err := train.NewTrainer(e, task, train.Options{
					Seed: uint64(round), Steps: 200, Plan: train.Plan{Tokens: 800}, Clip: 1, WarmupShare: 0.1,
					Optimizer: train.AdamW{LR: 3e-3},
				})
				if err != nil {
					t.Fatal(err)
				}
				result, err := tr.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				got = measure(reader(net.Model()))
				t.Logf("round %d: loss %.4f, EM %.2f, F1 %.4f", round, result.Loss, got.Exact, got.F1)
				if got.Exact == 1 {
					break
				}
			}
			if got.Exact != 1 && rounds > 1 {
				t.Errorf("EM %.2f, F1 %.3f", got.Exact, got.F1)
			}
			dir := filepath.Join(t.TempDir(), "reader")
			if err := net.Model().Save(dir, model.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			c.Threshold = 0.5
			if err := qa.WriteConfig(dir, c); err != nil {
				t.Fatal(err)
			}
			saved, err := qa.Load(t.Context(), dir, qa.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = saved.Close() }()
			if saved.Config != c {
				t.Errorf("settings %+v, want %+v", saved.Config, c)
			}
			if again := measure(saved); again != got {
				t.Errorf("the saved folder scores %+v, before %+v", again, got)
			}
		})
	}
}

// TestEveryAnswerHasAWindow: whatever the passage, the answer and the window,
// the tokens of the target decode to text that holds the answer.
func TestEveryAnswerHasAWindow(t *testing.T) {
	tok := tokenizer(t, fifty(t))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	words := strings.Fields(`museum 1911 한빛 도서관은 The café, 18도로 Lorne; steamer 느티나무가 Aurora, x 조팝나무 two`)
	draw := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(words[rng.IntN(len(words))])
			b.WriteString(strings.Repeat(" ", 1+rng.IntN(2)))
		}
		return b.String()
	}
	for range 300 {
		c := qa.DefaultConfig()
		c.Question = 1 + rng.IntN(10)
		c.Window = c.Question + 11 + rng.IntN(60)
		c.Stride = rng.IntN(40)
		s, err := qa.NewSplitter(tok, c)
		if err != nil {
			t.Fatal(err)
		}
		context := draw(1 + rng.IntN(120))
		runes := []rune(context)
		start := rng.IntN(len(runes))
		end := start + 1 + rng.IntN(min(20, len(runes)-start))
		answer := string(runes[start:end])
		set := &squad.Set{Contexts: []string{context}, Questions: []squad.Question{{
			Text: draw(1 + rng.IntN(12)), Answers: []squad.Answer{{Text: answer, Start: start, End: end}},
		}}}
		list, report, err := span.Features(t.Context(), s, []*squad.Set{set}, span.FeatureOptions{Unanswerable: 1})
		if report.Unplaced+report.TooLong > 0 || errors.Is(err, span.ErrData) {
			if strings.TrimSpace(answer) != "" && report.Unplaced > 0 {
				t.Fatalf("%q in %q has no tokens", answer, context)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if report.Answerable == 0 {
			t.Fatalf("%+v: no window holds %q (%d-%d) of %q", c, answer, start, end, context)
		}
		for _, f := range list {
			if len(f.IDs) > c.Window {
				t.Fatalf("a window of %d tokens, at most %d", len(f.IDs), c.Window)
			}
			if f.Start == 0 {
				continue
			}
			got := squeeze(tok.Decode(f.IDs[f.Start:f.End+1], false))
			if !strings.Contains(got, squeeze(answer)) {
				t.Fatalf("%q does not hold %q", got, answer)
			}
		}
	}
}

// squeeze leaves letters and figures.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, s)
}

func TestFeatureOptions(t *testing.T) {
	set := fifty(t)
	for i := range set.Questions { // one article, so that there are neighbours
		set.Questions[i].Article = 0
	}
	s, err := qa.NewSplitter(tokenizer(t, set), config())
	if err != nil {
		t.Fatal(err)
	}
	_, all := features(t, s, set, span.FeatureOptions{Unanswerable: 1, Seed: 1})
	_, none := features(t, s, set, span.FeatureOptions{Seed: 1})
	half, some := features(t, s, set, span.FeatureOptions{Unanswerable: 0.5, Seed: 1})
	_, more := features(t, s, set, span.FeatureOptions{Unanswerable: 1, Negatives: 2, Seed: 1})
	if none.Unanswerable != 0 || none.Dropped != all.Unanswerable || none.Answerable != all.Answerable {
		t.Errorf("none kept: %+v, of %+v", none, all)
	}
	if share := float64(some.Unanswerable) / float64(all.Unanswerable); share < 0.3 || share > 0.7 {
		t.Errorf("half kept: %.2f", share)
	}
	if more.Unanswerable < all.Unanswerable+100 {
		t.Errorf("two neighbours each: %d windows, without %d", more.Unanswerable, all.Unanswerable)
	}
	again, _ := features(t, s, set, span.FeatureOptions{Unanswerable: 0.5, Seed: 1})
	if fmt.Sprint(again) != fmt.Sprint(half) {
		t.Error("one seed, two results")
	}
	for _, o := range []span.FeatureOptions{{Unanswerable: 2}, {Unanswerable: math.NaN()}, {Negatives: -1}} {
		if _, _, err := span.Features(t.Context(), s, []*squad.Set{set}, o); !errors.Is(err, span.ErrData) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	if _, err := span.Open(modeltest.New(model.Static, modeltest.Options{}), 1); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("a static model: %v", err)
	}
	net, err := span.Open(modeltest.New(model.DistilBERT, modeltest.Options{Positions: 16}), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := span.NewTask(net, nil); !errors.Is(err, span.ErrData) {
		t.Errorf("no windows: %v", err)
	}
	if _, err := span.NewTask(net, []span.Feature{{IDs: make([]int32, 17)}}); !errors.Is(err, span.ErrData) {
		t.Errorf("too long: %v", err)
	}
	if _, err := span.NewTask(net, []span.Feature{{IDs: []int32{1 << 20}}}); !errors.Is(err, span.ErrData) {
		t.Errorf("another vocabulary: %v", err)
	}
}
