package train

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/spago/nn"

	"semdex/internal/kernel"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// mlmTask predicts masked tokens of sentences in which every token but the
// first follows from the one before.
type mlmTask struct {
	e         *Encoder
	head      *MLMHead
	sentences [][]int32
	poison    int // the example whose loss is NaN, if not 0
}

const maskID = 1

func newTask(t testing.TB, arch Architecture, sentences int, dropout float64) *mlmTask {
	t.Helper()
	c := tinyConfig(arch)
	c.Hidden, c.Heads, c.Dropout, c.AttentionDropout = 32, 2, dropout, dropout
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &mlmTask{e: e, head: NewMLMHead(c)}
	Init(e, 0.05, 1)
	Init(m.head, 0.05, 1)
	rng := rand.New(rand.NewPCG(7, 7))
	for range sentences {
		s := make([]int32, 4+rng.IntN(12))
		s[0] = 2 + rng.Int32N(35)
		for i := range s[1:] {
			s[i+1] = 2 + (s[i]*5+3)%35
		}
		m.sentences = append(m.sentences, s)
	}
	return m
}

func (m *mlmTask) Modules() []nn.Model { return []nn.Model{m.e, m.head} }
func (m *mlmTask) Len() int            { return len(m.sentences) }
func (m *mlmTask) Tokens(i int) int    { return len(m.sentences[i]) }

func (m *mlmTask) Loss(g *Graph, seed uint64, examples []int32) (Loss, error) {
	b := new(Batch)
	var rows, targets []int32
	for _, x := range examples {
		ids := slices.Clone(m.sentences[x])
		at := 1 + int(Seed(seed, uint64(x))%uint64(len(ids)-1))
		rows, targets = append(rows, int32(b.Tokens()+at)), append(targets, ids[at])
		ids[at] = maskID
		b.Append(ids, nil)
	}
	states, err := m.e.Forward(g, b)
	if err != nil {
		return Loss{}, err
	}
	logits, err := m.head.Logits(g, states[len(states)-1], rows, m.e.Word)
	if err != nil {
		return Loss{}, err
	}
	l, err := g.CrossEntropy(logits, targets)
	if err != nil {
		return Loss{}, err
	}
	if m.poison > 0 && slices.Contains(examples, int32(m.poison)) {
		Values(l)[0] = float32(math.NaN())
	}
	return Loss{Value: l, Weight: float64(len(rows)), Tokens: b.Tokens()}, nil
}

func runOptions(steps int) Options {
	return Options{
		Seed: 11, Steps: steps, Plan: Plan{Tokens: 90, Window: 2}, Accumulate: 2,
		Optimizer: AdamW{LR: 5e-3, WeightDecay: 0.01}, Warmup: 3, Clip: 1,
	}
}

// curve runs a task from the start and gives its losses.
func curve(t testing.TB, task *mlmTask, workers int, o Options) []float64 {
	t.Helper()
	return curveOf(t, NewEngine(testLevel(t), workers), task, o)
}

func plainCurve(t testing.TB, task *mlmTask, o Options) []float64 {
	t.Helper()
	return curveOf(t, NewEngine(kernel.Plain, 2), task, o)
}

