package train

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nlpodyssey/spago/ag"
	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// TestEpochs interrupts a run of three epochs after every single update, epoch
// ends included.
func TestEpochs(t *testing.T) {
	o := runOptions(0)
	o.Epochs, o.Accumulate, o.WarmupShare, o.Warmup = 3, 3, 0.2, 0
	want := curve(t, newTask(t, BERT, 40, 0.1), 2, o)
	if len(want) < 6 {
		t.Fatalf("%d updates", len(want))
	}
	o.Dir, o.Resume = t.TempDir(), true
	var got []float64
	for {
		ctx, cancel := context.WithCancel(t.Context())
		o.Progress = func(p Progress) {
			got = append(got, p.Loss)
			cancel()
		}
		tr, err := NewTrainer(NewEngine(testLevel(t), 0), newTask(t, BERT, 40, 0.1), o)
		if err != nil {
			t.Fatal(err)
		}
		if tr.Steps() != len(want) || tr.State().Step != len(got) {
			t.Fatalf("update %d of %d, want %d of %d", tr.State().Step, tr.Steps(), len(got), len(want))
		}
		_, err = tr.Run(ctx)
		cancel()
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("losses\n%v, want\n%v", got, want)
	}
}

// TestErrorsOfATask: an evaluation's and a batch's errors arrive with their
// place, and the checkpoint stays.
func TestErrorsOfATask(t *testing.T) {
	task := newTask(t, BERT, 20, 0)
	o := runOptions(10)
	o.EvalEvery = 4
	broken := errors.New("no test set")
	o.Evaluate = func(context.Context, State) (float64, error) { return 0, broken }
	tr, err := NewTrainer(NewEngine(testLevel(t), 1), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); !errors.Is(err, broken) || !strings.Contains(err.Error(), "step 4") {
		t.Error(err)
	}
	task.sentences[3][0] = 99
	o.Evaluate = nil
	if tr, err = NewTrainer(NewEngine(testLevel(t), 1), task, o); err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); !errors.Is(err, ErrBatch) || !strings.Contains(err.Error(), "batch") {
		t.Error(err)
	}
}

// TestStockTensors mixes operators with spago's own tensors: plain parameters,
// results of spago's operators before and after.
func TestStockTensors(t *testing.T) {
	stock := func(rows, cols int, v ...float32) *nn.Param {
		return nn.NewParam(mat.NewDense[float32](mat.WithShape(rows, cols), mat.WithBacking(v)))
	}
	l := &Linear{Weight: stock(1, 2, 3, -1), Bias: stock(1, 1, 0.5)}
	x := stock(2, 2, 1, 2, 3, 4)
	g := NewEngine(testLevel(t), 1).Train(1)
	defer g.Close()
	y := g.Linear(ag.Add(x, x), l) // rows (2, 4) and (6, 8): 2.5 and 10.5
	loss, err := g.MSE(ag.Square(y), Constant(2, 1, []float32{0, 0}))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Backward(loss, 1); err != nil {
		t.Fatal(err)
	}
	// d mean(y^4)/dy = 2 y^3 = 31.25, 2315.25.
	near(t, "loss", Values(loss), []float32{(39.0625 + 12155.0625) / 2}, 1e-3)
	near(t, "weight", Values(l.Weight.Grad()), []float32{2*31.25 + 6*2315.25, 4*31.25 + 8*2315.25}, 1e-2)
	near(t, "bias", Values(l.Bias.Grad()), []float32{31.25 + 2315.25}, 1e-2)
	near(t, "input", Values(x.Grad()), []float32{6 * 31.25, -2 * 31.25, 6 * 2315.25, -2 * 2315.25}, 1e-2)
}

func TestDropoutOperator(t *testing.T) {
	g := NewEngine(testLevel(t), 1).Train(3)
	defer g.Close()
	ones := make([]float32, 40*30)
	for i := range ones {
		ones[i] = 1
	}
	p := NewParam("p", []int{40, 30}, ones, true)
	y := g.Dropout(p, 0.5)
	loss, err := g.MSE(y, Constant(40, 30, make([]float32, len(ones))))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Backward(loss, 1); err != nil {
		t.Fatal(err)
	}
	dropped := 0
	for i, v := range Values(y) {
		if v == 0 {
			dropped++
		}
		if want := v * 2 * v / float32(len(ones)); math.Abs(float64(Values(p.Grad())[i]-want)) > 1e-6 {
			t.Fatalf("gradient %g where %g passed", Values(p.Grad())[i], v)
		}
	}
	if dropped < 500 || dropped > 700 {
		t.Errorf("%d of 1200 dropped", dropped)
	}
	eval := NewEngine(testLevel(t), 1).Eval()
	defer eval.Close()
	if eval.Dropout(p, 0.5) != mat.Tensor(p) {
		t.Error("dropout outside of training")
	}
	for _, try := range []func() error{
		func() error { _, err := g.Activate(p, "swish"); return err },
		func() error { _, err := g.Pool(p, &Batch{Offsets: []int32{0, 40}}, "median"); return err },
	} {
		if err := try(); !errors.Is(err, ErrConfig) {
			t.Error(err)
		}
	}
}

func TestCheckpointHeaders(t *testing.T) {
	_, _, params := tinyModel(t, tinyConfig(BERT))
	name := filepath.Join(t.TempDir(), "c")
	if err := saveCheckpoint(name, State{Step: 3}, struct{}{}, params, true); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(b []byte){
		"version 9":      func(b []byte) { b[8] = 9 },
		"no checkpoint":  func(b []byte) { b[0] = 'x' },
		"its header has": func(b []byte) { b[15] = 0xff },
		"its header":     func(b []byte) { b[16] = '[' },
	} {
		b := slices.Clone(whole)
		change(b)
		end := len(b) - 4
		binary.LittleEndian.PutUint32(b[end:], crc32.Checksum(b[:end], castagnoli))
		if err := os.WriteFile(name, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := loadCheckpoint(name, nil, params); !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	err = saveCheckpoint(filepath.Join(t.TempDir(), "none", "c"), State{}, struct{}{}, params, true)
	if !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func TestTensorNames(t *testing.T) {
	for _, arch := range []Architecture{BERT, DistilBERT} {
		e, _, _ := tinyModel(t, tinyConfig(arch))
		var want []string
		for _, p := range Parameters(e) {
			want = append(want, p.Name)
		}
		if got := TensorNames(e.Config); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", arch, got, want)
		}
	}
}
