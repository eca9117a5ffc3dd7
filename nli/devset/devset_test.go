package devset_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"semdex/internal/kernel"
	"semdex/nli"
	"semdex/nli/devset"
	"semdex/nli/pairs"
)

// vectors gives texts the vectors of a table.
func vectors(table map[string][]float32) nli.Encoder {
	return nli.EncoderFunc(func(_ context.Context, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		for i, s := range texts {
			out[i] = table[s]
		}
		return out, nil
	})
}

func level(t *testing.T) kernel.Level {
	t.Helper()
	l, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Hand-worked: query q0's documents are d1 (rank 1) and d2, q1's is d0, which
// stands behind d1 and d2; sentence a0's nearest is b0, a1's is b0 too.
func TestScore(t *testing.T) {
	enc := vectors(map[string][]float32{
		"q0": {1, 0, 9, 9},
		"q1": {3, 3, 9, 9},
		"d0": {-1, 0, 0, 0},
		"d1": {2, 1, 0, 0},
		"d2": {0, 1, 0, 0},
		"a0": {1, 0, 0, 0},
		"a1": {1, 0.5, 0, 0},
		"b0": {1, 0.1, 0, 0},
		"b1": {0, 1, 0, 0},
	})
	dev := pairs.Dev{
		STS: []pairs.STSSet{{Name: "sts", Pairs: []nli.Scored{{A: "q0", B: "d0", Score: 0}, {A: "q0", B: "d1", Score: 5}, {A: "q0", B: "d2", Score: 1}}}},
		Retrieval: []pairs.RetrievalSet{{
			Name: "ir", Queries: []string{"q0", "q1"}, Documents: []string{"d0", "d1", "d2"}, Relevant: [][]int{{2, 1}, {0}},
		}},
		Parallel: []pairs.ParallelSet{{Name: "mt", A: []string{"a0", "a1"}, B: []string{"b0", "b1"}}, {Name: "test", A: []string{"a0"}, B: []string{"b0"}, Test: true}},
	}
	for _, workers := range []int{1, 3} {
		sets := devset.New(dev, devset.Options{Level: level(t), Workers: workers})
		scores, err := sets.Score(t.Context(), enc, 2)
		if err != nil {
			t.Fatal(err)
		}
		want := []devset.Score{
			{"sts", devset.Spearman, 2, 1, false},
			{"ir", devset.MRR, 2, (1 + 1.0/3) / 2, false},
			{"mt", devset.Accuracy, 2, 0.75, false}, // a0-b0, b0-a0 and b1-a1 are found
			{"test", devset.Accuracy, 2, 1, true},
		}
		if len(scores) != len(want) {
			t.Fatalf("%d scores: %v", len(scores), scores)
		}
		for i, s := range scores {
			if math.Abs(s.Value-want[i].Value) > 1e-9 {
				t.Errorf("%v, want %v", s, want[i])
			}
			if s.Value = want[i].Value; s != want[i] {
				t.Errorf("%+v, want %+v", s, want[i])
			}
		}
		if m := devset.Mean(scores); math.Abs(m-(1+2.0/3+0.75)/3) > 1e-9 {
			t.Errorf("mean %g", m)
		}
		if s := devset.Format(scores); !strings.HasPrefix(s, "sts spearman 100.0, ir mrr@10 66.7") {
			t.Errorf("line %q", s)
		}
	}
	whole, err := devset.New(dev, devset.Options{Level: level(t)}).Score(t.Context(), enc)
	if err != nil || whole[0].Dims != 4 {
		t.Errorf("%v, %v", whole, err)
	}
}

// The mean takes the widest vectors alone.
func TestMean(t *testing.T) {
	list := []devset.Score{
		{Set: "a", Measure: devset.Spearman, Dims: 64, Value: 9},
		{Set: "a", Measure: devset.Spearman, Dims: 128, Value: 0.5},
		{Set: "b", Measure: devset.Spearman, Dims: 128, Value: 0.7},
		{Set: "c", Measure: devset.MRR, Dims: 128, Value: 0.2},
		{Set: "d", Measure: devset.Accuracy, Dims: 128, Value: 0.9, Reported: true},
	}
	if m := devset.Mean(list); math.Abs(m-0.4) > 1e-12 {
		t.Errorf("mean %g", m)
	}
	if devset.Mean(nil) != 0 || devset.Mean(list[4:]) != 0 {
		t.Error("nothing counts, and yet there is a mean")
	}
}

// A bounded set keeps the documents that answer its queries.
func TestBound(t *testing.T) {
	dev := pairs.Dev{Retrieval: []pairs.RetrievalSet{{
		Name: "ir", Queries: []string{"q0", "q1"}, Documents: []string{"d0", "d1", "d2", "d3", "d4"}, Relevant: [][]int{{4}, {3}},
	}}}
	table := map[string][]float32{"q0": {1, 0}, "q1": {0, 1}, "d0": {1, 0}, "d1": {0, 1}, "d2": {0, 1}, "d3": {0, 1}, "d4": {1, 1}}
	var seen []string
	enc := nli.EncoderFunc(func(ctx context.Context, texts []string) ([][]float32, error) {
		seen = append(seen, texts...)
		return vectors(table).Encode(ctx, texts)
	})
	sets := devset.New(dev, devset.Options{Level: level(t), Queries: 1, Documents: 2})
	scores, err := sets.Score(t.Context(), enc)
	if err != nil || !slices.Equal(seen, []string{"q0", "d0", "d4"}) || scores[0].Value != 0.5 {
		t.Errorf("%v of %v, %v", scores, seen, err)
	}
	if sets.Empty() || !devset.New(pairs.Dev{}, devset.Options{}).Empty() {
		t.Error("empty or not")
	}
}

func TestScoreFails(t *testing.T) {
	dev := pairs.Dev{Retrieval: []pairs.RetrievalSet{{Name: "ir", Queries: []string{"q"}, Documents: []string{"d"}, Relevant: [][]int{{0}}}}}
	bad := errors.New("no power")
	for name, enc := range map[string]nli.EncoderFunc{
		"error": func(context.Context, []string) ([][]float32, error) { return nil, bad },
		"short": func(context.Context, []string) ([][]float32, error) { return nil, nil },
	} {
		if _, err := devset.New(dev, devset.Options{Level: level(t)}).Score(t.Context(), enc); err == nil || !strings.HasPrefix(err.Error(), "ir: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
