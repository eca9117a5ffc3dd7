// Package static trains a static table: one vector per subword, a text's vector
// being the mean of its subwords' (sentence-transformers calls it
// StaticEmbedding). It takes minutes on a CPU and is the baseline that every
// slower encoder has to beat.
//
//	data, err := pairs.Open(ctx, "data", pairs.Options{})
//	m, report, err := static.Train(ctx, static.Config{}, tokenizer, data, func(p static.Progress) { log.Print(p) })
//	err = m.Save("model", model.SaveOptions{DType: model.I8})
package static

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"semdex/internal/kernel"
	"semdex/nli/devset"
	"semdex/nli/pairs"
)

// Config of a training. Zero values stand for the defaults.
type Config struct {
	// Dims of a vector, 256. A multiple of 32.
	Dims int
	// Nested are smaller widths that the loss trains too (Matryoshka), so that
	// vectors cut to them stay good: 128 and 64, those of them below Dims.
	// Multiples of 32. An empty list that is not nil trains Dims alone.
	Nested []int
	// Batch is the number of pairs of a step, 1024: each is told apart from all
	// the others.
	Batch int
	// Steps of training, 2000.
	Steps int
	// Rate is Adam's learning rate at the start, 0.02. It falls linearly to 0.
	Rate float64
	// Scale multiplies the cosine in the softmax, 20: the inverse temperature.
	// Sources sharpen or soften it (pairs.Source.Sharpness).
	Scale float64
	// Hard has each A told from its example's Not as well (pairs.Example).
	Hard bool
	// MaxTokens is where training texts are cut, 256.
	MaxTokens int
	// Seed of every random choice. One seed gives the same table, bit for bit,
	// on any number of workers of one kind of machine.
	Seed uint64
	// Workers is the number of threads, all cores if it is 0.
	Workers int
	// LogEvery and EvalEvery are the steps between two calls of progress, and
	// between two of them with scores of the dev sets: 50, and a fifth of Steps.
	LogEvery, EvalEvery int
}

// Default is the configuration that zero values stand for, but for Workers,
// LogEvery and EvalEvery, which depend on the machine and on Steps.
func Default() Config {
	return Config{Dims: 256, Nested: []int{64, 128}, Batch: 1024, Steps: 2000, Rate: 0.02, Scale: 20, MaxTokens: 256}
}

// withDefaults fills the zero values in and checks the rest.
func (c Config) withDefaults() (Config, error) {
	d := Default()
	c.Dims = cmp.Or(c.Dims, d.Dims)
	c.Batch = cmp.Or(c.Batch, d.Batch)
	c.Steps = cmp.Or(c.Steps, d.Steps)
	c.Rate = cmp.Or(c.Rate, d.Rate)
	c.Scale = cmp.Or(c.Scale, d.Scale)
	c.MaxTokens = cmp.Or(c.MaxTokens, d.MaxTokens)
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.LogEvery = cmp.Or(c.LogEvery, 50)
	c.EvalEvery = cmp.Or(c.EvalEvery, max(1, c.Steps/5))
	if c.Nested == nil {
		c.Nested = slices.DeleteFunc(d.Nested, func(w int) bool { return w >= c.Dims })
	}
	c.Nested = slices.Clone(c.Nested)
	slices.Sort(c.Nested)
	for _, v := range []struct {
		name  string
		value int
		least int
	}{
		{"dims", c.Dims, blockStep},
		{"batch", c.Batch, 2},
		{"steps", c.Steps, 1},
		{"max tokens", c.MaxTokens, 1},
		{"workers", c.Workers, 1},
		{"log every", c.LogEvery, 1},
		{"eval every", c.EvalEvery, 1},
	} {
		if v.value < v.least {
			return c, fmt.Errorf("%s is %d, want at least %d", v.name, v.value, v.least)
		}
	}
	for i, w := range append(slices.Clone(c.Nested), c.Dims) {
		if w < blockStep || w%blockStep != 0 || w > c.Dims || i > 0 && w == c.widths()[i-1] {
			return c, fmt.Errorf("widths %v: want different multiples of %d up to %d", c.widths(), blockStep, c.Dims)
		}
	}
	if !(c.Rate > 0 && c.Scale > 0) || math.IsInf(c.Rate+c.Scale, 0) {
		return c, fmt.Errorf("rate %g and scale %g must be positive", c.Rate, c.Scale)
	}
	return c, nil
}

// widths are all trained widths, ascending.
func (c Config) widths() []int { return append(slices.Clone(c.Nested), c.Dims) }

// Progress is the state of a training at one step.
type Progress struct {
	Step, Steps    int
	Loss           float64 // mean since the last call
	PairsPerSecond float64 // likewise
	Elapsed        time.Duration
	// Scores of the dev sets at full width; nil between evaluations.
	Scores []devset.Score
}

