package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"semdex/index"
	"semdex/index/local"
	"semdex/index/workload"
)

const benchIndexLong = `Measure how fast an index takes documents in and answers searches while it is
written to, below the encoder: documents of made-up English and Korean words, with
the frequencies of real ones, and vectors in clusters. A document has one to seven
passages of 60 to 120 words.

Documents go in as a bulk load, a batch at a time as semdex index sends them; what
waited for its end, the graph of vectors, is built; the folder is closed and opened
again; then clients search with words and a vector, each as soon as it
has its answer, while single documents are written. Half of these are new, half
replace others.

A folder named by --data is kept, and what it holds of these documents is not
written again. Memory is reported on Linux only.`

const benchIndexExample = `  semdex bench index
  semdex bench index --passages 1000000 --dims 384 --data big --json > big.json
  semdex bench index --data big --passages 1000000 --dims 384 --clients 4 --profile cpu.prof`

// benchIndexFlags are the flags of the verb bench index.
type benchIndexFlags struct {
	passages int
	dims     int
	batch    int
	seed     uint64
	data     string
	clients  []int
	time     time.Duration
	searches int
	writes   float64
	profile  string
	asJSON   bool
}

func (a *app) benchIndexCommand() *cobra.Command {
	var f benchIndexFlags
	c := &cobra.Command{
		Use:     "index [flags]",
		Short:   "Measure how fast an index is written to and searched",
		Long:    benchIndexLong,
		Example: benchIndexExample,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.passages < 1 || f.dims < 1 || f.batch < 1 || f.time <= 0 || f.searches < 1 {
				return usage(cmd, "bench index: --passages, --dims, --batch, --time and --searches must be above 0")
			}
			if f.writes < 0 {
				return usage(cmd, "bench index: --writes must not be negative")
			}
			for _, n := range f.clients {
				if n < 1 {
					return usage(cmd, "bench index: %d clients", n)
				}
			}
			report, err := a.benchIndex(cmd.Context(), &f)
			if err != nil {
				return err
			}
			if f.asJSON {
				return a.printJSON(report)
			}
			return a.printBenchIndex(report)
		},
	}
	flags := c.Flags()
	flags.IntVar(&f.passages, "passages", 100_000, "`n` passages to write, at least")
	flags.IntVar(&f.dims, "dims", 256, "`n` values of a vector")
	flags.IntVar(&f.batch, "batch", 256, "`n` documents are written with one call")
	flags.Uint64Var(&f.seed, "seed", 1, "`number` that decides words and vectors")
	flags.StringVarP(&f.data, "data", "d", "", "`folder` of the index, which is kept (default a temporary one)")
	flags.IntSliceVar(&f.clients, "clients", []int{1, 8, 64}, "`numbers` of clients that search at the same time, one after the other")
	flags.DurationVar(&f.time, "time", 10*time.Second, "`duration` of the searches of each number of clients, at most")
	flags.IntVar(&f.searches, "searches", 100_000, "`n` searches of each number of clients, at most")
	flags.Float64Var(&f.writes, "writes", 100, "`n` documents are written each second while clients search")
	flags.StringVar(&f.profile, "profile", "", "write a processor profile for go tool pprof to this `file`")
	flags.BoolVar(&f.asJSON, "json", false, "print JSON")
	return verb(c, noArgs)
}

// benchCollection is the collection of bench index.
const benchCollection = "bench"

// indexBench is a measurement under way.
type indexBench struct {
	app    *app
	flags  *benchIndexFlags
	corpus *workload.Corpus
	dir    string

	engine     *local.Engine
	collection index.Collection
	documents  int                   // that are there, numbered from 0
	next       <-chan []index.Record // the batch behind them, which is being made
	report     benchIndexReport
}

func (a *app) benchIndex(ctx context.Context, f *benchIndexFlags) (report *benchIndexReport, err error) {
	b := &indexBench{app: a, flags: f, dir: f.data, corpus: workload.New(f.seed, f.passages, f.dims)}
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "semdex-bench-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	}
	stop, err := startProfile(f.profile)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := b.open(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.engine.Close()) }()
	for _, phase := range []func(context.Context) error{b.ingest, b.settle, b.reopen, b.search} {
		if err := phase(ctx); err != nil {
			return nil, err
		}
	}
	return &b.report, nil
}

// open opens the folder and the collection, which it makes if there is none.
func (b *indexBench) open(ctx context.Context) (err error) {
	b.engine, err = b.app.openEngine(b.dir, mayBeNew)
	if err != nil {
		return err
	}
	b.collection, err = b.engine.Open(ctx, benchCollection)
	if errors.Is(err, index.ErrCollectionNotFound) {
		b.collection, err = b.engine.Create(ctx, benchCollection, b.corpus.Settings())
	}
	if err != nil {
		return errors.Join(err, b.engine.Close())
	}
	info, err := b.collection.Info(ctx)
	if want := b.corpus.Settings(); err == nil && (info.Settings.Model != want.Model || info.Settings.Dims != want.Dims) {
		err = fmt.Errorf("%s holds other documents: %s, %d values", b.dir, info.Settings.Model, info.Settings.Dims)
	}
	if err != nil {
		return errors.Join(err, b.engine.Close())
	}
	b.report.Passages, b.report.Dims = info.Passages, info.Settings.Dims
	return nil
}

// settle waits until the background has done what the writes left to it.
func (b *indexBench) settle(ctx context.Context) error {
	start := time.Now()
	if err := b.collection.Settle(ctx, nil); err != nil {
		return err
	}
	b.report.Settle = time.Since(start).Seconds()
	return nil
}

// reopen closes the folder, measures it, and opens it again.
func (b *indexBench) reopen(ctx context.Context) error {
	start := time.Now()
	if err := b.engine.Close(); err != nil {
		return err
	}
	b.report.Close = time.Since(start).Seconds()
	disk, err := diskParts(b.dir)
	if err != nil {
		return err
	}
	b.report.Disk = disk
	releaseMemory()
	start = time.Now()
	if err := b.open(ctx); err != nil {
		return err
	}
	b.report.Open = time.Since(start).Seconds()
	b.report.Opened = processMemory()
	return nil
}

// perSecond is n in a time.
func perSecond(n int, d time.Duration) float64 { return float64(n) / max(d.Seconds(), 1e-9) }
