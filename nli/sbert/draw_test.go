package sbert

import (
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/trainable"
	"semdex/nli/pairs"
)

func TestShuffledIsAnOrder(t *testing.T) {
	for _, n := range []int{1, 2, 3, 17, 64, 1000, 1025} {
		seen, moved := make([]bool, n), 0
		for i := range n {
			j := shuffled(i, n, 42)
			if j < 0 || j >= n || seen[j] {
				t.Fatalf("%d of %d goes to %d", i, n, j)
			}
			seen[j] = true
			if i != j {
				moved++
			}
		}
		if n > 16 && moved < n*3/4 {
			t.Errorf("%d of %d are moved", moved, n)
		}
	}
	if shuffled(5, 1000, 1) == shuffled(5, 1000, 2) && shuffled(6, 1000, 1) == shuffled(6, 1000, 2) {
		t.Error("two keys, one order")
	}
}

// drawing is a task over letters: texts are words of the tiny vocabulary.
func drawing(t *testing.T, size Sizes) *Ranking {
	t.Helper()
	m := modeltest.New(model.DistilBERT, modeltest.Options{})
	net, err := trainable.Sentence(m)
	if err != nil {
		t.Fatal(err)
	}
	d := &pairs.Data{Texts: []string{"a", "b", "c", "d", "e", "f", "g", "h", "", "a b c d e f g h i j k l"}}
	run := func(i int32) pairs.Run { return pairs.Run{First: i, End: i + 1, Skip: -1} }
	d.Sources = []*pairs.Source{
		pairs.NewSource("short", "", 3, []pairs.Example{
			{A: run(0), B: run(1)},
			{A: run(2), B: run(3), Not: run(4)},
			{A: run(4), B: run(5), Group: 2},
			{A: run(6), B: run(8)}, // empty
		}),
		pairs.NewSource("long", "", 1, []pairs.Example{
			{A: run(9), B: pairs.Run{First: 0, End: 4, Skip: 1}},
			{A: run(9), B: run(7)},
			{A: run(9), B: run(6)},
		}),
	}
	d.Sources[0].Sharpness = 0.5
	c, err := NewCorpus(t.Context(), m.Tokenizer, d, 1)
	if err != nil {
		t.Fatal(err)
	}
	task := &Ranking{Net: net.SentenceEncoder, Corpus: c, Batches: 400, Scale: 20, Sizes: size, Seed: 1}
	if err := task.Prepare(); err != nil {
		t.Fatal(err)
	}
	return task
}

func TestDraw(t *testing.T) {
	task := drawing(t, Sizes{Pairs: 2, Tokens: 1000, MaxTokens: 8})
	a, _ := task.Corpus.class, task.Corpus.closing
	short, seen := 0, map[int32]int{}
	for i := range task.Batches {
		b := task.draw(9, i)
		if task.deck.source[i] == 0 {
			short++
			for _, ids := range b.a {
				seen[ids[1]]++
			}
			if b.sharpness != 0.5 {
				t.Fatalf("sharpness %g", b.sharpness)
			}
		}
		for _, ids := range b.texts() {
			if len(ids) < 3 || len(ids) > 8 || ids[0] != a || ids[len(ids)-1] != task.Corpus.closing {
				t.Fatalf("text %v", ids)
			}
		}
		again := task.draw(9, i)
		if !slices.EqualFunc(b.texts(), again.texts(), slices.Equal) {
			t.Fatal("one number, two batches")
		}
	}
	if short < 270 || short > 330 {
		t.Errorf("%d of 400 batches are of the source with three quarters of the weight", short)
	}
	// Two of four examples a batch, the empty one among them: each of the three
	// others comes in every second batch.
	for id, n := range seen {
		if n < short/2-1 || n > short/2+1 {
			t.Errorf("the pair of token %d comes %d times in %d batches", id, n, short)
		}
	}
}

// The budget in tokens ends a batch, but two pairs always fit.
func TestDrawBudget(t *testing.T) {
	task := drawing(t, Sizes{Pairs: 3, Tokens: 20, MaxTokens: 12})
	for i := range task.Batches {
		if b := task.draw(9, i); task.deck.source[i] == 1 && b.pairs() != 2 {
			t.Fatalf("%d long pairs of %d tokens", b.pairs(), b.tokens)
		}
	}
}

// A text that is no partner is a candidate behind the partners; equal texts have
// equal numbers.
func TestBatchNumbers(t *testing.T) {
	task := drawing(t, Sizes{Pairs: 4, Tokens: 1000, MaxTokens: 8})
	for i := range task.Batches {
		if task.deck.source[i] != 0 {
			continue
		}
		b := task.draw(1, i)
		if b.pairs() != 3 || len(b.not) != 1 {
			t.Fatalf("%d pairs, %d others", b.pairs(), len(b.not))
		}
		n := b.numbers()
		e := slices.IndexFunc(b.a, func(ids []int32) bool { return ids[1] == b.not[0][1] })
		if n[6] != n[e] || b.groups[e] != 2 {
			t.Errorf("numbers %v of %v", n, b.texts())
		}
		return
	}
}
