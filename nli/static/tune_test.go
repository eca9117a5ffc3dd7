package static

import (
	"bytes"
	"context"
	"errors"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"semdex/embed/model"
	"semdex/nli"
	"semdex/nli/devset"
	"semdex/nli/pairs"
)

// start is a little-trained int8 table over words(topics).
func start(t *testing.T, topics int) *model.Model {
	t.Helper()
	c := small
	c.Steps = 10
	m, _, err := Train(t.Context(), c, words(t, topics), toy(topics, 300), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.Name, m.Static, m.Prompts = "start", m.Static.Quantize(), map[string]string{"query": "t0w0 "}
	return m
}

// mrr scores by the retrieval set of d.
func mrr(d *pairs.Data) func(context.Context, nli.Encoder) (float64, error) {
	sets := devset.New(pairs.Dev{Retrieval: d.Dev.Retrieval}, devset.Options{})
	return func(ctx context.Context, e nli.Encoder) (float64, error) {
		scores, err := sets.Score(ctx, e)
		return devset.Mean(scores), err
	}
}

// rising scores every evaluation better than the one before.
func rising() func(context.Context, nli.Encoder) (float64, error) {
	step := 0.0
	return func(context.Context, nli.Encoder) (float64, error) { step++; return step, nil }
}

func TestTuneLearnsAndLeavesTheRestAlone(t *testing.T) {
	const topics, used = 40, 20
	base, data := start(t, topics), toy(used, 1000)
	c := Config{Nested: []int{32}, Batch: 24, Steps: 80, EvalEvery: 20, Seed: 3}
	var steps []int
	m, report, err := Tune(t.Context(), c, Tuning{Evaluate: mrr(data), Pull: 1}, base, data, func(p TuneProgress) {
		if p.Score != nil {
			steps = append(steps, p.Step)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if before, after := report.Curve[0].Score, report.Curve[len(report.Curve)-1].Score; !(after > before+.1) {
		t.Errorf("score from %g to %g", before, after)
	}
	if !slices.Equal(steps, []int{0, 20, 40, 60, 80}) || report.Steps != 80 || report.BestStep == 0 {
		t.Errorf("evaluations at %v, %+v", steps, report)
	}
	if m.Config.Hidden != base.Config.Hidden || m.Tokenizer != base.Tokenizer || m.Prompts["query"] != "t0w0 " || m.Static.Rows.DType != model.I8 {
		t.Errorf("settings are lost: %+v", m)
	}
	if err := m.Save(filepath.Join(t.TempDir(), "tuned"), model.SaveOptions{DType: model.I8}); err != nil {
		t.Fatal(err)
	}
	d, changed := base.Static.Dims(), 0
	for i := range base.Static.Len() {
		same := bytes.Equal(m.Static.Rows.Data[i*d:(i+1)*d], base.Static.Rows.Data[i*d:(i+1)*d]) &&
			bytes.Equal(m.Static.Scale.Data[4*i:4*i+4], base.Static.Scale.Data[4*i:4*i+4])
		if !same {
			changed++
		}
		if topic := (i - 6) / 8; !same && (i < 6 || topic >= used) {
			t.Errorf("row %d changed, though no text uses it", i)
		}
	}
	if changed != report.Rows || changed < used*4 {
		t.Errorf("%d rows changed, the report says %d", changed, report.Rows)
	}
}

func TestTuneIsDeterministic(t *testing.T) {
	base, data := start(t, 10), toy(10, 300)
	for i := range data.Sources { // with texts to be told from
		n := int32(len(data.Texts))
		list := make([]pairs.Example, data.Sources[i].Len())
		for j := range list {
			list[j] = data.Sources[i].Draw(j, nil)
			list[j].Not = pairs.Run{First: int32(j) % n, End: int32(j)%n + 1, Skip: -1}
		}
		data.Sources[i] = pairs.NewSource(data.Sources[i].Name, "", 1, list)
	}
	run := func(workers int, seed uint64, hard bool) []byte {
		c := Config{Nested: []int{32}, Batch: 24, Steps: 20, Seed: seed, Workers: workers, Hard: hard}
		m, _, err := Tune(t.Context(), c, Tuning{Evaluate: rising(), Pull: 2}, base, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.Static.Rows.Data
	}
	one := run(1, 5, true)
	for _, workers := range []int{2, 3, 7} {
		if !bytes.Equal(one, run(workers, 5, true)) {
			t.Errorf("%d workers train another table", workers)
		}
	}
	if bytes.Equal(one, run(1, 6, true)) {
		t.Error("another seed trains the same table")
	}
	if bytes.Equal(one, run(1, 5, false)) {
		t.Error("hard negatives change nothing")
	}
}

// The rows of the best evaluation stay, and patience ends the training.
func TestTuneKeepsTheBest(t *testing.T) {
	base, data := start(t, 10), toy(10, 300)
	base.Static = &model.StaticTable{Rows: model.NewF32("w", base.Static.Rows.Shape, tableOf(level(t), base.Static, 1).rows)}
	for _, c := range []struct {
		scores     []float64
		best, last int
	}{
		{[]float64{.5, .6, .7, .7, .65, .8}, 20, 40}, // patience 2: .7 again is no better
		{[]float64{.5, .4, .6, .5, .7, .6, .8}, 60, 60},
		{[]float64{.5, .4, .3, .9}, 0, 20},
	} {
		var seen [][]float32
		evaluate := func(ctx context.Context, e nli.Encoder) (float64, error) {
			v, err := e.Encode(ctx, []string{"t3w1 t4w2"})
			seen = append(seen, v[0])
			return c.scores[len(seen)-1], err
		}
		config := Config{Nested: []int{32}, Batch: 24, Steps: 60, EvalEvery: 10, Seed: 3}
		m, report, err := Tune(t.Context(), config, Tuning{Evaluate: evaluate, Patience: 2}, base, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		if report.BestStep != c.best || report.Steps != c.last {
			t.Errorf("%v: best %d of %d steps, want %d of %d", c.scores, report.BestStep, report.Steps, c.best, c.last)
		}
		got := make([]float32, 64)
		(&table{dims: 64, rows: m.Static.Rows.F32(), level: level(t)}).mean(got, m.Tokenizer.AppendIDs(nil, "t3w1 t4w2"))
		if !slices.Equal(got, seen[c.best/10]) {
			t.Errorf("%v: the rows are not those of step %d", c.scores, c.best)
		}
		if (report.Rows == 0) != (c.best == 0) {
			t.Errorf("%v: %d rows changed", c.scores, report.Rows)
		}
	}
}

func TestPullKeepsRowsNear(t *testing.T) {
	base, data := start(t, 10), toy(10, 300)
	from := tableOf(level(t), base.Static, 1).rows
	far := func(pull float64) float64 {
		c := Config{Nested: []int{32}, Batch: 24, Steps: 40, Seed: 3}
		m, _, err := Tune(t.Context(), c, Tuning{Pull: pull, Evaluate: rising()}, base, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		var sum float64
		for i, x := range tableOf(level(t), m.Static, 1).rows {
			sum += math.Pow(float64(x-from[i]), 2)
		}
		return math.Sqrt(sum)
	}
	free, some, strong := far(0), far(5), far(50)
	if !(strong < some && some < free) || strong == 0 {
		t.Errorf("distances to the start %g, %g, %g for pulls of 0, 5 and 50", free, some, strong)
	}
}

func TestTuneStops(t *testing.T) {
	base, data := start(t, 10), toy(10, 300)
	c := Config{Nested: []int{32}, Batch: 24, Steps: 40, Seed: 3}
	_, report, err := Tune(t.Context(), c, Tuning{Evaluate: mrr(data), Limit: 1}, base, data, nil)
	if err != nil || !report.OutOfTime || report.Steps != 0 || report.Rows != 0 {
		t.Errorf("out of time: %+v, %v", report, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	evaluate := func(ctx context.Context, e nli.Encoder) (float64, error) { cancel(); return 1, nil }
	if m, _, err := Tune(ctx, c, Tuning{Evaluate: evaluate}, base, data, nil); !errors.Is(err, context.Canceled) || m != nil {
		t.Errorf("%v, %v", m, err)
	}
	failed := errors.New("no score")
	evaluate = func(context.Context, nli.Encoder) (float64, error) { return 0, failed }
	if _, _, err := Tune(t.Context(), c, Tuning{Evaluate: evaluate}, base, data, nil); !errors.Is(err, failed) {
		t.Errorf("%v", err)
	}
}

func TestTuneRefuses(t *testing.T) {
	base, data := start(t, 10), toy(10, 300)
	good := Tuning{Evaluate: mrr(data)}
	if _, _, err := Tune(t.Context(), Config{}, Tuning{}, base, data, nil); err == nil {
		t.Error("no score")
	}
	if _, _, err := Tune(t.Context(), Config{}, Tuning{Evaluate: good.Evaluate, Pull: math.NaN()}, base, data, nil); err == nil {
		t.Error("a pull of NaN")
	}
	if _, _, err := Tune(t.Context(), Config{}, good, &model.Model{Name: "bert"}, data, nil); !errors.Is(err, ErrTable) {
		t.Errorf("no table: %v", err)
	}
	base.Dense = make([]model.Dense, 1)
	if _, _, err := Tune(t.Context(), Config{}, good, base, data, nil); !errors.Is(err, ErrTable) {
		t.Errorf("a module behind the table: %v", err)
	}
}
