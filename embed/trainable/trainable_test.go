package trainable_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

var architectures = []model.Architecture{model.BERT, model.DistilBERT}

func batch() *train.Batch {
	b := new(train.Batch)
	for n := range 5 {
		ids := make([]int32, 1+n*n*3)
		types := make([]int32, len(ids))
		for i := range ids {
			ids[i], types[i] = int32((i*7+n)%64), int32(2*i/len(ids))
		}
		b.Append(ids, types)
	}
	return b
}

// TestForward compares the training forward pass with the reference encoder.
func TestForward(t *testing.T) {
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	for _, arch := range architectures {
		for _, l := range []kernel.Level{kernel.Plain, level} {
			t.Run(fmt.Sprint(arch, "/", l), func(t *testing.T) {
				m := modeltest.New(arch, modeltest.Options{Seed: 3, Layers: 3, Spread: 0.2})
				e, err := trainable.Encoder(m)
				if err != nil {
					t.Fatal(err)
				}
				b := batch()
				g := train.NewEngine(l, 2).Eval()
				defer g.Close()
				states, err := e.Forward(g, b)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, m, b, train.Values(states[3]))
			})
		}
	}
}

func compare(t *testing.T, m *model.Model, b *train.Batch, got []float32) {
	t.Helper()
	r, err := encoder.NewReference(m.Transformer, m.Config, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := m.Config.Hidden
	eb := encoder.Batch(*b)
	err = r.Forward(context.Background(), &eb, func(i int, states []float32) {
		for j, v := range states {
			if d := math.Abs(float64(v - got[int(b.Offsets[i])*h+j])); d > 1e-5 {
				t.Errorf("sentence %d, value %d: %g, reference %g", i, j, got[int(b.Offsets[i])*h+j], v)
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestRoundTrip goes from a folder to parameters, to a folder, and compares
// names and fingerprints.
func TestRoundTrip(t *testing.T) {
	for _, arch := range architectures {
		m := modeltest.New(arch, modeltest.Options{Seed: 5, Dense: 8, Normalize: true})
		e, err := trainable.Encoder(m)
		if err != nil {
			t.Fatal(err)
		}
		pooler, err := trainable.Pooler(m)
		if err != nil || (pooler == nil) != (arch == model.DistilBERT) {
			t.Fatal(pooler, err)
		}
		head := train.NewMLMHead(e.Config)
		train.Init(head, 0.02, 9)
		back := trainable.Model(m, e, pooler, head)
		if back.Fingerprint() != m.Fingerprint() {
			t.Errorf("%s: the fingerprint changes", arch)
		}
		dir := filepath.Join(t.TempDir(), "model")
		if err := back.Save(dir, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		opened, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		if opened.Fingerprint() != m.Fingerprint() {
			t.Errorf("%s: the saved folder has another fingerprint", arch)
		}
		again := train.NewMLMHead(e.Config)
		if all, err := trainable.LoadHeads(opened, again); err != nil || !all {
			t.Errorf("%s: heads %v, %v", arch, all, err)
		}
		for i, p := range train.Parameters(again) {
			want := train.Parameters(head)[i]
			for j, v := range want.Values {
				if p.Values[j] != v {
					t.Fatalf("%s: %s differs", arch, p.Name)
				}
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(*model.Model){
		"activation": func(m *model.Model) { m.Config.Activation = "relu" },
		"shape":      func(m *model.Model) { m.Transformer.Layers[1].Up.Weight = m.Transformer.Layers[1].Query.Weight },
		"missing":    func(m *model.Model) { m.Transformer.Position = nil },
		"layers":     func(m *model.Model) { m.Config.Layers = 3 },
		"static":     func(m *model.Model) { m.Architecture, m.Transformer = model.Static, nil },
	} {
		m := modeltest.New(model.BERT, modeltest.Options{})
		change(m)
		if _, err := trainable.Encoder(m); !errors.Is(err, trainable.ErrModel) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := modeltest.New(model.BERT, modeltest.Options{})
	m.Heads = map[string]*model.Tensor{"classifier.weight": m.Transformer.Word}
	head := train.NewLinear("classifier", 3, m.Config.Hidden, true)
	if _, err := trainable.LoadHeads(m, head); !errors.Is(err, trainable.ErrModel) {
		t.Errorf("head: %v", err)
	}
	delete(m.Heads, "classifier.weight")
	if all, err := trainable.LoadHeads(m, head); err != nil || all {
		t.Errorf("no head: %v, %v", all, err)
	}
}
