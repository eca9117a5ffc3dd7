package sbert_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/sbert"
)

// judgements are pairs without a common word: 5 if they share a topic, 0 if not.
func judgements(seed uint64, n int) []nli.Scored {
	rng := rand.New(rand.NewPCG(seed, 4))
	var list []nli.Scored
	for range n {
		topic := rng.IntN(topics)
		other, score := topic, 5.0
		if rng.IntN(2) == 0 {
			other, score = (topic+1+rng.IntN(topics-1))%topics, 0
		}
		list = append(list, nli.Scored{
			A:     fmt.Sprintf("t%dw%d t%dw%d", topic, rng.IntN(4), topic, rng.IntN(4)),
			B:     fmt.Sprintf("t%dw%d t%dw%d", other, 4+rng.IntN(4), other, 4+rng.IntN(4)),
			Score: score,
		})
	}
	return list
}

// inferences are the judgements with labels for scores; the word that ends a
// hypothesis makes a third class.
func inferences(seed uint64, n int) []nli.Inference {
	var list []nli.Inference
	for i, p := range judgements(seed, n) {
		label := nli.Entailment
		switch {
		case p.Score == 0:
			label = nli.Contradiction
		case i%2 == 0:
			label = nli.Neutral
			p.B += " [UNK]"
		}
		list = append(list, nli.Inference{Premise: p.A, Hypothesis: p.B, Label: label})
	}
	return list
}

