package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/spf13/cobra"

	engine "semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/workload"
	"semdex/internal/cli"
	"semdex/internal/kernel"
)

const benchEncoderLong = `Measure how fast a model encodes, below texts and tokenisation: batches of one
length, and two mixes with the lengths of real sentences and passages. Without
--model it is a model of a known shape with random weights.

The results are in the format of Go benchmarks; benchstat compares two files of
them. docs/performance.md compares with other programs.`

const benchEncoderExample = `  semdex bench encoder
  semdex bench encoder --shape B --int8 --workers 1 --workloads 1x16,32x16
  semdex bench encoder --model my-model --count 10 > new.txt && benchstat old.txt new.txt`

// benchFlags are the flags of the verb bench encoder.
type benchFlags struct {
	model     string
	shape     string
	int8      bool
	workers   int
	workloads []string
	time      time.Duration
	count     int
	profile   string
}

func (a *app) benchCommand() *cobra.Command {
	return group("bench", "Measure speed", a.benchEncoderCommand(), a.benchIndexCommand())
}

func (a *app) benchEncoderCommand() *cobra.Command {
	var f benchFlags
	var shapes, workloads []string
	for _, s := range workload.Shapes() {
		shapes = append(shapes, s.Name+" ("+s.About+")")
	}
	for _, w := range workload.All() {
		workloads = append(workloads, w.Name)
	}
	c := &cobra.Command{
		Use:     "encoder [flags]",
		Short:   "Measure how fast a model encodes, in the format of Go benchmarks",
		Long:    benchEncoderLong,
		Example: benchEncoderExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.model != "" && cmd.Flags().Changed("shape") {
				return usage(cmd, "bench encoder: --model and --shape exclude each other")
			}
			if f.time <= 0 || f.count < 1 {
				return usage(cmd, "bench encoder: --time and --count must be above 0")
			}
			chosen, err := chooseWorkloads(f.workloads)
			if err != nil {
				return usage(cmd, "bench encoder: %v", err)
			}
			if _, err := workload.FindShape(f.shape); err != nil {
				return usage(cmd, "bench encoder: %v", err)
			}
			return a.benchEncoder(cmd.Context(), &f, chosen)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.model, "model", "", "`model`: builtin, a folder, or a name on the hub that has been pulled")
	flags.StringVar(&f.shape, "shape", "A", "`shape` of a model with random weights: "+strings.Join(shapes, " or "))
	flags.BoolVar(&f.int8, "int8", false, "encode with 8-bit weights")
	flags.IntVar(&f.workers, "workers", 0, "`threads` that encode (default one per processor)")
	flags.StringSliceVar(&f.workloads, "workloads", nil, "`names` of what to encode: "+strings.Join(workloads, ", ")+" (default all)")
	flags.DurationVar(&f.time, "time", time.Second, "`duration` of each measurement, at least")
	flags.IntVar(&f.count, "count", 1, "measure everything so many `times`")
	flags.StringVar(&f.profile, "profile", "", "write a processor profile for go tool pprof to this `file`")
	return verb(c, noArgs)
}

