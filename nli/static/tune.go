package static

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"semdex/embed/model"
	"semdex/internal/kernel"
	"semdex/nli"
	"semdex/nli/pairs"
)

// Tuning says how a training goes on from a table that is there.
type Tuning struct {
	// Pull keeps what the table knew: every step brings each row that it changes
	// back towards its start, by this times the rate of the way (L2-SP, Li et al.
	// 2018, decoupled from Adam as AdamW decouples decay). 0: not at all.
	Pull float64
	// Evaluate scores the table as it stands; higher is better. It is called
	// before the first step, every EvalEvery and at the end. The rows that scored
	// best are kept.
	Evaluate func(ctx context.Context, e nli.Encoder) (float64, error)
	// Patience ends a training after so many evaluations in a row without a better
	// score; 0: never.
	Patience int
	// Limit ends a training by the clock; 0: never. Only one that it does not end
	// is decided by its seed alone.
	Limit time.Duration
}

// TuneProgress is the state of a tuning at one step.
type TuneProgress struct {
	Step, Steps int
	Loss        float64 // mean since the last call
	Elapsed     time.Duration
	// Score is that of an evaluation, nil between them; Best is the best until now.
	Score *float64
	Best  float64
}

// TunePoint is an evaluation.
type TunePoint struct {
	Step  int     `json:"step"`
	Loss  float64 `json:"loss"` // mean since the one before
	Score float64 `json:"score"`
}

// TuneReport describes a finished tuning.
type TuneReport struct {
	Config    Config         `json:"config"`
	Pull      float64        `json:"pull"`
	Steps     int            `json:"steps"`     // taken
	BestStep  int            `json:"best_step"` // whose rows were kept; 0: none was better than the start
	Rows      int            `json:"rows"`      // that differ from the start
	OutOfTime bool           `json:"out_of_time,omitempty"`
	Seconds   float64        `json:"seconds"`
	Sources   []SourceReport `json:"sources"`
	Curve     []TunePoint    `json:"curve"` // from step 0 on
}

// ErrTable marks a model that cannot be trained further as a table.
var ErrTable = errors.New("not a table to train further")

// Tune trains the table of base further on data. The result is a model of its own
// beside base, with all other settings of base. Its table has base's type if that
// is int8 and is float32 otherwise; rows of subwords that the data does not use are
// those of base, bit for bit, also after Model.Save in base's type. The widths of
// c come from base. A cancelled ctx ends the tuning within a step.
func Tune(ctx context.Context, c Config, tuning Tuning, base *model.Model, data *pairs.Data, progress func(TuneProgress)) (*model.Model, TuneReport, error) {
	m, report, err := tune(ctx, c, tuning, base, data, progress)
	if err != nil {
		return nil, TuneReport{}, fmt.Errorf("static table: %w", err)
	}
	return m, report, nil
}

func tune(ctx context.Context, c Config, tuning Tuning, base *model.Model, data *pairs.Data, progress func(TuneProgress)) (*model.Model, TuneReport, error) {
	if base.Static == nil || len(base.Dense) > 0 {
		return nil, TuneReport{}, fmt.Errorf("%w: %s is no static table, or has modules behind it", ErrTable, base.Name)
	}
	if !(tuning.Pull >= 0) || math.IsInf(tuning.Pull, 0) || tuning.Evaluate == nil {
		return nil, TuneReport{}, fmt.Errorf("pull is %g, want 0 or more, and a score", tuning.Pull)
	}
	c.Dims = base.Static.Dims()
	c, err := c.withDefaults()
	if err != nil {
		return nil, TuneReport{}, err
	}
	level, err := kernel.Choose(os.Getenv(kernel.EnvLevel))
	if err != nil {
		return nil, TuneReport{}, err
	}
	t, err := newTrainer(ctx, c, level, base.Tokenizer, base.Static.Len(), data)
	if err != nil {
		return nil, TuneReport{}, err
	}
	t.table = tableOf(level, base.Static, c.Workers)
	t.table.pull = tuning.Pull
	r := &tuner{trainer: t, Tuning: tuning, progress: progress, best: slices.Clone(t.table.start)}
	if err := r.run(ctx); err != nil {
		return nil, TuneReport{}, err
	}
	table := r.merge(base.Static)
	return &model.Model{
		Name: base.Name, Architecture: model.Static, Config: base.Config, Tokenizer: base.Tokenizer,
		Static: table, Pooling: base.Pooling, Normalize: base.Normalize, MaxTokens: base.MaxTokens,
		Prompts: base.Prompts, DefaultPrompt: base.DefaultPrompt, Similarity: base.Similarity, TruncateDim: base.TruncateDim,
	}, r.report, nil
}

