package model_test

import (
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// TestForget: what was forgotten reads as before, from a file and from memory.
func TestForget(t *testing.T) {
	o := modeltest.Options{Hidden: 64, Intermediate: 256}
	m, err := model.Open(modeltest.Folder(t, model.BERT, o))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	inMemory := modeltest.New(model.BERT, o)
	for i := range m.Transformer.Layers {
		for _, l := range []*model.Layer{&m.Transformer.Layers[i], &inMemory.Transformer.Layers[i]} {
			for _, w := range []*model.Tensor{l.Query.Weight, l.Up.Weight, l.Down.Weight} {
				want := slices.Clone(w.Data)
				w.Forget()
				if !slices.Equal(w.Data, want) {
					t.Fatalf("%s is something else after Forget", w.Name)
				}
			}
		}
	}
	(*model.Tensor)(nil).Forget()
}
