package sbert_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/tokenize"
	"semdex/embed/trainable"
	"semdex/internal/kernel"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/pairs"
	"semdex/nli/sbert"
)

const topics = 12

// words is a vocabulary in which topic t has the words t<t>w0 to t<t>w7.
func words(t *testing.T) *tokenize.Tokenizer {
	t.Helper()
	list := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for i := range topics * 8 {
		list = append(list, fmt.Sprintf("t%dw%d", i/8, i%8))
	}
	v, err := tokenize.NewVocab(list)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenize.New(v, tokenize.DefaultConfig(true))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// untrained is a tiny encoder over words.
func untrained(t *testing.T, seed uint64) *model.Model {
	t.Helper()
	tok := words(t)
	m := modeltest.New(model.DistilBERT, modeltest.Options{Hidden: 32, Layers: 2, Heads: 2, Vocab: tok.Len(), Positions: 32, Spread: 0.05, Seed: seed})
	m.Tokenizer = tok
	m.Config.Dropout, m.Config.AttentionDropout = 0.1, 0.1
	return m
}

func one(i int32) pairs.Run { return pairs.Run{First: i, End: i + 1, Skip: -1} }

// toy is pairs whose texts share a topic and no word.
func toy(seed uint64, n int) *pairs.Data {
	rng := rand.New(rand.NewPCG(seed, 9))
	d := new(pairs.Data)
	text := func(topic, from int) pairs.Run {
		d.Texts = append(d.Texts, fmt.Sprintf("t%dw%d t%dw%d", topic, from+rng.IntN(4), topic, from+rng.IntN(4)))
		return one(int32(len(d.Texts) - 1))
	}
	lists := make([][]pairs.Example, 2)
	for i := range n {
		topic := rng.IntN(topics)
		e := pairs.Example{A: text(topic, 0), B: text(topic, 4), Group: int32(topic + 1)}
		if i%3 == 0 {
			e.Not = text((topic+1)%topics, 4)
		}
		lists[i%2] = append(lists[i%2], e)
	}
	d.Sources = []*pairs.Source{pairs.NewSource("even", "", 2, lists[0]), pairs.NewSource("odd", "", 1, lists[1])}
	return d
}

func engine(t *testing.T) *train.Engine {
	t.Helper()
	level, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return train.NewEngine(level, 2)
}

func corpus(t *testing.T, data *pairs.Data) *sbert.Corpus {
	t.Helper()
	c, err := sbert.NewCorpus(t.Context(), words(t), data, 2)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func open(t *testing.T, m *model.Model) *trainable.SentenceModel {
	t.Helper()
	net, err := trainable.Sentence(m)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

func ranking(t *testing.T, net *trainable.SentenceModel, data *pairs.Data, batches int) *sbert.Ranking {
	t.Helper()
	task := &sbert.Ranking{
		Net: net.SentenceEncoder, Corpus: corpus(t, data), Batches: batches, Scale: 20, Dims: []int{32, 16},
		Sizes: sbert.Sizes{Pairs: 24, Tokens: 400, MaxTokens: 16}, Seed: 5,
	}
	if err := task.Prepare(); err != nil {
		t.Fatal(err)
	}
	return task
}

// options are those of a short run; dir is its folder, "" for none.
func options(steps int, dir string) train.Options {
	return train.Options{
		Seed: 3, Steps: steps, Plan: sbert.Plan, Optimizer: train.AdamW{LR: 3e-3}, WarmupShare: 0.1, Clip: 1,
		Dir: dir, SaveEvery: 5,
	}
}

func run(t *testing.T, ctx context.Context, task train.Task, o train.Options) error {
	t.Helper()
	tr, err := train.NewTrainer(engine(t), task, o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tr.Run(ctx)
	return err
}

// held are pairs of texts, scored 1 if they share a topic. None shares a word.
func held() []nli.Scored {
	var list []nli.Scored
	for topic := range topics {
		a, b := fmt.Sprintf("t%dw0 t%dw3", topic, topic), fmt.Sprintf("t%dw5 t%dw6", topic, topic)
		other := (topic + 5) % topics
		list = append(list, nli.Scored{A: a, B: b, Score: 1},
			nli.Scored{A: a, B: fmt.Sprintf("t%dw5 t%dw6", other, other), Score: 0})
	}
	return list
}

func spearman(t *testing.T, m *model.Model, dims int) float64 {
	t.Helper()
	enc := nli.EncoderFunc(func(_ context.Context, texts []string) ([][]float32, error) { return encode(t, m, texts), nil })
	s, err := nli.EvalSTS(t.Context(), enc, held(), dims)
	if err != nil {
		t.Fatal(err)
	}
	return s[0].Spearman
}

// Training beats the untrained encoder and the overlap of words on pairs that
// it has not seen, from three seeds, in full and in half the dimensions.
func TestRankingLearns(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		m := untrained(t, seed)
		net := open(t, m)
		before := spearman(t, m, 32)
		if err := run(t, t.Context(), ranking(t, net, toy(seed, 600), 60), options(60, "")); err != nil {
			t.Fatal(err)
		}
		for _, dims := range []int{32, 16} {
			after := spearman(t, net.Model(), dims)
			t.Logf("seed %d, %d dims: %.3f, untrained %.3f", seed, dims, after, before)
			if after < before+0.2 || after < 0.7 {
				t.Errorf("seed %d, %d dims: Spearman %.3f, untrained %.3f", seed, dims, after, before)
			}
		}
	}
	if _, err := nli.EvalOverlap(held(), nli.Words); err == nil {
		t.Error("the overlap of words tells the held-out pairs apart")
	}
}

// A run that is stopped and goes on has the weights of one that is not, those of
// heads included.
func TestResume(t *testing.T) {
	data := toy(1, 300)
	for name, newTask := range map[string]func(*trainable.SentenceModel) train.Task{
		"ranking": func(net *trainable.SentenceModel) train.Task { return ranking(t, net, data, 24) },
		"softmax": func(net *trainable.SentenceModel) train.Task {
			task := &sbert.Judging{
				Net: net.SentenceEncoder, Objective: sbert.Softmax, Sets: []*sbert.Judged{classified(t, 1, 100)},
				Batches: 24, Pairs: 8, Seed: 1,
			}
			if err := task.Prepare(); err != nil {
				t.Fatal(err)
			}
			return task
		},
	} {
		whole := resumed(t, newTask)
		if parts := resumed(t, newTask, 3, 11); !slices.Equal(whole, parts) {
			t.Errorf("%s: a run that was stopped twice ends with other weights", name)
		}
	}
}

// resumed is the weights at the end of a run of 24 updates that was stopped after
// some of them.
func resumed(t *testing.T, newTask func(*trainable.SentenceModel) train.Task, stops ...int) []float32 {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "run")
	var task train.Task
	for _, stop := range append(stops, 0) {
		task = newTask(open(t, untrained(t, 1)))
		ctx, cancel := context.WithCancel(t.Context())
		o := options(24, dir)
		o.Resume = true
		o.Progress = func(p train.Progress) {
			if p.Step == stop {
				cancel()
			}
		}
		err := run(t, ctx, task, o)
		cancel()
		if stop > 0 != errors.Is(err, context.Canceled) {
			t.Fatalf("stop at %d: %v", stop, err)
		}
	}
	var all []float32
	for _, p := range train.Parameters(task.Modules()...) {
		all = append(all, p.Values...)
	}
	return all
}

// In chunks of few tokens a step without dropout is the same.
func TestRankingInChunks(t *testing.T) {
	data := toy(2, 100)
	value := func(chunk int) float64 {
		m := untrained(t, 2)
		m.Config.Dropout, m.Config.AttentionDropout = 0, 0
		task := ranking(t, open(t, m), data, 3)
		task.Chunk = chunk
		g := engine(t).Train(1)
		defer g.Close()
		l, err := task.Loss(g, 7, []int32{1})
		if err != nil {
			t.Fatal(err)
		}
		return float64(train.Values(l.Value)[0])
	}
	if a, b := value(0), value(20); math.Abs(a-b) > 1e-5 {
		t.Errorf("loss %g at once, %g in chunks", a, b)
	}
}

func TestRankingRefuses(t *testing.T) {
	net, data := open(t, untrained(t, 1)), toy(1, 60)
	for name, change := range map[string]func(*sbert.Ranking){
		"batches": func(r *sbert.Ranking) { r.Batches = 0 },
		"scale":   func(r *sbert.Ranking) { r.Scale = math.Inf(1) },
		"pairs":   func(r *sbert.Ranking) { r.Sizes.Pairs = 1 },
		"tokens":  func(r *sbert.Ranking) { r.Sizes.Tokens = 0 },
		"long":    func(r *sbert.Ranking) { r.Sizes.MaxTokens = 33 },
		"dims":    func(r *sbert.Ranking) { r.Dims = []int{64} },
		"twice":   func(r *sbert.Ranking) { r.Dims = []int{16, 16} },
		"chunk":   func(r *sbert.Ranking) { r.Chunk = -1 },
	} {
		task := ranking(t, net, data, 3)
		change(task)
		if err := task.Prepare(); !errors.Is(err, train.ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	task := ranking(t, net, data, 3)
	if _, err := task.Loss(engine(t).Train(1), 1, []int32{0, 1}); !errors.Is(err, train.ErrConfig) {
		t.Errorf("two batches at once: %v", err)
	}
	single := &pairs.Data{Texts: []string{"t0w0", "t0w1"}}
	single.Sources = []*pairs.Source{pairs.NewSource("one", "", 1, []pairs.Example{{A: one(0), B: one(1)}})}
	task.Corpus = corpus(t, single)
	if err := task.Prepare(); !errors.Is(err, sbert.ErrData) {
		t.Errorf("a single pair: %v", err)
	}
	if _, err := sbert.NewCorpus(t.Context(), words(t), new(pairs.Data), 1); !errors.Is(err, sbert.ErrData) {
		t.Errorf("no pairs: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sbert.NewCorpus(ctx, words(t), data, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
