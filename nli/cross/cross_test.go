package cross_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/cross"
)

// The fixture: things have two of eight properties, which come in pairs of
// opposites. A statement about the thing is entailed, contradicted or neutral;
// the statement alone tells nothing.
func statements(rng *rand.Rand, n int) *cross.Set {
	word := func(i int) string { return fmt.Sprintf("word%d", 100+i) }
	s := &cross.Set{Name: "fixture", Labels: nli.LabelNames()}
	for range n {
		kinds := rng.Perm(4)
		thing, p, q := 20+rng.IntN(6), 2*kinds[0]+rng.IntN(2), 2*kinds[1]+rng.IntN(2)
		gold := rng.IntN(3)
		said := []int{p, 2*kinds[2] + rng.IntN(2), p ^ 1}[gold]
		if rng.IntN(2) == 0 {
			p, q = q, p
		}
		s.Pairs = append(s.Pairs, embed.Pair{
			A: strings.Join([]string{word(thing), word(p), word(q)}, " "), B: word(thing) + " " + word(said),
		})
		s.Classes = append(s.Classes, int32(gold))
	}
	return s
}

func base(arch model.Architecture) *model.Model {
	m := modeltest.New(arch, modeltest.Options{Vocab: 140, Hidden: 64, Layers: 2, Heads: 4, Positions: 32, Spread: 0.08, Seed: 4})
	m.Config.Dropout, m.Config.AttentionDropout, m.Config.InitRange = 0, 0, 0.1
	return m
}

func engine(t *testing.T, workers int) *train.Engine {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, workers)
}