// tableOf is a table that begins where another one is.
func tableOf(level kernel.Level, s *model.StaticTable, workers int) *table {
	n, d := s.Len(), s.Dims()
	t := &table{
		vocab: n, dims: d, level: level, workers: workers,
		start: make([]float32, 0, n*d), m: make([]float32, n*d), v: make([]float32, n*d), count: make([]int32, n),
	}
	for i := range n {
		t.start = s.AppendRow(t.start, i)
	}
	t.rows = slices.Clone(t.start)
	return t
}

// tuner is one tuning.
type tuner struct {
	*trainer
	Tuning
	progress func(TuneProgress)
	report   TuneReport
	best     []float32 // rows
	top      float64   // their score
	idle     int       // evaluations since
}

func (t *tuner) run(ctx context.Context) error {
	begin := time.Now()
	t.report = TuneReport{Config: t.Config, Pull: t.Pull}
	if err := t.score(ctx, 0, 0, begin); err != nil {
		return err
	}
	var logged, sum float64 // losses since the last call of progress and since the last evaluation
	since, evaluated := 0, 0
	for step := 1; step <= t.Steps; step++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if t.Limit > 0 && time.Since(begin) >= t.Limit {
			t.report.OutOfTime = true
			break
		}
		v := t.step(t.Rate * (1 - float64(step-1)/float64(t.Steps)))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("step %d: loss is %g: lower the learning rate", step, v)
		}
		t.report.Steps = step
		logged, sum, since, evaluated = logged+v, sum+v, since+1, evaluated+1
		if step%t.EvalEvery == 0 || step == t.Steps {
			if err := t.score(ctx, step, sum/float64(evaluated), begin); err != nil {
				return err
			}
			logged, since, sum, evaluated = 0, 0, 0, 0
			if t.Patience > 0 && t.idle >= t.Patience {
				break
			}
		} else if step%t.LogEvery == 0 && t.progress != nil {
			t.progress(TuneProgress{Step: step, Steps: t.Steps, Loss: logged / float64(since), Elapsed: time.Since(begin), Best: t.top})
			logged, since = 0, 0
		}
	}
	if evaluated > 0 {
		if err := t.score(ctx, t.report.Steps, sum/float64(evaluated), begin); err != nil {
			return err
		}
	}
	t.report.Seconds = time.Since(begin).Seconds()
	for _, s := range t.sampler.sources {
		t.report.Sources = append(t.report.Sources, SourceReport{s.Name, s.Licence, s.Weight, s.Len(), t.drawn[s.Name]})
	}
	return nil
}

// score evaluates the table and keeps its rows if they are the best.
func (t *tuner) score(ctx context.Context, step int, loss float64, begin time.Time) error {
	v, err := t.Evaluate(ctx, t.encoder())
	if err != nil {
		return err
	}
	t.report.Curve = append(t.report.Curve, TunePoint{step, loss, v})
	t.idle++
	if step == 0 || v > t.top {
		t.top, t.report.BestStep, t.idle = v, step, 0
		copy(t.best, t.table.rows)
	}
	if t.progress != nil {
		t.progress(TuneProgress{Step: step, Steps: t.Steps, Loss: loss, Elapsed: time.Since(begin), Score: &v, Best: t.top})
	}
	return nil
}

// merge puts the rows that moved into a copy of the table they come from.
func (t *tuner) merge(base *model.StaticTable) *model.StaticTable {
	n, d := base.Len(), base.Dims()
	moved := model.NewF32(base.Rows.Name, []int{n, d}, t.best)
	table := &model.StaticTable{Rows: moved}
	int8s := base.Rows.DType == model.I8
	var codes []int8
	var scales []float32
	if int8s {
		table = table.Quantize()
		codes, scales = slices.Clone(table.Rows.I8()), slices.Clone(table.Scale.F32())
	}
	for i := range n {
		if !slices.Equal(t.best[i*d:(i+1)*d], t.table.start[i*d:(i+1)*d]) {
			t.report.Rows++
			continue
		}
		if int8s {
			copy(codes[i*d:(i+1)*d], base.Rows.I8()[i*d:(i+1)*d])
			scales[i] = base.Scale.F32()[i]
		}
	}
	if int8s {
		table = &model.StaticTable{Rows: model.NewI8(base.Rows.Name, []int{n, d}, codes), Scale: model.NewF32(base.Scale.Name, []int{n}, scales)}
	}
	return table
}
