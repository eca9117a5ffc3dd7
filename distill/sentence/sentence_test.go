package sentence_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"semdex/distill"
	"semdex/distill/sentence"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

func teacher(normalize bool) *model.Model {
	return modeltest.New(model.BERT, modeltest.Options{Layers: 4, Seed: 2, Spread: 0.12, Normalize: normalize})
}

// set is random sentences with the vectors that n gives them.
func set(t *testing.T, e *train.Engine, n *sentence.Net, seed uint64, count int) *sentence.Set {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 3))
	b := new(train.Batch)
	s := &sentence.Set{Count: count, Dims: n.Dims()}
	for range count {
		ids := []int32{2}
		for range 3 + rng.IntN(8) {
			ids = append(ids, 5+rng.Int32N(55))
		}
		s.IDs = append(s.IDs, append(ids, 3))
		b.Append(s.IDs[len(s.IDs)-1], nil)
	}
	g := e.Eval()
	defer g.Close()
	x, err := n.Vectors(g, b)
	if err != nil {
		t.Fatal(err)
	}
	vectors := append([]float32(nil), train.Values(x)...)
	s.Vector = func(dst []float32, i int) error {
		copy(dst, vectors[i*s.Dims:])
		return nil
	}
	return s
}

func engine(t *testing.T) *train.Engine {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, 2)
}

func open(t *testing.T, m *model.Model) *sentence.Net {
	t.Helper()
	n, err := sentence.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestDistil: a student of half the layers comes nearer to its teacher on
// sentences that it was not trained on, in every measure.
func TestDistil(t *testing.T) {
	e := engine(t)
	for _, normalize := range []bool{false, true} {
		m := teacher(normalize)
		copied, _, err := distill.CopyLayers(m, model.DistilBERT, distill.Every(4, 2))
		if err != nil {
			t.Fatal(err)
		}
		copied.Config.Dropout, copied.Config.AttentionDropout = 0, 0
		student, their := open(t, copied), open(t, m)
		data, held := set(t, e, their, 1, 400), set(t, e, their, 2, 60)
		before, err := student.Evaluate(e, held)
		if err != nil {
			t.Fatal(err)
		}
		task, err := sentence.NewTask(student, data, sentence.Weights{MSE: 1, Cosine: 1, Relation: 1})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := train.NewTrainer(e, task, train.Options{
			Seed: 1, Steps: 120, Plan: train.Plan{Tokens: 300}, Optimizer: train.AdamW{LR: 2e-3}, Warmup: 10, Clip: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tr.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		after, err := student.Evaluate(e, held)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("normalize %t: %s, before %s", normalize, after, before)
		if after.Cosine <= before.Cosine || after.MSE >= before.MSE || after.Overlap <= before.Overlap {
			t.Errorf("normalize %t: %s, before %s", normalize, after, before)
		}
		if self, err := open(t, m).Evaluate(e, held); err != nil || self.Overlap < 0.999999 || self.MSE != 0 {
			t.Errorf("the teacher against itself: %s, %v", self, err)
		}
		if back := student.Model(); back.Architecture != model.DistilBERT || back.Normalize != normalize {
			t.Error("the student's model changes its kind")
		}
	}
}

func TestRefuses(t *testing.T) {
	e, n := engine(t), open(t, teacher(false))
	good := set(t, e, n, 1, 5)
	all := sentence.Weights{MSE: 1}
	for name, try := range map[string]func(s sentence.Set) error{
		"dims":    func(s sentence.Set) error { s.Dims = 5; _, err := sentence.NewTask(n, &s, all); return err },
		"count":   func(s sentence.Set) error { s.Count = 4; _, err := sentence.NewTask(n, &s, all); return err },
		"empty":   func(s sentence.Set) error { s.IDs = nil; _, err := sentence.NewTask(n, &s, all); return err },
		"targets": func(s sentence.Set) error { s.Target = []int32{0}; _, err := sentence.NewTask(n, &s, all); return err },
		"target": func(s sentence.Set) error {
			s.Target = []int32{0, 0, 1, 1, 5}
			_, err := sentence.NewTask(n, &s, all)
			return err
		},
		"weights": func(s sentence.Set) error { _, err := sentence.NewTask(n, &s, sentence.Weights{}); return err },
		"weight":  func(s sentence.Set) error { _, err := sentence.NewTask(n, &s, sentence.Weights{MSE: -1}); return err },
	} {
		if err := try(*good); !errors.Is(err, sentence.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good.Target = []int32{0, 0, 1, 1, 4} // an original and a translation share a vector
	if _, err := sentence.NewTask(n, good, all); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*model.Model){
		"pooling": func(m *model.Model) { m.Pooling = "mean+cls" },
		"dense":   func(m *model.Model) { m.Dense = make([]model.Dense, 1) },
	} {
		m := teacher(false)
		change(m)
		if _, err := sentence.Open(m); !errors.Is(err, trainable.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