func open(t *testing.T, m *model.Model, labels []string) *trainable.ClassifierModel {
	t.Helper()
	c, err := trainable.Classifier(m, labels, 3)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// score evaluates the weights of now.
func score(t *testing.T, m *model.Model, s *cross.Set) *cross.Score {
	t.Helper()
	p, err := embed.NewPredictor(m, embed.Options{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, err := cross.Evaluate(t.Context(), p, s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// run trains a net and gives its losses.
func run(t *testing.T, net *trainable.ClassifierModel, data *cross.Set, workers, steps int, o train.Options) []float32 {
	t.Helper()
	task, err := cross.NewTask(net, data, 32)
	if err != nil {
		t.Fatal(err)
	}
	var losses []float32
	o.Seed, o.Steps, o.Plan, o.Clip, o.WarmupShare = 1, steps, train.Plan{Tokens: 4096, Examples: 48}, 1, 0.1
	if o.Optimizer.LR == 0 {
		o.Optimizer = train.AdamW{LR: 1.5e-3}
	}
	o.Progress = func(p train.Progress) { losses = append(losses, float32(p.Loss)) }
	tr, err := train.NewTrainer(engine(t, workers), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return losses
}

// TestInference: trained from nothing, both architectures tell held-out pairs
// apart far better than the most frequent class does, and a saved folder gives
// the very score.
func TestInference(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	data, held := statements(rng, 1500), statements(rng, 300)
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		t.Run(string(arch), func(t *testing.T) {
			net := open(t, base(arch), nli.LabelNames())
			net.MaxTokens = 16
			run(t, net, data, 2, 250, train.Options{})
			before := score(t, net.Model(), held)
			t.Logf("%v, macro-F1 %.4f, most frequent class %.4f", before, before.MacroF1, before.Majority)
			if before.Accuracy < before.Majority+0.25 {
				t.Errorf("accuracy %.4f, most frequent class %.4f", before.Accuracy, before.Majority)
			}
			dir := filepath.Join(t.TempDir(), "saved")
			if err := net.Model().Save(dir, model.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			m, err := model.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if m.MaxTokens != 16 || !slices.Equal(m.Config.Labels, nli.LabelNames()) {
				t.Errorf("saved with %d tokens and labels %v", m.MaxTokens, m.Config.Labels)
			}
			after := score(t, m, held)
			if after.Loss != before.Loss || after.Accuracy != before.Accuracy || after.MacroF1 != before.MacroF1 {
				t.Errorf("saved %+v, in training %+v", after, before)
			}
			baselines, err := cross.Baselines(data, held)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range baselines {
				t.Logf("%s: %.4f", b.Name, b.Accuracy)
				if b.Accuracy > before.Accuracy {
					t.Errorf("%s is better: %.4f", b.Name, b.Accuracy)
				}
			}
		})
	}
}

// TestSameSeedSameCurve: bit for bit, on one worker or three.
func TestSameSeedSameCurve(t *testing.T) {
	data := statements(rand.New(rand.NewPCG(2, 2)), 200)
	var want []float32
	for i, workers := range []int{1, 3, 1} {
		m := base(model.BERT)
		m.Config.Dropout, m.Config.AttentionDropout = 0.1, 0.1
		got := run(t, open(t, m, nli.LabelNames()), data, workers, 12, train.Options{})
		if i == 0 {
			want = got
		}
		if !slices.Equal(got, want) {
			t.Errorf("losses %v, want %v", got, want)
		}
	}
}

// TestKeepBest: the weights that remain are those of the best evaluation.
func TestKeepBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	data, held := statements(rng, 200), statements(rng, 100)
	net := open(t, base(model.DistilBERT), nli.LabelNames())
	task, err := cross.NewTask(net, data, 32)
	if err != nil {
		t.Fatal(err)
	}
	var accuracies []float64
	tr, err := train.NewTrainer(engine(t, 2), task, train.Options{
		Seed: 1, Steps: 30, Plan: train.Plan{Tokens: 2048, Examples: 32}, Optimizer: train.AdamW{LR: 0.02}, // too fast on purpose
		EvalEvery: 5, Dir: t.TempDir(),
		Evaluate: func(context.Context, train.State) (float64, error) {
			_, v := score(t, net.Model(), held).Value()
			accuracies = append(accuracies, v)
			return v, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	best, err := tr.LoadBest()
	if err != nil {
		t.Fatal(err)
	}
	if _, v := score(t, net.Model(), held).Value(); v != slices.Max(accuracies) || v != best.Best {
		t.Errorf("kept %v of %v, recorded %v", v, accuracies, best.Best)
	}
}

// similar are pairs of lists of words whose score is the share in common.
func similar(rng *rand.Rand, n int) *cross.Set {
	s := &cross.Set{Name: "similar"}
	for range n {
		a := rng.Perm(12)[:4]
		common := rng.IntN(5)
		b := slices.Clone(a[:common])
		for len(b) < 4 {
			if w := rng.IntN(12); !slices.Contains(a, w) && !slices.Contains(b, w) {
				b = append(b, w)
			}
		}
		rng.Shuffle(4, func(i, j int) { b[i], b[j] = b[j], b[i] })
		text := func(ws []int) string {
			var words []string
			for _, w := range ws {
				words = append(words, fmt.Sprintf("word%d", 100+w))
			}
			return strings.Join(words, " ")
		}
		s.Pairs = append(s.Pairs, embed.Pair{A: text(a), B: text(b)})
		s.Scores = append(s.Scores, float64(common)/4)
	}
	return s
}

func TestSimilarity(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	data, held := similar(rng, 1500), similar(rng, 200)
	net := open(t, base(model.BERT), cross.Similarity.Labels())
	before := score(t, net.Model(), held)
	run(t, net, data, 2, 200, train.Options{})
	after := score(t, net.Model(), held)
	t.Logf("before %v, after %v", before, after)
	if after.Spearman < before.Spearman+0.3 || after.Loss >= before.Loss {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// searches are queries with six passages about the same thing, one of which has
// the property that the query names by another word.
func searches(rng *rand.Rand, n int) *cross.Set {
	word := func(i int) string { return fmt.Sprintf("word%d", 100+i) }
	s := &cross.Set{Name: "searches"}
	for range n {
		thing, kinds := 20+rng.IntN(6), rng.Perm(8)
		query := word(thing) + " " + word(8+kinds[0])
		right := rng.IntN(6)
		for i := range 6 {
			p, score := kinds[1+i], 0.
			if i == right {
				p, score = kinds[0], 1
			}
			s.Pairs = append(s.Pairs, embed.Pair{A: query, B: word(thing) + " " + word(p)})
			s.Scores = append(s.Scores, score)
		}
	}
	return s
}

// TestReranking: passages that words cannot tell apart are put in a better order.
func TestReranking(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	data, held := searches(rng, 250), searches(rng, 60)
	relevant, before := make([]bool, len(held.Scores)), make([]float64, len(held.Scores))
	for i, x := range held.Scores {
		relevant[i] = x == 1
		before[i] = -float64(i % 6) // equal overlap: as they came
	}
	first, _ := cross.ReciprocalRank(held.Pairs, before, relevant)
	net := open(t, base(model.DistilBERT), cross.Relevance.Labels())
	run(t, net, data, 2, 120, train.Options{})
	after := score(t, net.Model(), held)
	t.Logf("MRR %.4f before, %.4f after; AUC %.4f", first, *after.MRR, *after.AUC)
	if *after.MRR < first+0.2 || *after.AUC < 0.7 {
		t.Errorf("MRR %.4f before, %.4f after; AUC %.4f", first, *after.MRR, *after.AUC)
	}
}

// TestScoresByHand follows logits through the measures. Query q has its relevant
// passage second, query r has none, query s ties and therefore ranks it last.
func TestScoresByHand(t *testing.T) {
	m := open(t, base(model.BERT), cross.Relevance.Labels())
	clear(train.Describe(m.Output.Weight).Values) // every score is the bias
	s := &cross.Set{Name: "hand", Scores: []float64{1, 0, 0}}
	for _, b := range []string{"x", "y", "z"} {
		s.Pairs = append(s.Pairs, embed.Pair{A: "q", B: b})
	}
	p, err := embed.NewPredictor(m.Model(), embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := cross.Evaluate(t.Context(), p, s); err == nil {
		t.Error("constant scores have no correlation")
	}
	mrr, queries := cross.ReciprocalRank(
		[]embed.Pair{{A: "q"}, {A: "q"}, {A: "r"}, {A: "s"}, {A: "s"}, {A: "s"}, {A: "q"}},
		[]float64{.9, .5, 1, .3, .3, .1, .2},
		[]bool{false, true, false, true, false, false, false})
	if want := (1./2 + 1./2) / 2; queries != 2 || math.Abs(mrr-want) > 1e-12 {
		t.Errorf("MRR %v over %d queries, want %v", mrr, queries, want)
	}
}

func TestRefuses(t *testing.T) {
	one := &cross.Set{Name: "one", Labels: nli.LabelNames(), Pairs: make([]embed.Pair, 3), Classes: []int32{1, 1, 1}}
	if err := one.Varied(); !errors.Is(err, cross.ErrData) || !strings.Contains(err.Error(), "all 3 pairs of one have one label, neutral") {
		t.Errorf("one class only: %v", err)
	}
	if _, err := cross.NewTask(open(t, base(model.BERT), nli.LabelNames()), one, 32); !errors.Is(err, cross.ErrData) {
		t.Errorf("a task of one class: %v", err)
	}
	same := &cross.Set{Name: "same", Pairs: make([]embed.Pair, 2), Scores: []float64{.5, .5}}
	if err := same.Varied(); !errors.Is(err, cross.ErrData) {
		t.Errorf("one score only: %v", err)
	}
	if err := (&cross.Set{Name: "none"}).Varied(); !errors.Is(err, cross.ErrData) {
		t.Errorf("nothing: %v", err)
	}
	data := statements(rand.New(rand.NewPCG(1, 2)), 10)
	if _, err := cross.NewTask(open(t, base(model.BERT), []string{"LABEL_0"}), data, 32); !errors.Is(err, cross.ErrData) {
		t.Errorf("a score for classes: %v", err)
	}
	p, err := embed.NewPredictor(open(t, base(model.BERT), []string{"contradiction", "neutral", "entailment"}).Model(), embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := cross.Evaluate(t.Context(), p, data); !errors.Is(err, cross.ErrData) || !strings.Contains(err.Error(), "class 0 is entailment in the set, contradiction in the model") {
		t.Errorf("another label map: %v", err)
	}
}

// TestSets: labels by name, scores over their top.
func TestSets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.csv")
	if err := os.WriteFile(path, []byte("sentence1,sentence2,score,label\na,b,2.5,neutral\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, o := range []cross.Objective{cross.Inference, cross.Similarity} {
		d, err := nli.Read(path, nli.Format{Kind: o.Kind()})
		if err != nil {
			t.Fatal(err)
		}
		if o == cross.Inference {
			s, err := cross.NewSet(d, []string{"contradiction", "neutral"}, nil)
			if err != nil || s.Classes[0] != 1 || s.Pairs[0] != (embed.Pair{A: "a", B: "b"}) {
				t.Errorf("%+v, %v", s, err)
			}
			continue
		}
		s, err := cross.NewScores(d, 5)
		if err != nil || s.Scores[0] != .5 {
			t.Errorf("%+v, %v", s, err)
		}
		if _, err := cross.NewScores(d, 1); !errors.Is(err, nli.ErrScore) {
			t.Errorf("scores above the top: %v", err)
		}
	}
}
