package sbert_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/builtin"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/internal/metric"
	"semdex/nli"
	"semdex/nli/sbert"
)

// The untrained network orders pairs of texts as the table does, in all its
// dimensions and in the leading ones.
func TestFromStaticRanksAsTheTable(t *testing.T) {
	table, err := builtin.Open()
	if err != nil {
		t.Fatal(err)
	}
	net, err := sbert.FromStatic(table, sbert.Spec{Layers: 6, Heads: 8, MaxPositions: 128, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	texts := sentences(table, 60)
	want, got := encode(t, table, texts), encode(t, net, texts)
	for _, dims := range []int{256, 64} {
		var x, y []float64
		for i := range texts {
			for j := range i {
				x = append(x, nli.Cosine(want[i][:dims], want[j][:dims]))
				y = append(y, nli.Cosine(got[i][:dims], got[j][:dims]))
			}
		}
		r, err := metric.Spearman(x, y)
		if err != nil || r < 0.98 {
			t.Errorf("%d dims: Spearman of the cosines %.4f, %v", dims, r, err)
		}
	}
	for i, v := range got {
		if v[254] != 0 || v[255] != 0 {
			t.Fatalf("text %d has %g and %g in the spare dimensions", i, v[254], v[255])
		}
	}
}

// sentences are random words of the table's vocabulary. Six in a row have some
// words in common, as sentences about one thing do.
func sentences(m *model.Model, n int) []string {
	rng := rand.New(rand.NewPCG(1, 1))
	draw := func() string { return m.Tokenizer.Token(100 + rng.Int32N(int32(m.Tokenizer.Len())-100)) }
	out := make([]string, n)
	var topic []string
	for i := range out {
		if i%6 == 0 {
			topic = []string{draw(), draw(), draw(), draw(), draw(), draw()}
		}
		var words []string
		for range 4 + rng.IntN(12) {
			if rng.IntN(2) == 0 {
				words = append(words, topic[rng.IntN(len(topic))])
			} else {
				words = append(words, draw())
			}
		}
		out[i] = strings.ReplaceAll(strings.Join(words, " "), "##", "")
	}
	return out
}

func encode(t *testing.T, m *model.Model, texts []string) [][]float32 {
	t.Helper()
	e, err := embed.FromModel(m, embed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := e.Encode(context.Background(), texts, embed.EncodeOptions{NoPrompt: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.Vectors
}

func TestFromStaticRefuses(t *testing.T) {
	good := sbert.Spec{Layers: 1, Heads: 4, MaxPositions: 32}
	table := modeltest.New(model.Static, modeltest.Options{})
	for name, change := range map[string]func(*sbert.Spec){
		"heads":     func(s *sbert.Spec) { s.Heads = 5 },
		"wide":      func(s *sbert.Spec) { s.Hidden = 64 },
		"narrow":    func(s *sbert.Spec) { s.Hidden = 2 },
		"positions": func(s *sbert.Spec) { s.MaxPositions = 0 },
		"dropout":   func(s *sbert.Spec) { s.Dropout = 1 },
	} {
		s := good
		change(&s)
		if _, err := sbert.FromStatic(table, s); !errors.Is(err, sbert.ErrSpec) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sbert.FromStatic(modeltest.New(model.BERT, modeltest.Options{}), good); !errors.Is(err, sbert.ErrSpec) {
		t.Errorf("a transformer: %v", err)
	}
	zero := modeltest.New(model.Static, modeltest.Options{})
	zero.Static.Rows = model.NewF32("embedding.weight", []int{64, 32}, make([]float32, 64*32))
	if _, err := sbert.FromStatic(zero, good); !errors.Is(err, sbert.ErrSpec) {
		t.Errorf("a table of zeros: %v", err)
	}
	if m, err := sbert.FromStatic(table, good); err != nil || m.Config.Intermediate != 128 || m.Config.Hidden != 32 {
		t.Errorf("%+v, %v", m, err)
	}
}
