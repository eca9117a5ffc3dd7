package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"semdex/embed/model"
	"semdex/embed/trainable"
	"semdex/internal/progress"
	"semdex/internal/train"
	"semdex/nli"
	"semdex/nli/devset"
	"semdex/nli/pairs"
	"semdex/nli/sbert"
	"semdex/nli/static"
)

// adaptTuning says how adapt trains. Zeros stand for the defaults of the kind of
// model.
type adaptTuning struct {
	steps    int
	batch    int
	rate     float64
	pull     float64
	scale    float64
	every    int
	patience int
	minutes  float64
	easy     bool
}

func (t *adaptTuning) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.IntVar(&t.steps, "steps", 0, "training `steps` at most (default 300; of a transformer 200)")
	flags.IntVar(&t.batch, "batch", 0, "`pairs` per step (default 256; of a transformer 32)")
	flags.Float64Var(&t.rate, "rate", 0, "learning `rate` (default 0.005; of a transformer 2e-5)")
	flags.Float64Var(&t.pull, "pull", 5, "how strongly vectors are drawn back to where they were; static models alone")
	flags.Float64Var(&t.scale, "scale", 20, "`factor` of the cosine in the softmax")
	flags.IntVar(&t.every, "eval-every", 0, "`steps` between evaluations (default a twentieth of --steps)")
	flags.IntVar(&t.patience, "patience", 5, "stop after so many `evaluations` without a better score; 0: never")
	flags.Float64Var(&t.minutes, "minutes", 5, "stop training after so many `minutes`; 0: never")
	flags.BoolVar(&t.easy, "no-hard-negatives", false, "train without passages of other documents that share words")
}

func (t *adaptTuning) parse(cmd *cobra.Command) error {
	switch {
	case t.steps < 0, t.batch < 0, t.batch == 1, t.every < 0, t.patience < 0:
		return usage(cmd, "--steps, --batch, --eval-every and --patience are counts; a batch has two pairs or more")
	case !(t.rate >= 0 && t.pull >= 0 && t.scale > 0 && t.minutes >= 0) || math.IsInf(t.rate+t.pull+t.scale+t.minutes, 0):
		return usage(cmd, "--rate, --pull, --scale and --minutes are positive numbers")
	}
	return nil
}

// complete fills the zeros in.
func (t *adaptTuning) complete(steps, batch int, rate float64) {
	if t.steps == 0 {
		t.steps = steps
	}
	if t.batch == 0 {
		t.batch = batch
	}
	if t.rate == 0 {
		t.rate = rate
	}
	if t.every == 0 {
		t.every = max(1, t.steps/20)
	}
}

func (t *adaptTuning) limit() time.Duration {
	return time.Duration(t.minutes * float64(time.Minute))
}

// adaptTrained is how the training went.
type adaptTrained struct {
	Pairs     []adaptPairs       `json:"pairs"`
	Steps     int                `json:"steps"`
	BestStep  int                `json:"best_step"`
	Before    float64            `json:"dev_mrr@10_before"`
	After     float64            `json:"dev_mrr@10_after"`
	Rows      int                `json:"rows_changed,omitempty"` // of a static table
	OutOfTime bool               `json:"out_of_time,omitempty"`
	Curve     []static.TunePoint `json:"curve"`
}

type adaptPairs struct {
	Source string `json:"source"`
	Pairs  int    `json:"pairs"`
}

// Bounds for transformers, which encode some hundred times slower than tables.
const (
	slowQueries    = 300
	slowCandidates = 1500
)

