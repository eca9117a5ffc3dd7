package workload_test

import (
	"math"
	"slices"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/workload"
)

func TestWorkloads(t *testing.T) {
	want := map[string]struct {
		sentences int
		mean      float64 // tokens of a sentence
		slack     float64
	}{
		"1x16": {1, 16, 0}, "1x32": {1, 32, 0}, "1x128": {1, 128, 0}, "1x256": {1, 256, 0},
		"32x16": {32, 16, 0}, "32x32": {32, 32, 0}, "32x128": {32, 128, 0}, "32x256": {32, 256, 0},
		"sentences": {128, 14.2, 0.2}, // SNLI's mean
		"passages":  {24, 148, 1},
	}
	all := workload.All()
	if len(all) != len(want) {
		t.Errorf("%d workloads, want %d", len(all), len(want))
	}
	for _, w := range all {
		expect, ok := want[w.Name]
		if !ok {
			t.Errorf("workload %s is not known", w.Name)
			continue
		}
		mean := float64(w.Tokens()) / float64(len(w.Lengths))
		if len(w.Lengths) != expect.sentences || math.Abs(mean-expect.mean) > expect.slack {
			t.Errorf("%s: %d sentences of %.1f tokens, want %d of %.1f", w.Name, len(w.Lengths), mean, expect.sentences, expect.mean)
		}
		if again, err := workload.Find(w.Name); err != nil || !slices.Equal(again.Lengths, w.Lengths) {
			t.Errorf("%s: other lengths at the second time (%v)", w.Name, err)
		}
	}
	if _, err := workload.Find("7x7"); err == nil {
		t.Error("7x7 is found")
	}
}

func TestSentences(t *testing.T) {
	w, err := workload.Find("sentences")
	if err != nil {
		t.Fatal(err)
	}
	for _, vocab := range []int{40, 30522} {
		all := w.Sentences(vocab)
		for i, ids := range all {
			if len(ids) != w.Lengths[i] {
				t.Fatalf("sentence %d has %d tokens, want %d", i, len(ids), w.Lengths[i])
			}
			for _, id := range ids {
				if id < int32(min(999, vocab/2)) || int(id) >= vocab {
					t.Fatalf("id %d of a vocabulary of %d", id, vocab)
				}
			}
		}
		for i, ids := range w.Sentences(vocab) {
			if !slices.Equal(ids, all[i]) {
				t.Fatalf("sentence %d differs at the second time", i)
			}
		}
	}
}

func TestBatches(t *testing.T) {
	w := workload.Workload{Lengths: []int{9, 3, 7, 3, 5}}
	for _, c := range []struct {
		order workload.Order
		size  int
		want  [][]int
	}{
		{workload.Arrival, 2, [][]int{{0, 1}, {2, 3}, {4}}},
		{workload.Sorted, 2, [][]int{{1, 3}, {4, 2}, {0}}},
		{workload.Sorted, 9, [][]int{{1, 3, 4, 2, 0}}},
	} {
		if got := w.Batches(c.order, c.size); !slices.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("order %v, %d at a time: %v, want %v", c.order, c.size, got, c.want)
		}
	}
}

// TestOperations counts one token by hand: 4 projections of 2x2, two of 2x3,
// scores and sums over one token of width 2, in 5 layers.
func TestOperations(t *testing.T) {
	c := model.Config{Hidden: 2, Intermediate: 3, Layers: 5}
	if got, want := workload.Operations(c, []int{1}), 2.0*5*(4*4+2*6+2*2); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	// Two tokens attend to two each.
	if got, want := workload.Operations(c, []int{2, 1}), 2.0*5*(2*(16+12+2*4)+32); got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestShapes makes a model of each shape, narrowed to stay quick, saves it,
// opens it and encodes with it in both precisions.
func TestShapes(t *testing.T) {
	if _, err := workload.FindShape("c"); err == nil {
		t.Error("shape c is found")
	}
	for _, name := range []string{"a", "B"} {
		s, err := workload.FindShape(name)
		if err != nil {
			t.Fatal(err)
		}
		s.Config.VocabSize, s.Config.Hidden, s.Config.Intermediate, s.Config.Layers = 100, 48, 96, 2
		m, err := s.Model()
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir() + "/model"
		if err := m.Save(dir, model.SaveOptions{}); err != nil {
			t.Fatal(err)
		}
		opened, err := model.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		w := workload.Workload{Lengths: []int{5, 1, 30}}
		batch := workload.Batch(w.Sentences(100))
		f32, i8 := encode(t, opened, batch, workload.Options{}), encode(t, m, batch, workload.Options{Int8: true, Workers: 1})
		for i := range w.Lengths {
			dot := 0.0
			for j := range 48 {
				dot += float64(f32[i*48+j]) * float64(i8[i*48+j])
			}
			if dot < 0.99 {
				t.Errorf("shape %s, sentence %d: cosine %v of int8 to float32", name, i, dot)
			}
		}
	}
	s, _ := workload.FindShape("A")
	s.Config.VocabSize, s.Config.Hidden, s.Config.Intermediate, s.Config.Layers = 100, 12, 12, 1
	m, err := s.Model()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := workload.NewEncoder(m, workload.Options{Level: "sse"}); err == nil {
		t.Error("level sse is accepted")
	}
}

func encode(t *testing.T, m *model.Model, b *encoder.Batch, o workload.Options) []float32 {
	t.Helper()
	enc, err := workload.NewEncoder(m, o)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, b.Len()*enc.Dims())
	if err := enc.Encode(t.Context(), b, encoder.Output{Normalize: true}, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}
