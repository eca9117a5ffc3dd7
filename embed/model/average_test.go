package model_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// firstWeights are some weights of a model, one of each kind that it has.
func firstWeights(m *model.Model) map[string]*model.Tensor {
	out := make(map[string]*model.Tensor)
	if m.Static != nil {
		out["row"] = m.Static.Rows
	} else {
		t := m.Transformer
		out["word"], out["up"], out["norm"] = t.Word, t.Layers[0].Up.Weight, t.Layers[len(t.Layers)-1].OutputNorm.Bias
		if t.Pooler != nil {
			out["pooler"] = t.Pooler.Weight
		}
	}
	for name, h := range m.Heads {
		out[name] = h
	}
	for _, d := range m.Dense {
		out["dense"] = d.Weight
	}
	return out
}

func TestAverage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT, model.Static} {
		var models []*model.Model
		for i := range 3 {
			m := modeltest.New(arch, modeltest.Options{Seed: seed + uint64(i), Dense: 8, Normalize: true})
			if arch != model.Static {
				head := []float32{rng.Float32(), rng.Float32()}
				m.Heads = map[string]*model.Tensor{"qa_outputs.bias": model.NewF32("qa_outputs.bias", []int{2}, head)}
			}
			if arch == model.BERT {
				w := make([]float32, 32*32)
				for k := range w {
					w[k] = rng.Float32()
				}
				m.Transformer.Pooler = &model.Linear{Weight: model.NewF32("w", []int{32, 32}, w), Bias: model.NewF32("b", []int{32}, w[:32])}
			}
			models = append(models, m)
		}
		before := models[0].Fingerprint()
		for _, weights := range [][]float64{nil, {1, 2, 1}} {
			mean, err := model.Average(models, weights)
			if err != nil {
				t.Fatal(err)
			}
			if weights == nil {
				weights = []float64{1, 1, 1}
			}
			total := weights[0] + weights[1] + weights[2]
			for name, have := range firstWeights(mean) {
				for k, v := range have.F32() {
					var want float64
					for i, m := range models {
						want += weights[i] / total * float64(firstWeights(m)[name].F32()[k])
					}
					if math.Abs(want-float64(v)) > 1e-6 {
						t.Fatalf("%s: %s[%d] is %g, the mean is %g", arch, name, k, v, want)
					}
				}
			}
			dir := t.TempDir() + "/mean"
			if err := mean.Save(dir, model.SaveOptions{}); err != nil {
				t.Fatal(err)
			}
			back, err := model.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if back.Fingerprint() != mean.Fingerprint() || back.Fingerprint() == before {
				t.Errorf("%s: the stored mean is another model", arch)
			}
			// A mean of mapped files outlives them, pooler and heads included.
			again, err := model.Average([]*model.Model{back, back}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := back.Close(); err != nil {
				t.Error(err)
			}
			want := firstWeights(mean)
			for name, have := range firstWeights(again) {
				if !slices.Equal(have.F32(), want[name].F32()) {
					t.Errorf("%s: %s is not as it was stored", arch, name)
				}
			}
			if again.Fingerprint() != mean.Fingerprint() {
				t.Errorf("%s: the mean of a stored model with itself is another model", arch)
			}
		}
		same, err := model.Average([]*model.Model{models[0], models[0]}, []float64{0.3, 4})
		if err != nil || same.Fingerprint() != before {
			t.Errorf("%s: the mean of a model with itself is another one, %v", arch, err)
		}
	}
}

// Int8 tables are averaged by their values.
func TestAverageOfInt8(t *testing.T) {
	m := modeltest.New(model.Static, modeltest.Options{Seed: 1})
	m.Static = m.Static.Quantize()
	mean, err := model.Average([]*model.Model{m, m}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if mean.Static.Scale != nil || m.Static.Scale == nil {
		t.Fatal("the mean has a scale, or the model lost its own")
	}
	for i := range m.Static.Len() {
		want, have := m.Static.AppendRow(nil, i), mean.Static.AppendRow(nil, i)
		for k := range want {
			if want[k] != have[k] {
				t.Fatalf("row %d: %v, %v", i, have, want)
			}
		}
	}
}

func TestAverageRefuses(t *testing.T) {
	make := func(change func(*modeltest.Options)) *model.Model {
		o := modeltest.Options{Seed: 1}
		change(&o)
		return modeltest.New(model.BERT, o)
	}
	plain := make(func(*modeltest.Options) {})
	headed := make(func(*modeltest.Options) {})
	headed.Heads = map[string]*model.Tensor{"classifier.bias": model.NewF32("classifier.bias", []int{2}, []float32{1, 2})}
	wide := make(func(*modeltest.Options) {})
	wide.Heads = map[string]*model.Tensor{"classifier.bias": model.NewF32("classifier.bias", []int{3}, []float32{1, 2, 3})}
	changed := func(change func(*model.Model)) *model.Model {
		m := make(func(*modeltest.Options) {})
		change(m)
		return m
	}
	list := func(m ...*model.Model) []*model.Model { return m }
	for what, c := range map[string]struct {
		models  []*model.Model
		weights []float64
	}{
		"none":         {},
		"one":          {models: list(plain)},
		"few weights":  {list(plain, plain), []float64{1}},
		"no weight":    {list(plain, plain), []float64{1, 0}},
		"negative":     {list(plain, plain), []float64{2, -1}},
		"no number":    {list(plain, plain), []float64{1, math.NaN()}},
		"infinite":     {list(plain, plain), []float64{1, math.Inf(1)}},
		"layers":       {models: list(plain, make(func(o *modeltest.Options) { o.Layers = 3 }))},
		"vocabulary":   {models: list(plain, make(func(o *modeltest.Options) { o.Vocab = 65 }))},
		"architecture": {models: list(plain, modeltest.New(model.DistilBERT, modeltest.Options{}))},
		"table":        {models: list(modeltest.New(model.Static, modeltest.Options{}), modeltest.New(model.Static, modeltest.Options{Hidden: 16}))},
		"pooling":      {models: list(plain, make(func(o *modeltest.Options) { o.Pooling = model.PoolMax }))},
		"normalize":    {models: list(plain, make(func(o *modeltest.Options) { o.Normalize = true }))},
		"dense":        {models: list(plain, make(func(o *modeltest.Options) { o.Dense = 8 }))},
		"epsilon":      {models: list(plain, changed(func(m *model.Model) { m.Config.LayerNormEps = 1e-5 }))},
		"labels":       {models: list(plain, changed(func(m *model.Model) { m.Config.Labels = []string{"yes"} }))},
		"length":       {models: list(plain, changed(func(m *model.Model) { m.MaxTokens = 9 }))},
		"prompts":      {models: list(plain, changed(func(m *model.Model) { m.Prompts = map[string]string{"query": "q: "} }))},
		"cut":          {models: list(plain, changed(func(m *model.Model) { m.TruncateDim = 4 }))},
		"a head":       {models: list(plain, headed)},
		"other head":   {models: list(headed, wide)},
	} {
		if _, err := model.Average(c.models, c.weights); !errors.Is(err, model.ErrAverage) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