func chooseWorkloads(names []string) ([]workload.Workload, error) {
	if len(names) == 0 {
		return workload.All(), nil
	}
	var chosen []workload.Workload
	for _, name := range names {
		w, err := workload.Find(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		chosen = append(chosen, w)
	}
	return chosen, nil
}

func (a *app) benchEncoder(ctx context.Context, f *benchFlags, chosen []workload.Workload) (err error) {
	m, name, err := a.benchModel(f)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if f.workers <= 0 {
		f.workers = runtime.GOMAXPROCS(0)
	}
	enc, err := workload.NewEncoder(m, workload.Options{
		Workers: f.workers, Int8: f.int8, Level: cli.Getenv(a.env, kernel.EnvLevel),
	})
	if err != nil {
		return err
	}
	precision := "f32"
	if f.int8 && m.Static == nil {
		precision = "int8"
	}
	stop, err := startProfile(f.profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	a.printBenchHead(enc)
	for range f.count {
		for _, w := range chosen {
			if limit := m.Config.MaxPositions; m.Static == nil && longest(w) > limit {
				a.note("%s: left out, the model has %d positions", w.Name, limit)
				continue
			}
			r, err := measure(ctx, enc, workload.Batch(w.Sentences(m.Config.VocabSize)), f.time)
			if err != nil {
				return fmt.Errorf("%s: %w", w.Name, err)
			}
			r.sentences, r.operations = len(w.Lengths), workload.Operations(m.Config, w.Lengths)
			if _, err := fmt.Fprintf(a.stdout, "BenchmarkEncoder/model=%s/precision=%s/workers=%d/batch=%s-%d\t%v\n",
				name, precision, f.workers, w.Name, runtime.GOMAXPROCS(0), r); err != nil {
				return err
			}
		}
	}
	return nil
}

// startProfile samples where processor time goes until stop is called; without
// a name it does nothing.
func startProfile(name string) (stop func() error, err error) {
	if name == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// benchModel opens the model that is asked for, and names it without the
// characters that mean something in a benchmark's name.
func (a *app) benchModel(f *benchFlags) (*model.Model, string, error) {
	if f.model == "" {
		shape, err := workload.FindShape(f.shape)
		if err != nil {
			return nil, "", err
		}
		m, err := shape.Model()
		return m, shape.Name, err
	}
	dir, err := a.modelDir(f.model)
	if err != nil {
		return nil, "", err
	}
	m, err := openModel(f.model, dir)
	if err != nil {
		return nil, "", err
	}
	return m, strings.NewReplacer("/", "_", " ", "_", "=", "_").Replace(m.Name), nil
}

func longest(w workload.Workload) int {
	n := 0
	for _, l := range w.Lengths {
		n = max(n, l)
	}
	return n
}

// printBenchHead writes the lines about the machine that benchstat knows, and
// the engine.
func (a *app) printBenchHead(enc engine.Encoder) {
	fmt.Fprintf(a.stdout, "goos: %s\ngoarch: %s\npkg: semdex/embed/encoder\n", runtime.GOOS, runtime.GOARCH)
	if name := workload.Processor(); name != "" {
		fmt.Fprintf(a.stdout, "cpu: %s\n", name)
	}
	fmt.Fprintf(a.stdout, "engine: %v\n", enc)
}

// benchResult is one measurement.
type benchResult struct {
	n             int
	elapsed       time.Duration
	allocs, bytes uint64 // of all n
	sentences     int    // of one
	operations    float64
}

// String is the part of a benchmark line behind its name.
func (r benchResult) String() string {
	n, seconds := float64(r.n), r.elapsed.Seconds()
	s := fmt.Sprintf("%8d\t%12.0f ns/op\t%10.1f sentences/s", r.n, 1e9*seconds/n, n*float64(r.sentences)/seconds)
	if r.operations > 0 {
		s += fmt.Sprintf("\t%8.1f GFLOP/s", n*r.operations/seconds/1e9)
	}
	return s + fmt.Sprintf("\t%d B/op\t%d allocs/op", r.bytes/uint64(r.n), r.allocs/uint64(r.n))
}

// measure encodes the batch again and again for at least the time given, after
// a warm-up of a tenth of it.
func measure(ctx context.Context, enc engine.Encoder, b *engine.Batch, least time.Duration) (benchResult, error) {
	dst := make([]float32, b.Len()*enc.Dims())
	run := func(d time.Duration) (n int, elapsed time.Duration, err error) {
		for start := time.Now(); elapsed < d; n++ {
			if err := enc.Encode(ctx, b, engine.Output{Normalize: true}, dst); err != nil {
				return n, elapsed, err
			}
			elapsed = time.Since(start)
		}
		return n, elapsed, nil
	}
	if _, _, err := run(least / 10); err != nil {
		return benchResult{}, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	n, elapsed, err := run(least)
	runtime.ReadMemStats(&after)
	return benchResult{
		n: n, elapsed: elapsed,
		allocs: after.Mallocs - before.Mallocs, bytes: after.TotalAlloc - before.TotalAlloc,
	}, err
}
