package embed_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

var threeLabels = []string{"entailment", "neutral", "contradiction"}

// classifierOf is a random model with a random head for labels.
func classifierOf(t *testing.T, arch model.Architecture, labels []string) *trainable.ClassifierModel {
	t.Helper()
	base := modeltest.New(arch, modeltest.Options{Vocab: 120, Seed: 5})
	base.Config.InitRange = 0.3
	c, err := trainable.Classifier(base, labels, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range train.Parameters(c.Output) {
		for i := range p.Values {
			p.Values[i] += 0.01 * float32(i%5)
		}
	}
	return c
}

// saved writes a classifier and loads it as a Predictor.
func saved(t *testing.T, c *trainable.ClassifierModel, o embed.Options) *embed.Predictor {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "classifier")
	if err := c.Model().Save(dir, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	p, err := embed.LoadPredictor(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

var pairs = []embed.Pair{
	{A: "the search", B: "a searching dog"},
	{A: "한국어 검색", B: ""},
	{A: "", B: "x"},
	{A: "alone, the search", Single: true},
	{A: strings.Repeat("the search of a ", 30), B: "short"},
	{A: "short", B: strings.Repeat("문장을 검색 ", 40)},
}

// TestPredictorAgreesWithTraining: the scores are those of the graph that
// trains, read back from a folder, on both engines.
func TestPredictorAgreesWithTraining(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		for _, reference := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, reference %v", arch, reference), func(t *testing.T) {
				c := classifierOf(t, arch, threeLabels)
				p := saved(t, c, embed.Options{Reference: reference})
				got, err := p.Predict(t.Context(), pairs, embed.PredictOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(p.Labels(), threeLabels) {
					t.Errorf("labels %v", p.Labels())
				}
				for i, pair := range pairs {
					want, tokens := graphLogits(t, c, pair)
					for j, x := range want {
						if math.Abs(float64(x-got.Logits[i][j])) > 2e-4 {
							t.Errorf("pair %d: logits %v, want %v", i, got.Logits[i], want)
							break
						}
					}
					if got.Tokens[i] != tokens || got.Truncated[i] != (i >= 4) {
						t.Errorf("pair %d: %d tokens, want %d; truncated %v", i, got.Tokens[i], tokens, got.Truncated[i])
					}
				}
			})
		}
	}
}

func graphLogits(t *testing.T, c *trainable.ClassifierModel, pair embed.Pair) ([]float32, int) {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	tok := modeltest.Tokenizer(120)
	e := tok.EncodePair(pair.A, pair.B, tokenize.Options{MaxTokens: c.MaxTokens})
	if pair.Single {
		e = tok.Encode(pair.A, tokenize.Options{MaxTokens: c.MaxTokens})
	}
	b := new(train.Batch)
	b.Append(e.IDs, e.Types)
	g := train.NewEngine(level, 1).Eval()
	defer g.Close()
	logits, err := c.Logits(g, b)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clone(train.Values(logits)), len(e.IDs)
}

// TestPredictorDoesNotDependOnTheCall: bit for bit the same scores alone, in any
// batch, in any order and on any number of workers.
func TestPredictorDoesNotDependOnTheCall(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	var inputs []embed.Pair
	for range 60 {
		inputs = append(inputs, embed.Pair{
			A: strings.Repeat("a search ", rng.IntN(12)), B: strings.Repeat("the 검색 ", rng.IntN(30)), Single: rng.IntN(4) == 0,
		})
	}
	c := classifierOf(t, model.BERT, threeLabels)
	var want embed.Prediction
	for i, o := range []embed.Options{{Workers: 1}, {Workers: 1, BatchTokens: 1}, {Workers: 3, BatchTokens: 200}, {Workers: 2, BatchTokens: 1 << 20}} {
		p := saved(t, c, o)
		got, err := p.Predict(t.Context(), inputs, embed.PredictOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			want = got
		}
		if !slices.EqualFunc(got.Logits, want.Logits, slices.Equal) {
			t.Errorf("%+v: other scores", o)
		}
		one := rng.IntN(len(inputs))
		alone, err := p.Predict(t.Context(), inputs[one:one+1], embed.PredictOptions{})
		if err != nil || !slices.Equal(alone.Logits[0], want.Logits[one]) {
			t.Errorf("%+v: input %d alone: %v, %v, want %v", o, one, alone.Logits, err, want.Logits[one])
		}
	}
}

