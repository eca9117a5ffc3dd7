package model_test

import (
	"sync"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
)

// TestFingerprintFollowsTheVectors changes one thing at a time.
func TestFingerprintFollowsTheVectors(t *testing.T) {
	cased := func(m *model.Model) {
		tok, err := tokenize.New(m.Tokenizer.Vocab(), tokenize.DefaultConfig(false))
		if err != nil {
			t.Fatal(err)
		}
		m.Tokenizer = tok
	}
	zero := func(x *model.Tensor) *model.Tensor { return model.NewF32("", x.Shape, make([]float32, x.Len())) }
	tests := []struct {
		name    string
		change  func(*model.Model)
		differs bool
	}{
		{"nothing", func(m *model.Model) {}, false},
		{"one weight", func(m *model.Model) { m.Transformer.Layers[1].Up.Weight.F32()[7]++ }, true},
		{"a norm", func(m *model.Model) { m.Transformer.Norm.Bias = zero(m.Transformer.Norm.Bias) }, true},
		{"two weights exchanged", func(m *model.Model) { l := &m.Transformer.Layers[0]; l.Query, l.Key = l.Key, l.Query }, true},
		{"dense bias", func(m *model.Model) { m.Dense[0].Bias = zero(m.Dense[0].Bias) }, true},
		{"no dense bias", func(m *model.Model) { m.Dense[0].Bias = nil }, true},
		{"dense activation", func(m *model.Model) { m.Dense[0].Activation = "identity" }, true},
		{"heads", func(m *model.Model) { m.Config.Heads = 2 }, true},
		{"activation", func(m *model.Model) { m.Config.Activation = "relu" }, true},
		{"eps", func(m *model.Model) { m.Config.LayerNormEps = 1e-5 }, true},
		{"pooling", func(m *model.Model) { m.Pooling = model.PoolCLS }, true},
		{"normalize", func(m *model.Model) { m.Normalize = true }, true},
		{"truncation", func(m *model.Model) { m.MaxTokens = 10 }, true},
		{"dims", func(m *model.Model) { m.TruncateDim = 4 }, true},
		{"prompts", func(m *model.Model) { m.Prompts = map[string]string{"query": "query: "} }, true},
		{"tokenizer", cased, true},

		{"an empty prompt", func(m *model.Model) { m.Prompts = map[string]string{"query": ""} }, false},
		{"name and card", func(m *model.Model) { m.Name, m.Card = "x", "y" }, false},
		{"dropout and labels", func(m *model.Model) { m.Config.Dropout, m.Config.Labels = 0.5, []string{"a"} }, false},
		{"pooler", func(m *model.Model) { m.Transformer.Pooler = nil }, false},
		{"classifier", func(m *model.Model) { m.Heads = map[string]*model.Tensor{"classifier.bias": m.Dense[0].Bias} }, false},
		{"similarity", func(m *model.Model) { m.Similarity = "dot" }, false},
	}
	make := func() *model.Model { return modeltest.New(model.BERT, modeltest.Options{Dense: 8, Seed: 5}) }
	base := make().Fingerprint()
	if len(base) != 64 {
		t.Fatalf("fingerprint %q", base)
	}
	for _, tt := range tests {
		m := make()
		tt.change(m)
		if got := m.Fingerprint() != base; got != tt.differs {
			t.Errorf("%s: differs %t, want %t", tt.name, got, tt.differs)
		}
	}
}

func TestFingerprintConcurrently(t *testing.T) {
	m := modeltest.New(model.Static, modeltest.Options{Vocab: 9000, Hidden: 256}) // three leaves
	want := modeltest.New(model.Static, modeltest.Options{Vocab: 9000, Hidden: 256}).Fingerprint()
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			if got := m.Fingerprint(); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	callers.Wait()
}

func TestFingerprintAfterClose(t *testing.T) {
	m, err := model.Open(modeltest.Folder(t, model.Static, modeltest.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := m.Fingerprint(); got != "" {
		t.Errorf("a closed model has the fingerprint %q", got)
	}
}

func BenchmarkFingerprint(b *testing.B) {
	rows := modeltest.New(model.Static, modeltest.Options{Vocab: 24000, Hidden: 256}).Static
	for name, table := range map[string]*model.StaticTable{"F32": rows, "I8": rows.Quantize()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(table.Rows.Data)))
			for b.Loop() {
				m := model.Model{Architecture: model.Static, Static: table}
				m.Fingerprint()
			}
		})
	}
}
