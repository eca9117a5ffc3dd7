package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/cmd/semdex/internal/card"
	"semdex/embed/model"
	"semdex/internal/cli"
	"semdex/internal/kernel"
	"semdex/internal/progress"
	"semdex/internal/train"
)

// runFlags are the flags that every training of a network shares.
type runFlags struct {
	out       string
	dir       string
	resume    bool
	overwrite bool
	dtype     string
	workers   int
	asJSON    bool
	licence   string
	options   train.Options

	// detail, if set, says more about the last evaluation than its score.
	detail func() string
}

// add declares the flags with a verb's own defaults.
func (f *runFlags) add(c *cobra.Command, d train.Options) {
	if d.Schedule == "" {
		d.Schedule = train.LinearDecay
	}
	f.options = d
	o, flags := &f.options, c.Flags()
	flags.StringVarP(&f.out, "out", "o", "", "`folder` to write the model to")
	flags.StringVar(&f.dir, "run", "", "`folder` for checkpoints and the log (default OUT.run)")
	flags.BoolVar(&f.resume, "resume", false, "continue the run in the run's folder, if there is one")
	flags.BoolVar(&f.overwrite, "overwrite", false, "replace the model that is there")
	flags.StringVar(&f.dtype, "dtype", "f32", "how weights are stored: f32, f16 or bf16")
	flags.IntVar(&f.workers, "workers", runtime.GOMAXPROCS(0), "`threads`")
	flags.BoolVar(&f.asJSON, "json", false, "print the report as JSON")
	flags.StringVar(&f.licence, "licence", "", "`licence` of the new model, for its card")
	flags.Uint64Var(&o.Seed, "seed", max(1, d.Seed), "`seed` of every random choice")
	flags.IntVar(&o.Epochs, "epochs", d.Epochs, "`passes` over the data; 0, or --steps alone: as many as the steps take")
	flags.IntVar(&o.Steps, "steps", d.Steps, "`updates` at most; 0: no limit")
	flags.IntVar(&o.Plan.Tokens, "batch-tokens", d.Plan.Tokens, "`tokens` per batch")
	flags.IntVar(&o.Plan.Examples, "batch", d.Plan.Examples, "`examples` per batch at most; 0: no limit")
	flags.IntVar(&o.Accumulate, "accumulate", max(1, d.Accumulate), "`batches` per update")
	flags.Float64Var(&o.Optimizer.LR, "lr", d.Optimizer.LR, "peak learning `rate`")
	flags.Float64Var(&o.Optimizer.WeightDecay, "weight-decay", d.Optimizer.WeightDecay, "decoupled weight `decay`, none on biases and LayerNorms")
	flags.Float64Var(&o.WarmupShare, "warmup", d.WarmupShare, "`share` of the steps in which the rate rises")
	flags.StringVar((*string)(&o.Schedule), "schedule", string(o.Schedule), "`shape` of the rate after warm-up: linear, cosine or constant")
	flags.Float64Var(&o.Clip, "clip", d.Clip, "largest `norm` of the gradients; 0: no limit")
	flags.IntVar(&o.EvalEvery, "eval-every", d.EvalEvery, "`updates` between evaluations; 0: only at the end")
	flags.IntVar(&o.Patience, "patience", d.Patience, "stop after so many `evaluations` without a better score; 0: never")
	flags.IntVar(&o.StopAfter, "stop-after", 0, "write a model after so many `updates` of the run, which --resume takes further; 0: at its end")
	flags.IntVar(&o.SaveEvery, "save-every", max(50, d.SaveEvery), "`updates` between checkpoints")
}

// parse checks what can be checked before anything is read.
func (f *runFlags) parse(cmd *cobra.Command) error {
	if f.out == "" {
		return usage(cmd, "%s: --out is missing", cmd.Name())
	}
	if err := oneOf(cmd, "dtype", f.dtype, "f32", "f16", "bf16"); err != nil {
		return err
	}
	if f.dir == "" {
		f.dir = f.out + ".run"
	}
	if cmd.Flags().Changed("steps") && !cmd.Flags().Changed("epochs") {
		f.options.Epochs = 0
	}
	return mayCreate(f.out, f.overwrite)
}

// trainEngine runs the graphs of a training.
func (a *app) trainEngine(f *runFlags) (*train.Engine, error) {
	level, err := kernel.Choose(cli.Getenv(a.env, kernel.EnvLevel))
	if err != nil {
		return nil, err
	}
	return train.NewEngine(level, f.workers), nil
}

// runReport is how a training ended.
type runReport struct {
	Model       string   `json:"model"`
	Fingerprint string   `json:"fingerprint"`
	Run         string   `json:"run"`
	Steps       int      `json:"steps"`
	Tokens      int64    `json:"tokens"`
	Loss        float64  `json:"loss"`           // of the last update
	Best        *float64 `json:"best,omitempty"` // dev score of the weights that were kept
	BestStep    int      `json:"best_step,omitempty"`
	Stopped     bool     `json:"stopped_early,omitempty"`
	Seconds     float64  `json:"seconds"`
}

