package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nlpodyssey/spago/mat"
)

// Task is what a Trainer trains.
type Task interface {
	// Modules are the modules whose parameters are trained and saved.
	Modules() []Module
	// Len is the number of examples.
	Len() int
	// Tokens is the cost of an example, the sum over its sentences.
	Tokens(i int) int
	// Loss adds the loss of some examples to g. Randomness must come from
	// Seed(seed, example), with the seed given, which differs in every epoch.
	// All sentences must go through one batch: two branches over shared
	// parameters are not reproducible.
	Loss(g *Graph, seed uint64, examples []int32) (Loss, error)
}

// Loss is a loss in a graph.
type Loss struct {
	Value mat.Tensor // scalar, a mean
	// Weight is the number of terms that Value is the mean of. Batches that are
	// accumulated into one step count by it, so that the step is that of one
	// large batch. A loss of weight 0 is left out.
	Weight float64
	Tokens int // tokens in the batch
}

// Options of a run.
type Options struct {
	Seed       uint64
	Epochs     int  // passes over the data; 0 with Steps set: as many as it takes
	Steps      int  // updates at most; 0: no limit
	Plan       Plan // the batches
	Accumulate int  // batches per update; 0 means 1

	Optimizer   AdamW
	Schedule    ScheduleKind // "" means linear
	Warmup      int          // steps
	WarmupShare float64      // of all steps, if Warmup is 0
	Clip        float64      // largest norm of the gradients; 0: no limit

	// Evaluate scores the model; higher is better. It runs every EvalEvery
	// updates and after the last.
	Evaluate  func(ctx context.Context, s State) (float64, error)
	EvalEvery int
	// Patience stops the run after so many evaluations without a better score;
	// 0: never.
	Patience int
	// StopAfter ends the run after so many updates of it, with the schedule of all
	// of them, so that Resume can go on from there; 0: at its end.
	StopAfter int

	// Dir holds last.ckpt, best.ckpt and log.jsonl; "": nothing is stored.
	Dir string
	// SaveEvery is the number of updates between saves of last.ckpt, which is
	// also saved after evaluations and when the run ends or is cancelled.
	SaveEvery int
	// Resume continues the run in Dir if there is one: exactly where it was, on a
	// machine of the same instruction level, and with other rounding elsewhere.
	Resume bool
	// Identity describes what else decides the curve: the data, the task's own
	// settings. A run is resumed only under the same one.
	Identity string

	Progress func(Progress) // after every update
}

// Progress is the state of a run after an update.
type Progress struct {
	State
	Steps     int // of the whole run
	Loss      float64
	LR        float64
	GradNorm  float64       // before clipping
	TokenRate float64       // tokens per second over the last updates
	Left      time.Duration // estimate
}

// Errors of a run.
var (
	// ErrData: there is nothing to train on.
	ErrData = errors.New("no training data")
	// ErrDiverged: the loss or the gradient is not finite.
	ErrDiverged = errors.New("training diverged")
	// ErrEarlierRun: the folder holds a run that was not asked to be resumed.
	ErrEarlierRun = errors.New("the folder holds an earlier run")
)

// The files of a run.
const (
	LastName = "last.ckpt"
	BestName = "best.ckpt"
	LogName  = "log.jsonl"
)

func (o *Options) check(n int) error {
	if n == 0 {
		return fmt.Errorf("%w: no examples", ErrData)
	}
	if o.Accumulate == 0 {
		o.Accumulate = 1
	}
	if o.Schedule == "" {
		o.Schedule = LinearDecay
	}
	o.Optimizer.defaults()
	bad := func(format string, v ...any) error {
		return fmt.Errorf("%w: %s", ErrConfig, fmt.Sprintf(format, v...))
	}
	switch a := o.Optimizer; {
	case o.Epochs <= 0 && o.Steps <= 0:
		return bad("neither epochs nor steps")
	case o.Plan.Tokens <= 0 || o.Plan.Examples < 0 || o.Plan.Window < 0:
		return bad("batches of %d tokens, %d examples, window %d", o.Plan.Tokens, o.Plan.Examples, o.Plan.Window)
	case o.Accumulate < 0 || o.Steps < 0 || o.EvalEvery < 0 || o.SaveEvery < 0 || o.Patience < 0 || o.StopAfter < 0:
		return bad("a negative number of steps")
	case !(a.LR > 0) || !finite(a.LR):
		return bad("learning rate %g", a.LR)
	case !(a.Beta1 >= 0 && a.Beta1 < 1) || !(a.Beta2 >= 0 && a.Beta2 < 1) || !(a.Epsilon >= 0):
		return bad("Adam with betas %g and %g, epsilon %g", a.Beta1, a.Beta2, a.Epsilon)
	case !(a.WeightDecay >= 0 && a.WeightDecay < 1) || !(o.Clip >= 0):
		return bad("weight decay %g, clipping at %g", a.WeightDecay, o.Clip)
	case !(o.WarmupShare >= 0 && o.WarmupShare <= 1):
		return bad("a warm-up of %g of the run", o.WarmupShare)
	case o.Patience > 0 && (o.Evaluate == nil || o.EvalEvery == 0):
		return bad("early stopping without evaluation")
	}
	return nil
}

// settings are what a resumed run must share with the saved one for its curve
// to continue.
type settings struct {
	Identity    string  `json:"identity"`
	Seed        uint64  `json:"seed"`
	Examples    int     `json:"examples"`
	Steps       int     `json:"steps"`
	BatchTokens int     `json:"batch_tokens"`
	BatchSize   int     `json:"batch_examples"`
	Window      int     `json:"window"`
	Accumulate  int     `json:"accumulate"`
	LR          float64 `json:"lr"`
	Beta1       float64 `json:"beta1"`
	Beta2       float64 `json:"beta2"`
	Epsilon     float64 `json:"epsilon"`
	WeightDecay float64 `json:"weight_decay"`
	Lazy        bool    `json:"lazy"`
	Schedule    string  `json:"schedule"`
	Warmup      int     `json:"warmup"`
	Clip        float64 `json:"clip"`
}

func (t *Trainer) settings() settings {
	o, a := &t.o, &t.o.Optimizer
	return settings{
		Identity: o.Identity, Seed: o.Seed, Examples: t.task.Len(), Steps: t.schedule.Total,
		BatchTokens: o.Plan.Tokens, BatchSize: o.Plan.Examples, Window: o.Plan.Window, Accumulate: o.Accumulate,
		LR: a.LR, Beta1: a.Beta1, Beta2: a.Beta2, Epsilon: a.Epsilon, WeightDecay: a.WeightDecay, Lazy: a.Lazy,
		Schedule: string(o.Schedule), Warmup: t.schedule.Warmup, Clip: o.Clip,
	}
}

// file is the path of one of the run's files.
func (t *Trainer) file(name string) string { return filepath.Join(t.o.Dir, name) }