func scored(t *testing.T, seed uint64, n int) *sbert.Judged {
	t.Helper()
	j, err := sbert.NewScored("scored", words(t), judgements(seed, n), 5, 16)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func classified(t *testing.T, seed uint64, n int) *sbert.Judged {
	t.Helper()
	j, err := sbert.NewClassified("classified", words(t), inferences(seed, n), 16)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// Both losses over scores raise the correlation on pairs that they have not
// seen, in all dimensions and in half of them.
func TestScoresLearn(t *testing.T) {
	for _, objective := range []sbert.Objective{sbert.CoSENT, sbert.CosineMSE} {
		for _, seed := range []uint64{1, 2, 3} {
			m := untrained(t, seed)
			net := open(t, m)
			before := spearman(t, m, 32)
			task := &sbert.Judging{
				Net: net.SentenceEncoder, Objective: objective, Sets: []*sbert.Judged{scored(t, seed, 300), scored(t, seed+10, 300)},
				Batches: 60, Pairs: 32, Scale: 20, Dims: []int{32, 16}, Seed: seed,
			}
			if err := task.Prepare(); err != nil {
				t.Fatal(err)
			}
			if err := run(t, t.Context(), task, options(60, "")); err != nil {
				t.Fatal(err)
			}
			for _, dims := range []int{32, 16} {
				if after := spearman(t, net.Model(), dims); after < before+0.2 {
					t.Errorf("%s, seed %d, %d dims: Spearman %.3f, untrained %.3f", objective, seed, dims, after, before)
				}
			}
		}
	}
}

// The softmax objective classifies pairs that it has not seen.
func TestSoftmaxLearns(t *testing.T) {
	e, net := engine(t), open(t, untrained(t, 4))
	test := classified(t, 40, 200)
	task := &sbert.Judging{
		Net: net.SentenceEncoder, Objective: sbert.Softmax, Sets: []*sbert.Judged{classified(t, 4, 800)},
		Batches: 100, Pairs: 32, Dims: []int{16, 32}, Seed: 4,
	}
	if err := task.Prepare(); err != nil {
		t.Fatal(err)
	}
	before, err := task.Accuracy(e, test)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t, t.Context(), task, options(100, "")); err != nil {
		t.Fatal(err)
	}
	after, err := task.Accuracy(e, test)
	t.Logf("accuracy %.3f, untrained %.3f", after, before)
	if err != nil || after < 0.7 {
		t.Errorf("accuracy %.3f, untrained %.3f, %v", after, before, err)
	}
	if len(task.Heads) != 2 || train.Describe(task.Heads[0].Weight).Dims[1] != 3*16 || len(task.Modules()) != 3 {
		t.Errorf("heads %v", task.Heads)
	}
}

// By hand: two equal texts have the cosine 1, so the squared error of the score
// 4 of 5 is .04.
func TestCosineMSE(t *testing.T) {
	list := []nli.Scored{{A: "t0w0", B: "t0w0", Score: 4}, {A: "t0w1", B: "t0w1", Score: 5}}
	j, err := sbert.NewScored("same", words(t), list, 5, 16)
	if err != nil {
		t.Fatal(err)
	}
	m := untrained(t, 1)
	m.Config.Dropout, m.Config.AttentionDropout = 0, 0
	task := &sbert.Judging{Net: open(t, m).SentenceEncoder, Objective: sbert.CosineMSE, Sets: []*sbert.Judged{j}, Batches: 1, Pairs: 9, Chunk: 4}
	if err := task.Prepare(); err != nil {
		t.Fatal(err)
	}
	g := engine(t).Train(1)
	defer g.Close()
	l, err := task.Loss(g, 1, []int32{0})
	if err != nil || l.Weight != 2 || math.Abs(float64(train.Values(l.Value)[0])-0.02) > 1e-6 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := task.Loss(g, 1, []int32{0, 0}); !errors.Is(err, train.ErrConfig) {
		t.Errorf("two batches at once: %v", err)
	}
}

func TestJudgingRefuses(t *testing.T) {
	net, tok := open(t, untrained(t, 1)).SentenceEncoder, words(t)
	good := sbert.Judging{Net: net, Objective: sbert.CoSENT, Sets: []*sbert.Judged{scored(t, 1, 20)}, Batches: 2, Pairs: 8, Scale: 20}
	for name, c := range map[string]struct {
		want   error
		change func(*sbert.Judging)
	}{
		"batches":   {train.ErrConfig, func(j *sbert.Judging) { j.Batches = 0 }},
		"pairs":     {train.ErrConfig, func(j *sbert.Judging) { j.Pairs = 1 }},
		"scale":     {train.ErrConfig, func(j *sbert.Judging) { j.Scale = 0 }},
		"dims":      {train.ErrConfig, func(j *sbert.Judging) { j.Dims = []int{99} }},
		"objective": {train.ErrConfig, func(j *sbert.Judging) { j.Objective = "best" }},
		"no sets":   {sbert.ErrData, func(j *sbert.Judging) { j.Sets = nil }},
		"classes":   {sbert.ErrData, func(j *sbert.Judging) { j.Sets = []*sbert.Judged{classified(t, 1, 20)} }},
		"scores":    {sbert.ErrData, func(j *sbert.Judging) { j.Objective = sbert.Softmax }},
		"weight":    {sbert.ErrData, func(j *sbert.Judging) { j.Sets[0].Weight = 0 }},
	} {
		task := good
		task.Sets = []*sbert.Judged{scored(t, 1, 20)}
		c.change(&task)
		if err := task.Prepare(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	same := []nli.Scored{{A: "t0w0", B: "t0w1", Score: 1}, {A: "t1w0", B: "t1w1", Score: 1}}
	if _, err := sbert.NewScored("same", tok, same, 5, 16); !errors.Is(err, sbert.ErrData) {
		t.Errorf("one score: %v", err)
	}
	label := []nli.Inference{{Premise: "t0w0", Hypothesis: "t0w1"}, {Premise: "t1w0", Hypothesis: "t1w1"}}
	if _, err := sbert.NewClassified("label", tok, label, 16); !errors.Is(err, sbert.ErrData) {
		t.Errorf("one label: %v", err)
	}
	if _, err := sbert.NewScored("none", tok, nil, 5, 16); !errors.Is(err, sbert.ErrData) {
		t.Errorf("nothing: %v", err)
	}
}