// train runs a task to its end with a progress bar and leaves the best weights
// that were evaluated, else the last ones, in it. Measure names the score of
// f.options.Evaluate. Identity says what else decides the curve: the data and
// the task's settings.
func (a *app) train(ctx context.Context, f *runFlags, e *train.Engine, task train.Task, measure, identity string) (*runReport, error) {
	o := f.options
	o.Dir, o.Resume, o.Identity = f.dir, f.resume, identity
	var last atomic.Pointer[train.Progress]
	o.Progress = func(p train.Progress) { last.Store(&p) }
	bar := a.progress("training", func() progress.State { return trainingState(last.Load()) })
	defer bar.Stop()
	if evaluate := o.Evaluate; evaluate != nil {
		o.Evaluate = func(ctx context.Context, s train.State) (float64, error) {
			score, err := evaluate(ctx, s)
			if err == nil && !a.quiet {
				bar.Println(evaluationLine(measure, score, s, f.detail))
			}
			return score, err
		}
	}
	t, err := train.NewTrainer(e, task, o)
	if err != nil {
		return nil, runHint(err, f)
	}
	resumed := t.State().Step > 0
	if s := t.State(); resumed {
		a.note("continuing after step %s of %s", progress.Count(int64(s.Step)), progress.Count(int64(t.Steps())))
	}
	r, err := t.Run(ctx)
	if err != nil {
		return nil, runHint(err, f)
	}
	report := &runReport{
		Model: f.out, Run: f.dir, Steps: r.Step, Tokens: r.Tokens, Loss: r.Loss, Stopped: r.Stopped, Seconds: r.Duration.Seconds(),
	}
	if resumed {
		if err := report.readLog(); err != nil {
			return nil, err
		}
	}
	if r.Evaluated {
		best, err := t.LoadBest()
		if err != nil {
			return nil, err
		}
		report.Best, report.BestStep = &best.Best, best.BestStep
	}
	return report, nil
}

func trainingState(p *train.Progress) progress.State {
	if p == nil {
		return progress.State{}
	}
	return progress.State{
		Done: int64(p.Step), Total: int64(p.Steps),
		Note: fmt.Sprintf("loss %.4f, %s tokens/s", p.Loss, progress.Count(int64(p.TokenRate))),
	}
}

func evaluationLine(measure string, score float64, s train.State, detail func() string) string {
	line := fmt.Sprintf("step %s: %s %.4f", progress.Count(int64(s.Step)), measure, score)
	if !s.Evaluated || score > s.Best {
		line += ", the best so far"
	} else {
		line += fmt.Sprintf(", best %.4f at step %s", s.Best, progress.Count(int64(s.BestStep)))
	}
	if detail != nil {
		line += "; " + detail()
	}
	return line
}

// runHint says how to go on.
func runHint(err error, f *runFlags) error {
	switch {
	case errors.Is(err, context.Canceled):
		return cli.WithHint(err, "continue with the same command and --resume; the state is in %s", f.dir)
	case errors.Is(err, train.ErrEarlierRun):
		return cli.WithHint(err, "--resume continues it, --run chooses another folder")
	case errors.Is(err, train.ErrDiverged):
		return cli.WithHint(err, "the last good state is in %s; a lower --lr or a longer --warmup may hold", f.dir)
	case errors.Is(err, train.ErrCheckpoint):
		return cli.WithHint(err, "%s belongs to another run or is damaged; remove it or choose another with --run", f.dir)
	}
	return err
}

// saveRun writes what was trained, with its card, and completes the report.
func (a *app) saveRun(ctx context.Context, f *runFlags, m *model.Model, c card.Card, r *runReport) error {
	c.Licence = f.licence
	curve, err := readCurve(f.dir)
	if err != nil {
		return err
	}
	c.Curve = curve
	c.Run(f.options, card.Outcome{
		Steps: r.Steps, Tokens: r.Tokens, Loss: r.Loss, Best: r.Best, BestStep: r.BestStep,
		Duration: time.Duration(r.Seconds * float64(time.Second)),
	})
	m.Name = filepath.Base(f.out)
	save := model.SaveOptions{DType: dtypes[f.dtype], Overwrite: f.overwrite, Card: c.Markdown()}
	if err := m.Save(f.out, save); err != nil {
		return err
	}
	if err := a.writeGolden(ctx, f.out); err != nil {
		return err
	}
	r.Fingerprint, err = fingerprintOf(f.out)
	return err
}

// readLog completes the report of a run that took several processes: its time is
// what all of its steps took.
func (r *runReport) readLog() error {
	lines, err := readLog(r.Run)
	r.Seconds = 0
	for _, l := range lines {
		if l.Score == nil {
			r.Loss = l.Loss
		}
		if l.Rate > 0 {
			r.Seconds += float64(l.Tokens) / l.Rate
		}
	}
	return err
}

func readLog(dir string) ([]train.Line, error) {
	name := filepath.Join(dir, train.LogName)
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	lines, err := train.ReadLog(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return lines, nil
}

// readCurve takes a run's evaluations, each with the mean loss since the one
// before, from its log.
func readCurve(dir string) ([]card.Point, error) {
	lines, err := readLog(dir)
	if err != nil {
		return nil, err
	}
	var points []card.Point
	sum, n := 0.0, 0
	for _, l := range lines {
		if l.Score == nil {
			sum, n = sum+l.Loss, n+1
			continue
		}
		points = append(points, card.Point{Step: l.Step, Loss: sum / float64(max(1, n)), Score: *l.Score})
		sum, n = 0, 0
	}
	return points, nil
}

// titleOf is the title of the card of a model that is written to dir.
func titleOf(dir string) string { return filepath.Base(filepath.Clean(dir)) }
