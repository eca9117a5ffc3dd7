package mlm_test

import (
	"math"
	"testing"

	"semdex/distill"
	"semdex/distill/mlm"
	"semdex/embed/model"
	"semdex/internal/kernel"
	"semdex/internal/train"
)

// TestPrior: a head that begins with the tokens' frequencies is about as good as
// they are, and better than a fresh one. Pooled sets count by their tokens.
func TestPrior(t *testing.T) {
	tok := tokenizer(t)
	s := distill.Base(model.DistilBERT)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions = 32, 2, 2, 64, 32
	m, err := distill.Create(tok, s)
	if err != nil {
		t.Fatal(err)
	}
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	e := train.NewEngine(level, 2)
	n, err := mlm.Open(m, 1)
	if err != nil {
		t.Fatal(err)
	}
	masker, err := mlm.NewMasker(tok, 0.15, false)
	if err != nil {
		t.Fatal(err)
	}
	d, held := pack(t, tok, 32, corpus(1, 200)), pack(t, tok, 32, corpus(2, 100))
	before, err := n.Evaluate(e, held, masker, 1)
	if err != nil {
		t.Fatal(err)
	}
	n.Prior(d)
	after, err := n.Evaluate(e, held, masker, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(after.Loss-after.Unigram) > 0.25 || after.Loss >= before.Loss-0.5 {
		t.Errorf("loss %.3f, before %.3f, frequencies %.3f", after.Loss, before.Loss, after.Unigram)
	}
	if a, b := d.Fingerprint(), held.Fingerprint(); a == b || a != pack(t, tok, 32, corpus(1, 200)).Fingerprint() {
		t.Error("fingerprints do not tell texts apart")
	}
	p := mlm.Pool(mlm.Score{Tokens: 1, Loss: 4, Accuracy: 1, Unigram: 5}, mlm.Score{Tokens: 3, Loss: 2, Unigram: 1})
	want := mlm.Score{Tokens: 4, Loss: 2.5, Perplexity: math.Exp(2.5), Accuracy: 0.25, Unigram: 2}
	if p != want {
		t.Errorf("pooled %+v, want %+v", p, want)
	}
}
