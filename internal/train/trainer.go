package train

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Trainer runs a task: batches, updates, evaluations, checkpoints. One run with
// one seed gives one curve, bit for bit, however often it is interrupted and
// resumed and whatever the number of workers.
type Trainer struct {
	e        *Engine
	task     Task
	o        Options
	params   []Parameter
	schedule Schedule
	state    State
	plan     [][]int32 // of the current epoch
	log      *runLog
	rate     rate
}

// Result is how a run ended.
type Result struct {
	State
	Steps    int     // of the whole run as planned
	Loss     float64 // of the last update
	Stopped  bool    // early, for lack of improvement
	Duration time.Duration
}

// NewTrainer prepares a run and, with Options.Resume, loads the state of the
// one in Dir. Errors wrap ErrConfig, ErrData, ErrCheckpoint or ErrEarlierRun.
func NewTrainer(e *Engine, task Task, o Options) (*Trainer, error) {
	if err := o.check(task.Len()); err != nil {
		return nil, err
	}
	t := &Trainer{e: e, task: task, o: o, params: Parameters(task.Modules()...)}
	t.schedule = Schedule{Kind: o.Schedule, Warmup: o.Warmup, Total: t.steps()}
	if o.Warmup == 0 {
		t.schedule.Warmup = int(o.WarmupShare * float64(t.schedule.Total))
	}
	if err := t.schedule.Check(); err != nil {
		return nil, err
	}
	if o.Dir == "" {
		return t, nil
	}
	return t, t.open()
}

// steps is the number of updates of the whole run.
func (t *Trainer) steps() int {
	if t.o.Epochs == 0 {
		return t.o.Steps
	}
	total := 0
	for epoch := 0; epoch < t.o.Epochs && (t.o.Steps == 0 || total < t.o.Steps); epoch++ {
		total += (len(t.epoch(epoch)) + t.o.Accumulate - 1) / t.o.Accumulate
	}
	if t.o.Steps > 0 {
		total = min(total, t.o.Steps)
	}
	return total
}

func (t *Trainer) epoch(i int) [][]int32 {
	return t.o.Plan.Epoch(t.o.Seed, i, t.task.Len(), t.task.Tokens)
}

