package trainable_test

import (
	"errors"
	"math"
	"testing"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

// Parameters give the vectors that the serving engine gives, with every module
// of the pipeline, and go back into a model that gives them, too.
func TestSentence(t *testing.T) {
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"the search.", "한국어 검색 a b c", "z"}
	for _, o := range []modeltest.Options{
		{Normalize: true},
		{Pooling: model.PoolCLS, Dense: 12, Normalize: true},
		{Pooling: model.PoolMax, Dense: 40, Normalize: true},
	} {
		for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
			m := modeltest.New(arch, o)
			s, err := trainable.Sentence(m)
			if err != nil {
				t.Fatal(err)
			}
			b := new(train.Batch)
			for _, text := range texts {
				b.Append(m.Tokenizer.Encode(text, tokenize.Options{}).IDs, nil)
			}
			g := train.NewEngine(level, 1).Eval()
			x, err := s.Vectors(g, b)
			if err != nil {
				t.Fatal(err)
			}
			got := train.Values(x)
			if s.Dims() != m.Dims() || len(got) != len(texts)*m.Dims() {
				t.Fatalf("%d dims, the model has %d", s.Dims(), m.Dims())
			}
			for name, from := range map[string]*model.Model{"the model": m, "the model from parameters": s.Model()} {
				for i, v := range vectors(t, from, texts) {
					for j, want := range v {
						if math.Abs(float64(got[i*len(v)+j]-want)) > 2e-5 {
							t.Fatalf("%s %+v, text %d, dimension %d: %g, of %s %g", arch, o, i, j, got[i*len(v)+j], name, want)
						}
					}
				}
			}
			g.Close()
		}
	}
}

func vectors(t *testing.T, m *model.Model, texts []string) [][]float32 {
	t.Helper()
	e, err := embed.FromModel(m, embed.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Encode(t.Context(), texts, embed.EncodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Vectors
}

func TestSentenceRefuses(t *testing.T) {
	for name, m := range map[string]*model.Model{
		"static":  modeltest.New(model.Static, modeltest.Options{}),
		"pooling": modeltest.New(model.BERT, modeltest.Options{Pooling: "mean+cls"}),
	} {
		if _, err := trainable.Sentence(m); !errors.Is(err, trainable.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := modeltest.New(model.BERT, modeltest.Options{Dense: 8})
	m.Dense[0].Activation = "swish"
	if _, err := trainable.Sentence(m); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("activation: %v", err)
	}
	m.Dense[0] = model.Dense{Activation: "tanh"}
	if _, err := trainable.Sentence(m); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("no weight: %v", err)
	}
}
