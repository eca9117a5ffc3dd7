package distill_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"semdex/distill"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

func TestTakeWords(t *testing.T) {
	from := modeltest.New(model.BERT, modeltest.Options{Layers: 1, Seed: 3})
	s := distill.Base(model.DistilBERT)
	s.Hidden, s.Layers, s.Heads, s.Intermediate, s.MaxPositions = from.Config.Hidden/2, 1, 1, 8, 16
	m, err := distill.Create(from.Tokenizer, s)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(m.Transformer.Word.F32())
	taken, err := distill.TakeWords(m, from)
	if err != nil {
		t.Fatal(err)
	}
	tok, h := m.Tokenizer, m.Config.Hidden
	ordinary := 0
	for id := range int32(tok.Len()) {
		row, theirs := m.Transformer.Word.F32()[int(id)*h:][:h], from.Transformer.Word.AppendRow(nil, int(id))[:h]
		if tok.IsSpecial(id) {
			if !slices.Equal(row, before[int(id)*h:][:h]) {
				t.Errorf("the row of %s changed", tok.Token(id))
			}
			continue
		}
		ordinary++
		var dot, own, other float64
		for i := range row {
			dot += float64(row[i]) * float64(theirs[i])
			own += float64(row[i]) * float64(row[i])
			other += float64(theirs[i]) * float64(theirs[i])
		}
		if cos := dot / math.Sqrt(own*other); cos < 0.99999 {
			t.Errorf("%s: cosine %g", tok.Token(id), cos)
		}
		if rms := math.Sqrt(own / float64(h)); math.Abs(rms-s.InitRange) > 1e-6 {
			t.Errorf("%s: %g a value, want %g", tok.Token(id), rms, s.InitRange)
		}
	}
	if taken != ordinary {
		t.Errorf("%d rows taken of %d", taken, ordinary)
	}
	s.Hidden = 2 * from.Config.Hidden
	wide, err := distill.Create(from.Tokenizer, s)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := distill.TakeWords(wide, from); !errors.Is(err, distill.ErrSpec) {
		t.Errorf("rows too short: %v", err)
	}
}