// train trains and gives the best weights.
func (r *adaptRun) train(ctx context.Context) (*model.Model, error) {
	data, err := r.pairs(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range data.Sources {
		r.report.Training.Pairs = append(r.report.Training.Pairs, adaptPairs{s.Name, s.Len()})
	}
	level, err := r.kernelLevel()
	if err != nil {
		return nil, err
	}
	dev := pairs.Dev{Retrieval: []pairs.RetrievalSet{r.set.Dev().Retrieval("held-out")}}
	sets := devset.New(dev, devset.Options{Level: level, Workers: r.f.options.Workers})
	begin := time.Now()
	var m *model.Model
	if r.base.Static != nil {
		m, err = r.trainTable(ctx, data, sets)
	} else {
		m, err = r.trainTransformer(ctx, data, sets)
	}
	r.report.Seconds.Training = time.Since(begin).Seconds()
	if err == nil && r.report.Training.BestStep == 0 {
		err = fmt.Errorf("%w on the documents that choose when to stop: MRR@10 is %s at the start and was never higher",
			errNothingLearnt, share(r.report.Training.Before))
	}
	return m, err
}

// pairs are those of the texts behind those of --mix, which weigh as much.
func (r *adaptRun) pairs(ctx context.Context) (*pairs.Data, error) {
	var more *pairs.Data
	if len(r.f.mix) > 0 {
		var err error
		o := pairs.Options{Files: r.f.mix, FileWeight: mixWeight / float64(len(r.f.mix)), Seed: r.f.options.Seed}
		if more, err = pairs.Open(ctx, "", o); err != nil {
			return nil, err
		}
	}
	return r.set.Data(ctx, more)
}

// mixWeight is about the weight of all sources that the texts give.
const mixWeight = 4

func (r *adaptRun) trainTable(ctx context.Context, data *pairs.Data, sets *devset.Sets) (*model.Model, error) {
	t := &r.f.tune
	t.complete(300, 256, 0.005)
	c := static.Config{
		Batch: t.batch, Steps: t.steps, Rate: t.rate, Scale: t.scale, Hard: !t.easy, Seed: r.f.options.Seed,
		Workers: r.f.options.Workers, LogEvery: max(1, t.steps/100), EvalEvery: t.every,
	}
	tuning := static.Tuning{
		Pull: t.pull, Patience: t.patience, Limit: t.limit(),
		Evaluate: func(ctx context.Context, e nli.Encoder) (float64, error) {
			scores, err := sets.Score(ctx, e)
			return devset.Mean(scores), err
		},
	}
	var last atomic.Pointer[static.TuneProgress]
	bar := r.progress("training", func() progress.State {
		s := progress.State{Total: int64(t.steps)}
		if p := last.Load(); p != nil {
			s.Done, s.Note = int64(p.Step), fmt.Sprintf("loss %.3f", p.Loss)
		}
		return s
	})
	defer bar.Stop()
	m, report, err := static.Tune(ctx, c, tuning, r.base, data, func(p static.TuneProgress) {
		last.Store(&p)
		if p.Score != nil && !r.quiet {
			bar.Println(fmt.Sprintf("step %s: MRR@10 of held-out questions %s, best %s", progress.Count(int64(p.Step)), share(*p.Score), share(p.Best)))
		}
	})
	if err != nil {
		return nil, err
	}
	out := &r.report.Training
	out.Steps, out.BestStep, out.Rows, out.OutOfTime, out.Curve = report.Steps, report.BestStep, report.Rows, report.OutOfTime, report.Curve
	out.Before, out.After = report.Curve[0].Score, report.Curve[0].Score
	for _, p := range report.Curve {
		out.After = max(out.After, p.Score)
	}
	return m, nil
}

// trainTransformer trains in a folder of its own, which does not stay.
func (r *adaptRun) trainTransformer(ctx context.Context, data *pairs.Data, sets *devset.Sets) (m *model.Model, err error) {
	t := &r.f.tune
	t.complete(200, 32, 2e-5)
	net, err := trainable.Sentence(r.base)
	if err != nil {
		return nil, err
	}
	corpus, err := sbert.NewCorpus(ctx, r.base.Tokenizer, data, r.f.options.Workers)
	if err != nil {
		return nil, err
	}
	most := min(adaptTokens, net.Encoder.Config.MaxPositions)
	task := &sbert.Ranking{
		Net: net.SentenceEncoder, Corpus: corpus, Batches: t.steps, Scale: t.scale, Seed: r.f.options.Seed,
		Sizes: sbert.Sizes{Pairs: t.batch, Tokens: 3 * most * t.batch, MaxTokens: most}, Chunk: adaptChunk,
	}
	if err := task.Prepare(); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "semdex-adapt-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := &r.report.Training
	score := func(ctx context.Context, step int, loss float64) (float64, error) {
		scores, err := sbert.Score(ctx, net.Model(), sets, most, r.f.options.Workers)
		v := devset.Mean(scores)
		out.Curve = append(out.Curve, static.TunePoint{Step: step, Loss: loss, Score: v})
		return v, err
	}
	if out.Before, err = score(ctx, 0, 0); err != nil {
		return nil, err
	}
	out.After = out.Before
	if err := r.runTransformer(ctx, task, dir, score); err != nil {
		return nil, err
	}
	return net.Model(), nil
}

// Passages are cut at so many tokens, and go through a transformer in chunks of so
// many.
const (
	adaptTokens = 256
	adaptChunk  = 4096
)

// runTransformer trains and loads the weights that scored best, if they are better
// than those it began with.
func (r *adaptRun) runTransformer(ctx context.Context, task *sbert.Ranking, dir string, score func(context.Context, int, float64) (float64, error)) error {
	t, out := &r.f.tune, &r.report.Training
	level, err := r.kernelLevel()
	if err != nil {
		return err
	}
	running, stop := ctx, func() {}
	if t.limit() > 0 {
		running, stop = context.WithTimeout(ctx, t.limit())
	}
	defer stop()
	var last atomic.Pointer[train.Progress]
	bar := r.progress("training", func() progress.State { return trainingState(last.Load()) })
	defer bar.Stop()
	trainer, err := train.NewTrainer(train.NewEngine(level, r.f.options.Workers), task, train.Options{
		Seed: r.f.options.Seed, Steps: t.steps, Plan: sbert.Plan, Accumulate: 1, WarmupShare: 0.1, Clip: 1,
		Optimizer: train.AdamW{LR: t.rate, WeightDecay: 0.01}, EvalEvery: t.every, Patience: t.patience, Dir: dir, SaveEvery: t.steps,
		Progress: func(p train.Progress) { last.Store(&p); out.Steps = p.Step },
		Evaluate: func(_ context.Context, s train.State) (float64, error) {
			v, err := score(ctx, s.Step, lossOf(last.Load())) // the clock does not end an evaluation
			if err == nil && !r.quiet {
				bar.Println(fmt.Sprintf("step %s: MRR@10 of held-out questions %s, before %s", progress.Count(int64(s.Step)), share(v), share(out.Before)))
			}
			return v, err
		},
	})
	if err != nil {
		return err
	}
	_, err = trainer.Run(running)
	state := trainer.State()
	top := out.Before
	if state.Evaluated {
		top = max(top, state.Best)
	}
	if out.OutOfTime = ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded); out.OutOfTime {
		var v float64
		if v, err = score(ctx, state.Step, lossOf(last.Load())); err == nil && v > top {
			out.BestStep, out.After = state.Step, v
			return nil
		}
	}
	if err != nil || top <= out.Before {
		return err
	}
	best, err := trainer.LoadBest()
	out.BestStep, out.After = best.BestStep, best.Best
	return err
}

func lossOf(p *train.Progress) float64 {
	if p == nil {
		return 0
	}
	return p.Loss
}
