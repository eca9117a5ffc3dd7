package devset_test

import (
	"reflect"
	"testing"

	"semdex/nli/devset"
	"semdex/nli/pairs"
)

// a0's nearest is b0 and b0's is a0; a1's nearest is b0, but b1's is a1.
func TestTranslations(t *testing.T) {
	enc := vectors(map[string][]float32{
		"a0": {1, 0, 7}, "a1": {1, 0.5, 0},
		"b0": {1, 0.1, 7}, "b1": {0, 1, 0},
	})
	set := pairs.ParallelSet{Name: "mt", A: []string{"a0", "a1"}, B: []string{"b0", "b1"}}
	sets := devset.New(pairs.Dev{Parallel: []pairs.ParallelSet{set}}, devset.Options{Level: level(t)})
	got, err := sets.Translations(t.Context(), enc, set, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]float64{{1, .5}, {1, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	scores, err := sets.Score(t.Context(), enc, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range scores {
		if mean := (got[i][0] + got[i][1]) / 2; s.Value != mean {
			t.Errorf("%d dims: the mean is %v, Score says %v", s.Dims, mean, s.Value)
		}
	}
	if _, err := sets.Translations(t.Context(), enc, set, 4); err == nil {
		t.Error("4 of 3 dimensions")
	}
}
