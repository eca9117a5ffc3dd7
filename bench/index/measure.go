package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
)

// side is a process that takes commands.
type side struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startSide(ctx context.Context, threads int, program string, args ...string) (*side, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS="+strconv.Itoa(threads))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &side{cmd, in, bufio.NewScanner(out)}, cmd.Start()
}

// ask sends a command and reads the values of its answer.
func (s *side) ask(format string, args ...any) (map[string]float64, error) {
	command := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(s.in, command); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if !s.out.Scan() {
		return nil, fmt.Errorf("%s: no answer: %w", command, errors.Join(s.out.Err(), io.ErrUnexpectedEOF))
	}
	values := make(map[string]float64)
	for _, pair := range strings.Fields(s.out.Text()) {
		key, value, _ := strings.Cut(pair, "=")
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: answer %q", command, s.out.Text())
		}
		values[key] = v
	}
	return values, nil
}

func (s *side) stop() error {
	return errors.Join(s.in.Close(), s.cmd.Wait())
}

// point is a curve's value for one ef.
type point struct {
	ef       int
	recall   float64
	qps      float64 // by processor time, of all threads
	p50, p99 float64 // seconds, by wall time
}

// subject is one row of the table.
type subject struct {
	name       string
	buildCPU   float64 // seconds
	buildWall  float64
	anon, file float64 // resident bytes
	curve      []point
}

// cell is what was measured on a set with a number of threads.
type cell struct {
	set      *set
	threads  int
	subjects []*subject // hnswlib, graph, exact, coder
}

// measure builds both graphs and searches them in turn.
func measure(ctx context.Context, o *options, s *set, self, driver string, threads int) (c *cell, err error) {
	c = &cell{set: s, threads: threads}
	theirs, err := startSide(ctx, threads, driver)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, theirs.stop()) }()
	built, err := theirs.ask("build %s 16 %d %d", s.folder, o.construction, threads)
	if err != nil {
		return nil, err
	}
	hnswlib := &subject{name: "hnswlib", buildCPU: built["cpu"], buildWall: built["wall"], anon: built["anon"], file: built["file"]}
	builder, err := startSide(ctx, threads, self, serveArg)
	if err != nil {
		return nil, err
	}
	built, err = builder.ask("build %s %d", s.folder, threads)
	if err = errors.Join(err, builder.stop()); err != nil {
		return nil, err
	}
	ours, err := startSide(ctx, threads, self, serveArg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ours.stop()) }()
	if _, err := ours.ask("open %s graph", s.folder); err != nil {
		return nil, err
	}
	graph := &subject{name: "semdex graph", buildCPU: built["cpu"], buildWall: built["wall"]}
	for _, ef := range o.efs {
		points, err := compare(o, ef, threads, ours, theirs)
		if err != nil {
			return nil, err
		}
		graph.curve, hnswlib.curve = append(graph.curve, points[0]), append(hnswlib.curve, points[1])
		if min(points[0].recall, points[1].recall) > 0.998 {
			break
		}
	}
	if err := graph.memory(ours); err != nil {
		return nil, err
	}
	c.subjects = []*subject{hnswlib, graph}
	for _, backend := range []string{"exact", "coder"} {
		if backend == "coder" && !o.coder {
			continue
		}
		x, err := alone(ctx, o, s, self, backend, threads)
		if err != nil {
			return nil, err
		}
		x.buildCPU, x.buildWall = graph.buildCPU, graph.buildWall
		if backend == "exact" {
			x.buildCPU, x.buildWall = 0, 0
		}
		c.subjects = append(c.subjects, x)
	}
	return c, nil
}

func (x *subject) memory(s *side) error {
	m, err := s.ask("memory")
	x.anon, x.file = m["anon"], m["file"]
	return err
}

// compare runs the rounds of two sides in turn, after one that does not count.
func compare(o *options, ef, threads int, sides ...*side) ([]point, error) {
	rounds := make([][]point, len(sides))
	for round := range o.rounds + 1 {
		for i, s := range sides {
			v, err := s.ask("search %d %d %d", ef, threads, o.queries)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				rounds[i] = append(rounds[i], point{ef, v["recall"], float64(o.queries) * float64(threads) / v["cpu"], v["p50"], v["p99"]})
			}
		}
	}
	out := make([]point, len(sides))
	for i, r := range rounds {
		out[i] = point{
			ef: ef, recall: r[0].recall,
			qps: median(r, func(p point) float64 { return p.qps }),
			p50: median(r, func(p point) float64 { return p.p50 }),
			p99: median(r, func(p point) float64 { return p.p99 }),
		}
	}
	return out, nil
}

func median(points []point, value func(point) float64) float64 {
	v := make([]float64, len(points))
	for i, p := range points {
		v[i] = value(p)
	}
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// alone measures a backend that has no counterpart, with its defaults and a
// fifth of the queries.
func alone(ctx context.Context, o *options, s *set, self, backend string, threads int) (x *subject, err error) {
	p, err := startSide(ctx, threads, self, serveArg)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	if _, err := p.ask("open %s %s", s.folder, backend); err != nil {
		return nil, err
	}
	fewer := *o
	fewer.queries, fewer.rounds = max(100, o.queries/5), 1
	points, err := compare(&fewer, 0, threads, p)
	if err != nil {
		return nil, err
	}
	x = &subject{name: "semdex " + backend, curve: points}
	return x, x.memory(p)
}