func TestPredictorLimits(t *testing.T) {
	p := saved(t, classifierOf(t, model.DistilBERT, []string{"LABEL_0"}), embed.Options{})
	long := []embed.Pair{{A: "a", B: strings.Repeat("search ", 100)}}
	if _, err := p.Predict(t.Context(), long, embed.PredictOptions{Refuse: true}); !errors.Is(err, embed.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
	right, err1 := p.Predict(t.Context(), []embed.Pair{{A: "a", B: "x " + strings.Repeat("the ", 100)}}, embed.PredictOptions{MaxTokens: 10})
	left, err2 := p.Predict(t.Context(), []embed.Pair{{A: "a", B: "x " + strings.Repeat("the ", 100)}}, embed.PredictOptions{MaxTokens: 10, Left: true})
	if err := errors.Join(err1, err2); err != nil || right.Tokens[0] != 10 || left.Tokens[0] != 10 || right.Logits[0][0] == left.Logits[0][0] {
		t.Errorf("cut right %+v, left %+v, %v", right, left, err)
	}
	for _, n := range []int{3, -1, 65} {
		if _, err := p.Predict(t.Context(), long, embed.PredictOptions{MaxTokens: n}); !errors.Is(err, embed.ErrMaxTokens) {
			t.Errorf("%d tokens: %v", n, err)
		}
	}
	if r, err := p.Predict(t.Context(), nil, embed.PredictOptions{}); err != nil || len(r.Logits) != 0 {
		t.Errorf("nothing: %+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Predict(ctx, long, embed.PredictOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Predict(t.Context(), long, embed.PredictOptions{}); !errors.Is(err, embed.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestPredictorRefuses(t *testing.T) {
	for _, arch := range architectures {
		if _, err := embed.NewPredictor(modeltest.New(arch, modeltest.Options{}), embed.Options{}); !errors.Is(err, embed.ErrNotClassifier) {
			t.Errorf("%s without a head: %v", arch, err)
		}
	}
	m := classifierOf(t, model.DistilBERT, threeLabels).Model()
	delete(m.Heads, "pre_classifier.weight")
	if _, err := embed.NewPredictor(m, embed.Options{}); !errors.Is(err, encoder.ErrModel) {
		t.Errorf("half a head: %v", err)
	}
	m = classifierOf(t, model.BERT, threeLabels).Model()
	bias := slices.Clone(m.Heads["classifier.bias"].F32())
	bias[1] = float32(math.NaN())
	m.Heads["classifier.bias"] = model.NewF32("classifier.bias", []int{3}, bias)
	p, err := embed.NewPredictor(m, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Predict(t.Context(), pairs, embed.PredictOptions{}); !errors.Is(err, embed.ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
}

// By hand: e^1, e^2, e^3 over 30.192875; 1/(1 + e^-2).
func TestProbabilities(t *testing.T) {
	for _, c := range []struct {
		logits []float32
		want   []float64
	}{
		{[]float32{1, 2, 3}, []float64{.0900306, .2447285, .6652410}},
		{[]float32{2}, []float64{.8807971}},
		{[]float32{1000, 0}, []float64{1, 0}},
	} {
		for i, p := range embed.Probabilities(c.logits) {
			if math.Abs(p-c.want[i]) > 1e-7 {
				t.Errorf("%v: %v, want %v", c.logits, p, c.want)
			}
		}
	}
}

// TestClassifierOfAModel: heads are kept for the same labels alone, by name.
func TestClassifierOfAModel(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		c := classifierOf(t, arch, threeLabels)
		m := c.Model()
		again, err := trainable.Classifier(m, nil, 1)
		if err != nil || again.Fresh || !c.Fresh || !slices.Equal(again.Labels, threeLabels) {
			t.Fatalf("%s: fresh %v, %v", arch, again.Fresh, err)
		}
		for i, p := range train.Parameters(again.Modules()...) {
			if q := train.Parameters(c.Modules()...)[i]; !slices.Equal(p.Values, q.Values) {
				t.Errorf("%s: %s differs", arch, p.Name)
			}
		}
		if upper, err := trainable.Classifier(m, []string{"Entailment", "NEUTRAL", "contradiction"}, 1); err != nil || upper.Fresh {
			t.Errorf("other case: %v", err)
		}
		other, err := trainable.Classifier(m, []string{"contradiction", "neutral", "entailment"}, 1)
		if err != nil || !other.Fresh || !slices.Equal(train.Describe(other.Hidden.Weight).Values, train.Describe(c.Hidden.Weight).Values) {
			t.Errorf("another order: %v", err)
		}
	}
	if _, err := trainable.Classifier(modeltest.New(model.BERT, modeltest.Options{}), nil, 1); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("no head, no labels: %v", err)
	}
	if _, err := trainable.Classifier(modeltest.New(model.Static, modeltest.Options{}), threeLabels, 1); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("static: %v", err)
	}
}