// String is a line for a log.
func (p Progress) String() string {
	s := fmt.Sprintf("step %d/%d loss %.3f %.0f pairs/s %s", p.Step, p.Steps, p.Loss, p.PairsPerSecond, p.Elapsed.Round(time.Second))
	if len(p.Scores) > 0 {
		s += ": " + devset.Format(p.Scores)
	}
	return s
}

// SourceReport says how much of a source a training saw.
type SourceReport struct {
	Name    string  `json:"name"`
	Licence string  `json:"licence"`
	Weight  float64 `json:"weight"`
	Pairs   int     `json:"pairs"` // there are
	Drawn   int     `json:"drawn"` // were seen, repetitions counted
}

// Report describes a finished training.
type Report struct {
	Config  Config         `json:"config"`
	Loss    float64        `json:"loss"` // mean of the last LogEvery steps
	Seconds float64        `json:"seconds"`
	Sources []SourceReport `json:"sources"`
	Scores  []devset.Score `json:"scores"` // of the dev sets, at every width
}

// trainer holds one training.
type trainer struct {
	Config
	table   *table
	loss    *loss
	sampler *sampler
	tok     Tokenizer
	dev     *devset.Sets
	drawn   map[string]int
	batch   batch
	a, b    []float32 // vectors of both sides
	da, db  []float32
}

func newTrainer(ctx context.Context, c Config, level kernel.Level, tok Tokenizer, vocab int, data *pairs.Data) (*trainer, error) {
	if len(data.Sources) == 0 {
		return nil, errors.New("no sources of training pairs")
	}
	tokens, err := tokenise(ctx, tok, data.Texts, vocab, c.Workers)
	if err != nil {
		return nil, err
	}
	candidates := c.Batch
	if c.Hard {
		candidates *= 2
	}
	t := &trainer{
		Config: c, drawn: map[string]int{},
		loss:    newLoss(level, c.Batch, candidates, c.Dims, c.widths(), c.Scale, c.Workers),
		sampler: newSampler(data, tokens, c.MaxTokens, c.Seed),
		tok:     tok,
		dev:     devset.New(data.Dev, devset.Options{Level: level, Workers: c.Workers}),
	}
	t.sampler.hard = c.Hard
	size, wide := c.Batch*c.Dims, candidates*c.Dims
	t.a, t.b = make([]float32, size), make([]float32, wide)
	t.da, t.db = make([]float32, size), make([]float32, wide)
	return t, nil
}

// run trains to the end, calling progress on the way.
func (t *trainer) run(ctx context.Context, progress func(Progress)) (Report, error) {
	begin := time.Now()
	since, sum, seen := begin, 0.0, 0
	var last float64
	for step := 1; step <= t.Steps; step++ {
		if err := ctx.Err(); err != nil {
			return Report{}, err
		}
		v := t.step(t.Rate * (1 - float64(step-1)/float64(t.Steps)))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Report{}, fmt.Errorf("step %d: loss is %g: lower the learning rate", step, v)
		}
		sum, seen = sum+v, seen+t.batch.pairs()
		logs, evals := step%t.LogEvery == 0 || step == t.Steps, step%t.EvalEvery == 0 && step < t.Steps
		if !logs && !evals {
			continue
		}
		n := (step-1)%t.LogEvery + 1
		last = sum / float64(n)
		p := Progress{
			Step: step, Steps: t.Steps, Loss: last, PairsPerSecond: float64(seen) / time.Since(since).Seconds(),
			Elapsed: time.Since(begin),
		}
		if evals {
			var err error
			if p.Scores, err = t.dev.Score(ctx, t.encoder(), t.Dims); err != nil {
				return Report{}, err
			}
		}
		if progress != nil {
			progress(p)
		}
		if logs {
			since, sum, seen = time.Now(), 0, 0
		}
	}
	return t.report(ctx, last, time.Since(begin))
}

// step trains on one batch and gives its loss before the update.
func (t *trainer) step(rate float64) float64 {
	t.sampler.fill(&t.batch, t.Batch)
	n, k := t.batch.pairs(), t.batch.candidates()
	t.drawn[t.batch.source] += n
	t.table.means(t.a, &t.batch.texts, 0, 2, n)
	t.table.means(t.b, &t.batch.texts, 1, 2, n)
	t.table.means(t.b[n*t.Dims:], &t.batch.texts, 2*n, 1, k-n)
	t.loss.scale = t.Scale * t.batch.sharpness
	v := t.loss.run(n, k, t.a, t.b, t.da, t.db, t.batch.masked)
	t.table.update(&t.batch.texts, n, t.da, t.db, rate)
	return v
}

func (t *trainer) report(ctx context.Context, loss float64, took time.Duration) (Report, error) {
	r := Report{Config: t.Config, Loss: loss, Seconds: took.Seconds()}
	for _, s := range t.sampler.sources {
		r.Sources = append(r.Sources, SourceReport{s.Name, s.Licence, s.Weight, s.Len(), t.drawn[s.Name]})
	}
	var err error
	r.Scores, err = t.dev.Score(ctx, t.encoder(), t.widths()...)
	return r, err
}
