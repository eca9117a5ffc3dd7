package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// runner measures cells.
type runner struct {
	exe, python string
	steps       int
	deadline    time.Time // after which no cell is begun; zero: none
	results     *results
	log         io.Writer
}

// measure goes through the cells that are chosen and missing.
func (r *runner) measure(ctx context.Context, o *options) (err error) {
	var us, peer *side
	defer func() { err = errors.Join(err, us.stop(), peer.stop()) }()
	group := ""
	for _, c := range cells() {
		if !o.matches(c) || r.results.has(c) && !o.again {
			continue
		}
		if err := r.inTime(ctx); err != nil {
			return err
		}
		if c.group() != group {
			if err := errors.Join(us.stop(), peer.stop()); err != nil {
				return err
			}
			us, peer = nil, nil
			if us, peer, err = r.sides(ctx, c); err != nil {
				return err
			}
			group = c.group()
		}
		if err := r.cell(ctx, c, us, peer); err != nil {
			return fmt.Errorf("%s: %w", c.id(), err)
		}
	}
	return nil
}

// inTime reports why the next measurement must not begin.
func (r *runner) inTime(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !r.deadline.IsZero() && time.Now().After(r.deadline) {
		return errBudget
	}
	return nil
}

// sides starts both programs with a cell's model and checks that the models are
// of one size.
func (r *runner) sides(ctx context.Context, c cell) (us, peer *side, err error) {
	env, err := r.best(ctx, c.threads)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, us.stop(), peer.stop())
			us, peer = nil, nil
		}
	}()
	if us, err = startSide(ctx, "semdex", []string{r.exe, sideArg}, []string{"GOMAXPROCS=" + strconv.Itoa(c.threads)}); err != nil {
		return us, nil, err
	}
	if peer, err = r.peer(ctx, c.threads, env); err != nil {
		return us, peer, err
	}
	load := request{Do: "load", Threads: c.threads, Model: c.model()}
	ours, err := us.ask(load)
	if err != nil {
		return us, peer, err
	}
	theirs, err := peer.ask(load)
	if err != nil {
		return us, peer, err
	}
	if ours.Parameters != theirs.Parameters {
		return us, peer, fmt.Errorf("semdex has %d parameters, the peer %d", ours.Parameters, theirs.Parameters)
	}
	r.results.Ours, r.results.Peer = ours.Engine, theirs.Engine
	r.results.Parameters[c.loss+"/"+c.shape.Name] = ours.Parameters
	return us, peer, nil
}

// memory keeps the peer's large tensors from going back to the system, which
// costs it a fifth of its time under glibc's defaults.
var memory = []string{
	"MALLOC_MMAP_THRESHOLD_=4294967296", "MALLOC_TRIM_THRESHOLD_=8589934592", "MALLOC_TOP_PAD_=67108864",
}

func (r *runner) peer(ctx context.Context, threads int, env []string) (*side, error) {
	n := strconv.Itoa(threads)
	all := append([]string{"OMP_NUM_THREADS=" + n, "OPENBLAS_NUM_THREADS=" + n}, append(env, memory...)...)
	return startSide(ctx, "torch", []string{r.python, filepath.Join("train", "peer.py")}, all)
}

// candidates are the settings of the peer that are tried. Debian's OpenBLAS
// guesses the processor, and old versions guess new ones badly. With SkylakeX a
// processor without AVX-512 kills it.
var candidates = [][]string{
	nil,
	{"OPENBLAS_CORETYPE=SkylakeX"},
	{"OPENBLAS_CORETYPE=Zen"},
	{"OPENBLAS_CORETYPE=Haswell"},
	{"OPENBLAS_CORETYPE=SkylakeX", "ATEN_CPU_CAPABILITY=avx512"},
}

// best finds the peer's best settings by a few steps of a small model.
func (r *runner) best(ctx context.Context, threads int) ([]string, error) {
	key := strconv.Itoa(threads)
	if env, ok := r.results.Settings[key]; ok {
		return env, nil
	}
	c := cell{lossMLM, threads, shapes[1], sizes[0]}
	var best []string
	var failed []error
	least := math.Inf(1)
	for _, env := range candidates {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cpu, err := r.try(ctx, c, env)
		if err != nil {
			failed = append(failed, fmt.Errorf("%v: %w", env, err))
			fmt.Fprintf(r.log, "torch, %d threads, %v: not on this machine\n", threads, env)
			continue
		}
		fmt.Fprintf(r.log, "torch, %d threads, %v: %.0f ms\n", threads, env, 1e3*cpu)
		if cpu < least {
			best, least = env, cpu
		}
	}
	if len(failed) == len(candidates) {
		return nil, fmt.Errorf("no settings of the peer work: %w", errors.Join(failed...))
	}
	r.results.Settings[key] = best
	return best, r.results.save()
}

// try is the peer's least processor time of a few steps.
func (r *runner) try(ctx context.Context, c cell, env []string) (least float64, err error) {
	s, err := r.peer(ctx, c.threads, env)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	for _, q := range []request{{Do: "load", Threads: c.threads, Model: c.model()}, {Do: "put", Batch: c.batch()}, {Do: "step"}} {
		if _, err := s.ask(q); err != nil {
			return 0, err
		}
	}
	least = math.Inf(1)
	for range 3 {
		a, err := s.ask(request{Do: "step"})
		if err != nil {
			return 0, err
		}
		least = min(least, a.CPU)
	}
	return least, nil
}

// settle is the pause between turns, in which threads that spin after their
// work go to sleep.
const settle = 20 * time.Millisecond

// sameLoss is how far the losses of the first steps may lie apart: the weights
// are drawn by two generators.
const sameLoss = 0.1

// cell measures one cell: both sides in turn, after a step to warm up.
func (r *runner) cell(ctx context.Context, c cell, us, peer *side) error {
	sides := []*side{us, peer}
	var first [2]float64
	for i, s := range sides {
		if _, err := s.ask(request{Do: "put", Batch: c.batch()}); err != nil {
			return err
		}
		a, err := s.ask(request{Do: "step"})
		if err != nil {
			return err
		}
		first[i] = a.Loss
	}
	if d := math.Abs(first[0] - first[1]); d > sameLoss*first[1] {
		return fmt.Errorf("the losses are %g and %g: the work is not the same", first[0], first[1])
	}
	result := cellResult{When: time.Now().UTC().Truncate(time.Second), Load: load(), Loss: first}
	for i := range r.steps {
		for j := range sides {
			if err := ctx.Err(); err != nil {
				return err
			}
			s := (i + j) % 2 // forwards in one round and backwards in the next
			time.Sleep(settle)
			a, err := sides[s].ask(request{Do: "step"})
			if err != nil {
				return err
			}
			result.add(s, a)
		}
	}
	r.results.Cells[c.id()] = result
	cpu, wall := result.ratios()
	fmt.Fprintf(r.log, "%-22s processor %6.0f ms, torch %6.0f ms: %.2fx   clock %.2fx\n",
		c.id(), 1e3*median(result.CPU[0]), 1e3*median(result.CPU[1]), cpu, wall)
	return r.results.save()
}

// load is the system's load average of the last minute, or -1.
func load() float64 {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil || runtime.GOOS != "linux" {
		return -1
	}
	var v float64
	if _, err := fmt.Sscan(string(raw), &v); err != nil {
		return -1
	}
	return v
}
