package train

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCheckpointsRefuseDamage(t *testing.T) {
	task := newTask(t, BERT, 20, 0.1)
	o := runOptions(4)
	o.Dir = t.TempDir()
	tr, err := NewTrainer(NewEngine(testLevel(t), 1), task, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(o.Dir, LastName)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(Values(task.e.Word))
	try := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := loadCheckpoint(name, tr.settings(), tr.params)
		if !errors.Is(err, ErrCheckpoint) {
			t.Errorf("%s: %v", what, err)
		}
		if !slices.Equal(before, Values(task.e.Word)) {
			t.Fatalf("%s: the weights changed", what)
		}
	}
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{0, 1, 8, 19, 20, 500, len(whole) / 2, len(whole) - 1} {
		try("cut short", whole[:n])
	}
	for range 20 {
		flipped := slices.Clone(whole)
		flipped[rng.IntN(len(whole))] ^= 1 << rng.IntN(8)
		try("a flipped bit", flipped)
	}
	try("not a checkpoint", bytes.Repeat([]byte("nonsense"), 1000))
	if err := os.WriteFile(name, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	if s, err := loadCheckpoint(name, tr.settings(), tr.params); err != nil || s.Step != 4 {
		t.Errorf("the whole file: %+v, %v", s, err)
	}
	if _, err := loadCheckpoint(name+"x", nil, tr.params); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestCheckpointsOfOtherRuns(t *testing.T) {
	o := runOptions(4)
	o.Dir = t.TempDir()
	tr, err := NewTrainer(NewEngine(testLevel(t), 1), newTask(t, BERT, 20, 0.1), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tr.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.Resume = true
	for want, change := range map[string]func(*Options, **mlmTask){
		"seed 11, this one has 12":       func(o *Options, _ **mlmTask) { o.Seed = 12 },
		"identity , this one has wiki":   func(o *Options, _ **mlmTask) { o.Identity = "wiki" },
		"lr 0.005":                       func(o *Options, _ **mlmTask) { o.Optimizer.LR = 1 },
		"steps 4, this one has 9":        func(o *Options, _ **mlmTask) { o.Steps = 9 },
		"examples 20, this one has 21":   func(_ *Options, m **mlmTask) { *m = newTask(t, BERT, 21, 0.1) },
		"where the model has embeddings": func(_ *Options, m **mlmTask) { *m = wider(t) },
		"tensors, the model has":         func(_ *Options, m **mlmTask) { *m = newTask(t, DistilBERT, 20, 0.1) },
	} {
		o, task := o, newTask(t, BERT, 20, 0.1)
		change(&o, &task)
		_, err := NewTrainer(NewEngine(testLevel(t), 1), task, o)
		if !errors.Is(err, ErrCheckpoint) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// wider is a task whose vocabulary has an entry more.
func wider(t *testing.T) *mlmTask {
	m := newTask(t, BERT, 20, 0.1)
	c := m.e.Config
	c.VocabSize++
	e, err := NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	m.e, m.head = e, NewMLMHead(c)
	return m
}

var errFull = errors.New("no space left on device")

// fullDisk takes some bytes.
type fullDisk struct{ left int }

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		return 0, errFull
	}
	d.left -= len(p)
	return len(p), nil
}

func TestAFullDiskKeepsTheOldFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), LastName)
	if err := os.WriteFile(name, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, _, params := tinyModel(t, tinyConfig(BERT))
	header := &checkpointHeader{Settings: []byte("{}"), Tensors: make([]checkpointTensor, len(params))}
	err := writeAtomic(name, func(io.Writer) error { return writeCheckpoint(&fullDisk{1000}, header, params) })
	if !errors.Is(err, errFull) {
		t.Error(err)
	}
	if text, _ := os.ReadFile(name); string(text) != "old" {
		t.Errorf("the file holds %q", text)
	}
	if files, _ := os.ReadDir(filepath.Dir(name)); len(files) != 1 {
		t.Errorf("files %v", files)
	}
}

func TestLogIsCutToTheCheckpoint(t *testing.T) {
	name := filepath.Join(t.TempDir(), LogName)
	text := "{\"step\":1,\"loss\":3}\n{\"step\":2,\"loss\":2}\n{\"step\":2,\"score\":0.5,\"best\":true}\n{\"step\":3,\"loss\":1}\n{\"step\":4,"
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := openLog(name, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.step(Progress{State: State{Step: 3}, Loss: 7}, 5), l.Close()); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := ReadLog(f)
	if err != nil || len(lines) != 4 || lines[3].Loss != 7 || lines[2].Score == nil || *lines[2].Score != 0.5 {
		t.Errorf("%+v, %v", lines, err)
	}
	if err := os.WriteFile(name, []byte("{\"step\":1}\nnonsense\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := openLog(name, 2); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
}

func TestPlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	lengths := make([]int, 1000)
	for i := range lengths {
		lengths[i] = 1 + rng.IntN(60)
	}
	lengths[17] = 5000
	cost := func(i int) int { return lengths[i] }
	p := Plan{Tokens: 512, Examples: 40, Window: 8}
	first := p.Epoch(3, 0, 1000, cost)
	seen := make([]bool, 1000)
	spread := 0
	for _, batch := range first {
		tokens, low, high := 0, 1<<30, 0
		for _, i := range batch {
			if seen[i] {
				t.Fatalf("example %d comes twice", i)
			}
			seen[i] = true
			tokens += lengths[i]
			low, high = min(low, lengths[i]), max(high, lengths[i])
		}
		if len(batch) == 0 || len(batch) > 40 || tokens > 512 && len(batch) > 1 {
			t.Errorf("a batch of %d examples and %d tokens", len(batch), tokens)
		}
		spread += high - low
	}
	if slices.Contains(seen, false) {
		t.Error("an example is left out")
	}
	if mean := spread / len(first); mean > 12 {
		t.Errorf("lengths in a batch differ by %d on average", mean)
	}
	if !slices.EqualFunc(first, p.Epoch(3, 0, 1000, cost), slices.Equal) {
		t.Error("the same epoch has other batches")
	}
	for _, other := range [][][]int32{p.Epoch(3, 1, 1000, cost), p.Epoch(4, 0, 1000, cost)} {
		if slices.EqualFunc(first, other, slices.Equal) {
			t.Error("another epoch or seed has the same batches")
		}
	}
	if got := p.Epoch(3, 0, 0, cost); got != nil {
		t.Errorf("no examples: %v", got)
	}
}

func TestBatchCheck(t *testing.T) {
	c := tinyConfig(BERT)
	good := func() *Batch { return tinyBatch(c, 3, 2) }
	if err := good().Check(&c); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Batch){
		"empty":     func(b *Batch) { b.Reset() },
		"id":        func(b *Batch) { b.IDs[4] = 37 },
		"negative":  func(b *Batch) { b.IDs[4] = -1 },
		"type":      func(b *Batch) { b.Types[0] = 2 },
		"types":     func(b *Batch) { b.Types = b.Types[:3] },
		"offset":    func(b *Batch) { b.Offsets[0] = 1 },
		"end":       func(b *Batch) { b.Offsets[2] = 4 },
		"no tokens": func(b *Batch) { b.Offsets[1] = 0 },
		"back":      func(b *Batch) { b.Offsets[1] = 7 },
		"long":      func(b *Batch) { b.Append(make([]int32, 20), make([]int32, 20)) },
	} {
		b := good()
		change(b)
		if err := b.Check(&c); !errors.Is(err, ErrBatch) {
			t.Errorf("%s: %v", name, err)
		}
		e, _, _ := tinyModel(t, c)
		g := NewEngine(testLevel(t), 1).Train(1)
		if _, err := e.Forward(g, b); !errors.Is(err, ErrBatch) {
			t.Errorf("%s: forward: %v", name, err)
		}
		g.Close()
	}
}

func TestOptionsAreChecked(t *testing.T) {
	task := newTask(t, BERT, 5, 0)
	for name, change := range map[string]func(*Options){
		"no end":     func(o *Options) { o.Steps = 0 },
		"tokens":     func(o *Options) { o.Plan.Tokens = 0 },
		"lr":         func(o *Options) { o.Optimizer.LR = 0 },
		"beta":       func(o *Options) { o.Optimizer.Beta1 = 1 },
		"decay":      func(o *Options) { o.Optimizer.WeightDecay = -1 },
		"clip":       func(o *Options) { o.Clip = -1 },
		"accumulate": func(o *Options) { o.Accumulate = -1 },
		"warm-up":    func(o *Options) { o.Warmup = 11 },
		"share":      func(o *Options) { o.WarmupShare = 2 },
		"schedule":   func(o *Options) { o.Schedule = "steps" },
		"patience":   func(o *Options) { o.Patience = 1 },
	} {
		o := runOptions(10)
		change(&o)
		if _, err := NewTrainer(NewEngine(testLevel(t), 1), task, o); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
	task.sentences = nil
	if _, err := NewTrainer(NewEngine(testLevel(t), 1), task, runOptions(10)); !errors.Is(err, ErrData) {
		t.Errorf("no examples: %v", err)
	}
	c := tinyConfig(BERT)
	for name, change := range map[string]func(*Config){
		"architecture": func(c *Config) { c.Architecture = "roberta" },
		"heads":        func(c *Config) { c.Heads = 5 },
		"layers":       func(c *Config) { c.Layers = 0 },
		"types":        func(c *Config) { c.TypeVocabSize = 0 },
		"dropout":      func(c *Config) { c.Dropout = 1 },
		"epsilon":      func(c *Config) { c.LayerNormEps = -1 },
	} {
		c := c
		change(&c)
		if _, err := NewEncoder(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
