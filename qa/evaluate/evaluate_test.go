package evaluate_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/qa"
	"semdex/qa/evaluate"
	"semdex/qa/score"
	"semdex/qa/squad"
)

// set has two answerable questions and two impossible ones.
func set() *squad.Set {
	s := &squad.Set{
		Style:    score.SQuAD2,
		Contexts: []string{"The red car stands in Ulm. Nobody drives it.", "Bread is baked at dawn."},
		Questions: []squad.Question{
			{ID: "a", Text: "What stands in Ulm?", Answers: []squad.Answer{{Text: "The red car", Start: 0, End: 11}}},
			{ID: "b", Text: "Who drives it?", Impossible: true},
			{ID: "c", Text: "When is bread baked?", Context: 1, Answers: []squad.Answer{{Text: "dawn", Start: 18, End: 22}}},
			{ID: "d", Text: "Who bakes bread?", Context: 1, Impossible: true},
		},
	}
	s.Report.Impossible = 2
	return s
}

func TestMeasure(t *testing.T) {
	predictions := []evaluate.Prediction{{"red car", 5}, {"Nobody", 2}, {"at dawn", 1}, {"", math.Inf(-1)}}
	got, err := evaluate.Measure(set(), predictions, 1.5)
	if err != nil {
		t.Fatal(err)
	}
	if got.Exact != 0.5 || got.F1 != 0.5 || got.Answered.Exact != 0.5 || got.None.F1 != 0.5 {
		t.Errorf("%+v %+v %+v", got, *got.Answered, *got.None)
	}
	if got, _ = evaluate.Measure(set(), predictions, evaluate.All); got.Exact != 0.5 || math.Abs(got.F1-(1+2./3+0+1)/4) > 1e-12 {
		t.Errorf("without a threshold: %+v", got)
	}
	if got, _ = evaluate.Measure(set(), evaluate.Silence(set()), 0); got.Exact != 0.5 || got.None.Exact != 1 {
		t.Errorf("silence: %+v", got)
	}
	if _, err := evaluate.Measure(set(), predictions[:1], 0); !errors.Is(err, evaluate.ErrPredictions) {
		t.Errorf("one prediction: %v", err)
	}
}

// TestBestThreshold against trying every threshold.
func TestBestThreshold(t *testing.T) {
	for _, odds := range [][]float64{{5, 2, 1, -1}, {1, 2, 3, 4}, {4, 3, 2, 1}, {0, 0, 0, 0}, {math.Inf(-1), 1, 1, 0}} {
		predictions := []evaluate.Prediction{{"red car", odds[0]}, {"Nobody", odds[1]}, {"dawn", odds[2]}, {"dawn", odds[3]}}
		threshold, err := evaluate.BestThreshold(evaluate.Sample{Set: set(), Predictions: predictions})
		if err != nil || math.IsInf(threshold, 0) {
			t.Fatal(threshold, err)
		}
		got, _ := evaluate.Measure(set(), predictions, threshold)
		best := 0.0
		for x := -3.25; x < 8; x += 0.5 {
			s, _ := evaluate.Measure(set(), predictions, x)
			best = max(best, s.F1)
		}
		if got.F1 != best {
			t.Errorf("%v: F1 %g at %g, the best is %g", odds, got.F1, threshold, best)
		}
	}
}

// TestTune: without impossible questions, nor neighbours to ask them of, there is
// nothing to tune.
func TestTune(t *testing.T) {
	m := modeltest.New(model.DistilBERT, modeltest.Options{})
	m.Heads = map[string]*model.Tensor{
		qa.HeadWeight: model.NewF32(qa.HeadWeight, []int{2, 32}, make([]float32, 64)),
		qa.HeadBias:   model.NewF32(qa.HeadBias, []int{2}, make([]float32, 2)),
	}
	r, err := qa.NewReader(m, qa.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	one := &squad.Set{Contexts: []string{"the search"}, Questions: []squad.Question{
		{ID: "a", Text: "search?", Answers: []squad.Answer{{Text: "search", Start: 4, End: 10}}},
	}}
	if threshold, err := evaluate.Tune(t.Context(), r, []*squad.Set{one}, evaluate.Options{}); err != nil || threshold != 0 {
		t.Errorf("%g, %v", threshold, err)
	}
	for _, s := range []*squad.Set{one, set()} {
		c := qa.DefaultConfig()
		how, err := evaluate.Choose(t.Context(), m, qa.Options{Config: &c}, []*squad.Set{s}, 1)
		if err != nil || how != qa.Odds || c.Scoring != qa.Odds {
			t.Errorf("of equals %q is chosen (%v)", how, err)
		}
	}
	// Every span of this model is as likely as none: the best is to be silent.
	if threshold, err := evaluate.Tune(t.Context(), r, []*squad.Set{set()}, evaluate.Options{}); err != nil || threshold <= 0 {
		t.Errorf("with impossible questions: %g, %v", threshold, err)
	}
}

func TestBestSentence(t *testing.T) {
	got := evaluate.BestSentence(set())
	if got[0].Text != "The red car stands in Ulm." || got[1].Text != "Nobody drives it." {
		t.Errorf("%+v", got)
	}
}

// TestCorpora: the share of KorQuAD's answers that can be given exactly, with and
// without particles, over a multilingual vocabulary.
func TestCorpora(t *testing.T) {
	dir := os.Getenv("SEMDEX_CORPORA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	file, err := os.Open(filepath.Join(dir, "vocab", "bert-base-multilingual-cased-vocab.txt"))
	if err != nil {
		t.Skipf("no corpora at %s: set SEMDEX_CORPORA", dir)
	}
	defer func() { _ = file.Close() }()
	vocab, err := tokenize.ReadVocab(file)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(vocab, tokenize.DefaultConfig(false))
	if err != nil {
		t.Fatal(err)
	}
	kor, err := squad.ReadFile(filepath.Join(dir, "qa/ko/korquad/KorQuAD_v1.0_dev.json"), squad.Options{Misplaced: squad.Keep})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		words, particles bool
		exact            float64
	}{{false, false, 0.84}, {true, false, 0.40}, {true, true, 0.98}} {
		c := qa.DefaultConfig()
		c.Words, c.Particles = tt.words, tt.particles
		s, err := qa.NewSplitter(tok, c)
		if err != nil {
			t.Fatal(err)
		}
		p, err := evaluate.Ceiling(t.Context(), s, kor)
		if err != nil {
			t.Fatal(err)
		}
		got, err := evaluate.Measure(kor, p, evaluate.All)
		if err != nil || math.Abs(got.Exact-tt.exact) > 0.01 {
			t.Errorf("words %t, particles %t: %+v (%v)", tt.words, tt.particles, got, err)
		}
	}
}