func curveOf(t testing.TB, e *Engine, task *mlmTask, o Options) []float64 {
	t.Helper()
	var losses []float64
	o.Progress = func(p Progress) { losses = append(losses, p.Loss) }
	tr, err := NewTrainer(e, task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return losses
}

// TestGoldenLosses holds the first ten losses of two runs, which other
// instruction levels may round differently.
func TestGoldenLosses(t *testing.T) {
	for _, arch := range []Architecture{BERT, DistilBERT} {
		got := curve(t, newTask(t, arch, 60, 0.1), 2, runOptions(10))
		for i, v := range plainCurve(t, newTask(t, arch, 60, 0.1), runOptions(10)) {
			if math.Abs(got[i]-v) > 1e-5*v {
				t.Errorf("%s: loss %d is %.9g, in plain Go %.9g", arch, i+1, got[i], v)
			}
		}
		name := filepath.Join("testdata", "losses-"+string(arch)+".json")
		if *update {
			text, _ := json.Marshal(got)
			if err := errors.Join(os.MkdirAll("testdata", 0o755), os.WriteFile(name, append(text, '\n'), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		var want []float64
		text, err := os.ReadFile(name)
		if err := errors.Join(err, json.Unmarshal(text, &want)); err != nil {
			t.Fatal(err)
		}
		if len(got) != 10 || len(want) != 10 {
			t.Fatalf("%d losses, want %d", len(got), len(want))
		}
		for i := range want {
			if math.Abs(got[i]-want[i]) > 1e-5*want[i] {
				t.Errorf("%s: loss %d is %.9g, want %.9g", arch, i+1, got[i], want[i])
			}
		}
	}
}

func TestWorkersDoNotChangeTheCurve(t *testing.T) {
	want := curve(t, newTask(t, BERT, 60, 0.1), 1, runOptions(8))
	for _, workers := range []int{2, 3, 7} {
		got := curve(t, newTask(t, BERT, 60, 0.1), workers, runOptions(8))
		if !slices.Equal(got, want) {
			t.Errorf("%d workers: losses %v, want %v", workers, got, want)
		}
	}
}

func TestResumeContinuesExactly(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"tied": func(*Options) {},
		"lazy": func(o *Options) { o.Optimizer.Lazy = true },
	} {
		t.Run(name, func(t *testing.T) {
			o := runOptions(20)
			change(&o)
			want := curve(t, newTask(t, DistilBERT, 40, 0.1), 2, o)
			o.Dir, o.SaveEvery, o.Resume = t.TempDir(), 4, true
			var got []float64
			// Killed after update 10, and once more after 13: what follows the last
			// save is done again.
			for _, kill := range []int{10, 13, 0} {
				ctx, cancel := context.WithCancelCause(t.Context())
				task := newTask(t, DistilBERT, 40, 0.1)
				o.Progress = func(p Progress) {
					got = append(got[:p.Step-1], p.Loss)
					if p.Step == kill {
						cancel(errors.New("killed"))
						// A kill does not save: take the file of the last regular save back.
						o := filepath.Join(o.Dir, LastName)
						if err := os.Rename(o, o+".kept"); err != nil {
							t.Error(err)
						}
					}
				}
				tr, err := NewTrainer(NewEngine(testLevel(t), 2), task, o)
				if err != nil {
					t.Fatal(err)
				}
				_, err = tr.Run(ctx)
				cancel(nil)
				if kill == 0 && err != nil || kill > 0 && !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				if kill > 0 {
					last := filepath.Join(o.Dir, LastName)
					if err := os.Rename(last+".kept", last); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("losses\n%v, want\n%v", got, want)
			}
			f, err := os.Open(filepath.Join(o.Dir, LogName))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			lines, err := ReadLog(f)
			if err != nil || len(lines) != 20 {
				t.Fatalf("%d log lines, %v", len(lines), err)
			}
			for i, l := range lines {
				if l.Step != i+1 || l.Loss != want[i] {
					t.Errorf("log line %d: step %d, loss %g, want %g", i+1, l.Step, l.Loss, want[i])
				}
			}
		})
	}
}

// TestAccumulationIsABigBatch compares the gradients of one batch with those of
// its parts, which have different numbers of masked positions.
func TestAccumulationIsABigBatch(t *testing.T) {
	task := newTask(t, BERT, 12, 0)
	e := NewEngine(testLevel(t), 2)
	params := Parameters(task.Modules()...)
	grads := func(parts ...[]int32) [][]float32 {
		total := 0.0
		for _, p := range parts {
			g := e.Train(1)
			l, err := task.Loss(g, 5, p)
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Backward(l.Value, float32(l.Weight)); err != nil {
				t.Fatal(err)
			}
			total += l.Weight
			g.Close()
		}
		var out [][]float32
		for _, p := range params {
			v := slices.Clone(Values(p.Grad()))
			for i := range v {
				v[i] /= float32(total)
			}
			out = append(out, v)
			p.ZeroGrad()
		}
		return out
	}
	all := inOrder(12)
	want := grads(all)
	got := grads(all[:2], all[2:7], all[7:])
	for i, p := range params {
		for j, v := range got[i] {
			if d := math.Abs(float64(v - want[i][j])); d > 1e-6 {
				t.Fatalf("%s: gradient %d is %g in parts, %g at once", p.Name, j, v, want[i][j])
			}
		}
	}
}

func TestOverfitsATinySet(t *testing.T) {
	task := newTask(t, DistilBERT, 30, 0)
	o := runOptions(250)
	o.Accumulate = 1
	o.Plan.Tokens = 400
	losses := curve(t, task, 2, o)
	if first, last := losses[0], losses[len(losses)-1]; first < 3 || last > 0.1 {
		t.Errorf("loss from %.3f to %.3f, want from about ln 37 = 3.61 to below .1", first, last)
	}
}

func TestMemoryStaysFlat(t *testing.T) {
	task := newTask(t, BERT, 200, 0.1)
	o := runOptions(60)
	o.Plan.Tokens = 300
	var after20, after60 runtime.MemStats
	o.Progress = func(p Progress) {
		switch p.Step {
		case 20:
			runtime.GC()
			runtime.ReadMemStats(&after20)
		case 60:
			runtime.ReadMemStats(&after60)
			per := (after60.Mallocs - after20.Mallocs) / 40
			bytes := (after60.TotalAlloc - after20.TotalAlloc) / 40
			t.Logf("%d allocations, %d kB a step of two batches", per, bytes/1000)
			if per > 1_000 || bytes > 200_000 {
				t.Errorf("%d allocations of %d bytes a step", per, bytes)
			}
			runtime.GC()
			runtime.ReadMemStats(&after60)
			if grown := int64(after60.HeapAlloc) - int64(after20.HeapAlloc); grown > 1<<20 {
				t.Errorf("the heap grew by %d bytes in 40 steps", grown)
			}
		}
	}
	tr, err := NewTrainer(NewEngine(testLevel(t), 2), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestKeepsTheBestAndStopsEarly(t *testing.T) {
	scores := []float64{0.1, 0.5, 0.3, 0.4, 0.9}
	task := newTask(t, BERT, 30, 0.1)
	o := runOptions(50)
	o.Dir, o.EvalEvery, o.Patience = t.TempDir(), 3, 2
	evals := 0
	var best []float32
	o.Evaluate = func(_ context.Context, s State) (float64, error) {
		if s.Step == 6 {
			best = slices.Clone(Values(task.e.Word))
		}
		evals++
		return scores[evals-1], nil
	}
	tr, err := NewTrainer(NewEngine(testLevel(t), 2), task, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tr.Run(t.Context())
	if err != nil || !r.Stopped || r.Step != 12 || r.BestStep != 6 || r.Best != 0.5 {
		t.Fatalf("result %+v, %v", r, err)
	}
	if slices.Equal(best, Values(task.e.Word)) {
		t.Error("the model holds the best weights before LoadBest")
	}
	if s, err := tr.LoadBest(); err != nil || s.Step != 6 || !slices.Equal(best, Values(task.e.Word)) {
		t.Errorf("best: %+v, %v", s, err)
	}
	if names, _ := filepath.Glob(filepath.Join(o.Dir, "*")); len(names) != 3 {
		t.Errorf("files %q", names)
	}
	if _, err := NewTrainer(NewEngine(testLevel(t), 2), task, o); !errors.Is(err, ErrEarlierRun) {
		t.Errorf("a second run in the folder: %v", err)
	}
	o.Resume = true
	tr, err = NewTrainer(NewEngine(testLevel(t), 2), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := tr.Run(t.Context()); err != nil || !r.Stopped || r.Step != 12 {
		t.Errorf("resumed after the end: %+v, %v", r, err)
	}
}

func TestDivergenceKeepsTheLastGoodState(t *testing.T) {
	task := newTask(t, BERT, 30, 0.1)
	o := runOptions(50)
	o.Dir, o.SaveEvery = t.TempDir(), 1
	var good []float32
	o.Progress = func(p Progress) {
		good = slices.Clone(Values(task.e.Word))
		if p.Step == 5 {
			task.poison = 17
		}
	}
	tr, err := NewTrainer(NewEngine(testLevel(t), 2), task, o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := tr.Run(t.Context())
	if !errors.Is(err, ErrDiverged) || !strings.Contains(err.Error(), fmt.Sprintf("step %d", r.Step+1)) || r.Step < 5 {
		t.Fatalf("%+v, %v", r, err)
	}
	if !slices.Equal(good, Values(task.e.Word)) {
		t.Error("the failed step changed the weights")
	}
	for _, p := range tr.params {
		if p.HasGrad() {
			t.Errorf("%s keeps a gradient", p.Name)
		}
	}
	s, err := loadCheckpoint(filepath.Join(o.Dir, LastName), nil, tr.params)
	if err != nil || s.Step != r.Step || !slices.Equal(good, Values(task.e.Word)) {
		t.Errorf("checkpoint: %+v, %v", s, err)
	}
}

// TestStopAfter: a run in three parts has the curve of one in one, and every part
// ends with the weights of its last update.
func TestStopAfter(t *testing.T) {
	want := curve(t, newTask(t, DistilBERT, 40, 0.1), 2, runOptions(20))
	o := runOptions(20)
	o.Dir, o.Resume = t.TempDir(), true
	var got []float64
	o.Progress = func(p Progress) { got = append(got, p.Loss) }
	for _, o.StopAfter = range []int{7, 7, 12, 50} {
		tr, err := NewTrainer(NewEngine(testLevel(t), 2), newTask(t, DistilBERT, 40, 0.1), o)
		if err != nil {
			t.Fatal(err)
		}
		r, err := tr.Run(t.Context())
		if end := min(20, o.StopAfter); err != nil || r.Step != end || r.Steps != 20 || r.Stopped != (end < 20) {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("losses\n%v, want\n%v", got, want)
	}
}
