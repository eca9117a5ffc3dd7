package cross_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"semdex/embed"
	"semdex/nli"
	"semdex/nli/cross"
)

func TestJudge(t *testing.T) {
	pairs := []embed.Pair{{A: "a", B: "a"}, {A: "a", B: "b"}, {A: "c", B: "d"}}
	classes := &cross.Set{Name: "classes", Pairs: pairs, Labels: nli.LabelNames(), Classes: []int32{0, 1, 2}}
	score, decided, err := cross.Judge(classes, [][]float32{{2, 1, 0}, {0, 0, 3}, {-1, -2, 0}})
	if err != nil || !slices.Equal(decided, []float64{0, 2, 2}) {
		t.Fatalf("decided %v, %v", decided, err)
	}
	if want := 2. / 3; score.Accuracy != want || !reflect.DeepEqual(score.Confusion.Counts, [][]int{{1, 0, 0}, {0, 0, 1}, {0, 0, 1}}) {
		t.Errorf("score %+v", score)
	}
	scores := &cross.Set{Name: "scores", Pairs: pairs, Scores: []float64{1, .5, .2}}
	score, decided, err = cross.Judge(scores, [][]float32{{4}, {1.5}, {-3}})
	if err != nil || !slices.Equal(decided, []float64{4, 1.5, -3}) || score.Spearman < 1-1e-12 {
		t.Errorf("%+v decided %v, %v", score, decided, err)
	}
	for name, logits := range map[string][][]float32{"too few": {{1}}, "classes": {{1, 2}, {1, 2}, {1, 2}}, "none": nil} {
		if _, _, err := cross.Judge(scores, logits); !errors.Is(err, cross.ErrData) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