// open finds an earlier run in Dir, or starts one.
func (t *Trainer) open() error {
	if err := os.MkdirAll(t.o.Dir, 0o755); err != nil {
		return fmt.Errorf("folder of the run: %w", err)
	}
	_, err := os.Stat(t.file(LastName))
	switch {
	case err == nil && !t.o.Resume:
		return fmt.Errorf("%w: %s; resume it or choose another folder", ErrEarlierRun, t.o.Dir)
	case err == nil:
		t.state, err = loadCheckpoint(t.file(LastName), t.settings(), t.params)
		return err
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// State is where the run stands.
func (t *Trainer) State() State { return t.state }

// Steps is the number of updates of the whole run.
func (t *Trainer) Steps() int { return t.schedule.Total }

// Run trains to the end, to ctx's end, or until evaluations stop improving. When
// ctx ends, the state is saved and ctx's error returned. The model holds the
// last weights; see LoadBest. An error of a step, an evaluation or a save leaves
// the checkpoints as they were.
func (t *Trainer) Run(ctx context.Context) (r Result, err error) {
	start := time.Now()
	defer func() { r.State, r.Steps, r.Duration = t.state, t.schedule.Total, time.Since(start) }()
	if t.o.Dir != "" {
		if t.log, err = openLog(t.file(LogName), t.state.Step); err != nil {
			return r, err
		}
		defer func() { err = errors.Join(err, t.log.Close()) }()
	}
	t.rate.start(start)
	saved := t.state.Step
	for t.state.Step < t.end() && !t.stopped() {
		if err := ctx.Err(); err != nil {
			return r, errors.Join(err, t.saveSince(saved))
		}
		p, err := t.step()
		if err != nil {
			return r, err
		}
		r.Loss = p.Loss
		evaluated, err := t.evaluate(ctx)
		if err != nil {
			return r, err
		}
		if evaluated || t.o.SaveEvery > 0 && t.state.Step%t.o.SaveEvery == 0 || t.state.Step == t.end() {
			if err := t.save(LastName); err != nil {
				return r, err
			}
			saved = t.state.Step
		}
		if t.o.Progress != nil {
			p.State = t.state
			t.o.Progress(p)
		}
	}
	r.Stopped = t.stopped() || t.state.Step < t.schedule.Total
	return r, nil
}

// end is the update after which Run returns.
func (t *Trainer) end() int {
	if n := t.o.StopAfter; n > 0 && n < t.schedule.Total {
		return n
	}
	return t.schedule.Total
}

func (t *Trainer) stopped() bool { return t.o.Patience > 0 && t.state.Worse >= t.o.Patience }

func (t *Trainer) saveSince(step int) error {
	if t.state.Step == step {
		return nil
	}
	return t.save(LastName)
}

// save stores the state; best.ckpt holds no moments.
func (t *Trainer) save(name string) error {
	if t.o.Dir == "" {
		return nil
	}
	if err := t.log.Flush(); err != nil {
		return err
	}
	return saveCheckpoint(t.file(name), t.state, t.settings(), t.params, name == LastName)
}

// LoadBest puts the best evaluated weights into the model. Errors wrap
// ErrCheckpoint, or fs.ErrNotExist if nothing was evaluated.
func (t *Trainer) LoadBest() (State, error) {
	return loadCheckpoint(t.file(BestName), nil, t.params)
}

// step does one update.
func (t *Trainer) step() (Progress, error) {
	lr := t.o.Optimizer.LR * t.schedule.Factor(t.state.Step)
	at := t.state
	loss, weight, tokens, err := t.gradients()
	if err != nil {
		t.abandon(at)
		return Progress{}, err
	}
	norm := 0.0
	if weight > 0 {
		norm = t.e.gradNorm(t.params) / weight
		if !finite(norm) {
			t.abandon(at)
			return Progress{}, fmt.Errorf("%w: at step %d the norm of the gradients is %g", ErrDiverged, at.Step+1, norm)
		}
		if err := t.update(lr, norm, weight); err != nil {
			return Progress{}, err
		}
	}
	t.state.Step++
	t.state.Tokens += int64(tokens)
	t.rate.add(time.Now(), tokens)
	p := Progress{
		State: t.state, Steps: t.schedule.Total, Loss: loss, LR: lr, GradNorm: norm,
		TokenRate: t.rate.tokens(), Left: t.rate.left(t.schedule.Total - t.state.Step),
	}
	return p, t.log.step(p, tokens)
}

// abandon goes back to where the step began.
func (t *Trainer) abandon(at State) {
	if at.Epoch != t.state.Epoch {
		t.plan = nil
	}
	t.state = at
	for _, p := range t.params {
		p.ZeroGrad()
	}
}

// update applies the gradients, clipped to the largest norm allowed.
func (t *Trainer) update(lr, norm, weight float64) error {
	scale := 1 / weight
	if t.o.Clip > 0 && norm > t.o.Clip {
		scale *= t.o.Clip / norm
	}
	t.o.Optimizer.Begin(t.e, t.state.Step+1, lr, scale)
	for _, p := range t.params {
		if err := t.o.Optimizer.OptimizeParams(p.Param); err != nil {
			return fmt.Errorf("update %s: %w", p.Name, err)
		}
	}
	return nil
}

// gradients adds up the gradients of the step's batches, each times its weight,
// and gives the weighted mean of their losses.
func (t *Trainer) gradients() (loss, weight float64, tokens int, err error) {
	for range t.o.Accumulate {
		batch, epoch, ok := t.next()
		if !ok {
			break
		}
		l, w, n, err := t.batch(batch, epoch)
		if err != nil {
			return 0, 0, 0, err
		}
		loss, weight, tokens = loss+l*w, weight+w, tokens+n
		if t.state.Batch == len(t.plan) {
			break // an update does not mix epochs
		}
	}
	if weight > 0 {
		loss /= weight
	}
	return loss, weight, tokens, nil
}

// next is the next batch.
func (t *Trainer) next() (examples []int32, epoch int, ok bool) {
	if t.plan != nil && t.state.Batch == len(t.plan) {
		t.state.Epoch, t.state.Batch, t.plan = t.state.Epoch+1, 0, nil
	}
	if t.plan == nil {
		t.plan = t.epoch(t.state.Epoch)
		if t.state.Batch >= len(t.plan) { // saved at the end of an epoch
			t.state.Epoch, t.state.Batch = t.state.Epoch+1, 0
			t.plan = t.epoch(t.state.Epoch)
		}
	}
	examples = t.plan[t.state.Batch]
	t.state.Batch++
	return examples, t.state.Epoch, true
}

// batch runs one batch forward and backward.
func (t *Trainer) batch(examples []int32, epoch int) (loss, weight float64, tokens int, err error) {
	where := func(err error) error {
		return fmt.Errorf("step %d, epoch %d, batch %d (example %d and %d more): %w",
			t.state.Step+1, epoch+1, t.state.Batch, examples[0], len(examples)-1, err)
	}
	g := t.e.Train(Seed(t.o.Seed, uint64(t.state.Step), uint64(t.state.Batch)))
	defer g.Close()
	l, err := t.task.Loss(g, Seed(t.o.Seed, uint64(epoch), 0x64617461), examples)
	if err != nil {
		return 0, 0, 0, where(err)
	}
	if l.Weight == 0 {
		return 0, 0, l.Tokens, nil
	}
	loss = float64(Values(l.Value)[0])
	if !finite(loss) {
		return 0, 0, 0, where(fmt.Errorf("%w: the loss is %g", ErrDiverged, loss))
	}
	if err := g.Backward(l.Value, float32(l.Weight)); err != nil {
		return 0, 0, 0, where(err)
	}
	return loss, l.Weight, l.Tokens, nil
}

// evaluate scores the model if it is time to, and keeps the best.
func (t *Trainer) evaluate(ctx context.Context) (bool, error) {
	due := t.state.Step == t.schedule.Total || t.o.EvalEvery > 0 && t.state.Step%t.o.EvalEvery == 0
	if t.o.Evaluate == nil || !due {
		return false, nil
	}
	start := time.Now()
	score, err := t.o.Evaluate(ctx, t.state)
	if err != nil {
		return false, fmt.Errorf("evaluate after step %d: %w", t.state.Step, err)
	}
	t.rate.pause(time.Since(start))
	t.state.Worse++
	better := !t.state.Evaluated || score > t.state.Best
	if better {
		t.state.Evaluated, t.state.Best, t.state.BestStep, t.state.Worse = true, score, t.state.Step, 0
	}
	if err := t.log.evaluation(t.state, score); err != nil {
		return false, err
	}
	if better {
		err = t.save(BestName)
	}
	return true, err
}
