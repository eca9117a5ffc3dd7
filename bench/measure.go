package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"semdex/bench/internal/peak"
	"semdex/embed/workload"
	"semdex/internal/kernel"
)

// runner measures cells.
type runner struct {
	commands commands
	results  *results
	rounds   int           // of each side
	least    time.Duration // of a round
	deadline time.Time     // after which no cell is begun; zero: none
	log      io.Writer
}

// errBudget ends a run whose time is over.
var errBudget = errors.New("the time budget is used up")

// settle is the pause between the sides' turns, in which threads that spin
// after their work go to sleep.
const settle = 20 * time.Millisecond

// The vector units are measured with each group, several times for a moment:
// the best of all counts.
const (
	peakTime  = 40 * time.Millisecond
	peakTimes = 4
)

// group measures the cells of a group that are chosen and not yet measured.
func (r *runner) group(ctx context.Context, g group, chosen patterns) (err error) {
	var todo []cell
	for _, c := range cellsOf(g) {
		if chosen.match(c.id()) && !r.results.has(c) {
			todo = append(todo, c)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if err := r.peak(g); err != nil {
		return err
	}
	if todo[0].workload.Name == startName {
		if err := r.start(ctx, g); err != nil {
			return err
		}
		todo = todo[1:]
	}
	if len(todo) == 0 {
		return nil
	}
	us, peer, err := g.subject.sides(ctx, r.commands, g.precision, g.threads)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, us.stop(), peer.stop()) }()
	r.results.Machine.Engines[g.subject.name+"/"+g.precision] = us.engine
	r.results.Machine.Peer = peer.engine
	for _, c := range todo {
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

func (r *runner) peak(g group) error {
	level, err := kernel.Choose("")
	if err != nil {
		return err
	}
	measure := peak.F32
	if g.precision == precisionInt8 {
		measure = peak.Int8
	}
	key := fmt.Sprintf("%s/%dt", g.precision, g.threads)
	for range peakTimes {
		if speed := measure(level, g.threads, peakTime); speed > 0 {
			r.results.Peaks[key] = append(r.results.Peaks[key], speed)
		}
	}
	return nil
}

// variant is one way to encode a workload: a side with its batches.
type variant struct {
	side  *side
	name  string // of the batches
	count int    // passes of a round
	times timing
	first time.Duration // of a pass, at the end of the warm-up
	slow  bool          // not worth another round
}

// cell measures one workload: semdex and the peer's policies in turn.
func (r *runner) cell(ctx context.Context, c cell, us, peer *side) error {
	if err := r.inTime(ctx); err != nil {
		return err
	}
	sentences := c.workload.Sentences(c.subject.config.VocabSize)
	if err := us.put(c.workload.Name, [][][]int32{sentences}); err != nil {
		return err
	}
	variants := []*variant{{side: us, name: c.workload.Name}}
	for _, p := range policiesOf(c.workload) {
		batches, _ := p.batches(c.workload, sentences)
		name := c.workload.Name + " " + p.name
		if err := peer.put(name, batches); err != nil {
			return err
		}
		variants = append(variants, &variant{side: peer, name: name})
	}
	u := watch(us.cmd.Process.Pid, peer.cmd.Process.Pid)
	for _, v := range variants {
		if err := v.warmUp(r.least); err != nil {
			return err
		}
	}
	if c.workload.Tokens() >= longSentences*len(sentences) {
		dropSlow(variants[1:])
	}
	if err := r.turns(ctx, variants); err != nil {
		return err
	}
	result := cellResult{
		When: time.Now().UTC().Truncate(time.Second), Sentences: len(sentences),
		Operations: workload.Operations(c.subject.config, c.workload.Lengths),
		Ours:       variants[0].times, Peer: map[string]timing{}, Others: u.others(),
	}
	for i, p := range policiesOf(c.workload) {
		result.Peer[p.name] = variants[i+1].times
	}
	r.results.Cells[c.id()] = result
	policy, best := result.best()
	n := float64(result.Sentences)
	fmt.Fprintf(r.log, "%-24s %9.1f/s  peer %9.1f/s (%s)  %.2fx\n",
		c.id(), n/result.Ours.median(), n/best.median(), policy, best.median()/result.Ours.median())
	return r.results.save()
}

// turns times all variants in turn, forwards in one round and backwards in the
// next, so that a drift of the machine meets all alike.
func (r *runner) turns(ctx context.Context, variants []*variant) error {
	order := slices.Clone(variants)
	for range r.rounds {
		for _, v := range order {
			if err := ctx.Err(); err != nil {
				return err
			}
			if v.slow || len(v.times) == r.rounds {
				continue
			}
			time.Sleep(settle)
			d, err := v.side.time(v.name, v.count)
			if err != nil {
				return err
			}
			v.times = append(v.times, d.Seconds())
		}
		slices.Reverse(order)
	}
	return nil
}

// longPass is the time from which the first pass counts as a round: what it
// spends on growing buffers is lost in it.
const longPass = time.Second

// warmUp runs a variant until its speed is known and sets the passes of a
// round of at least the time given.
func (v *variant) warmUp(least time.Duration) error {
	d, err := v.side.time(v.name, 1)
	if err != nil {
		return err
	}
	if d >= longPass {
		v.first, v.count, v.times = d, 1, timing{d.Seconds()}
		return nil
	}
	if again := int(least / 2 / d); again > 0 {
		if d, err = v.side.time(v.name, again); err != nil {
			return err
		}
	}
	v.first, v.count = d, max(1, int((least+d-1)/d))
	return nil
}

// dropSlow leaves the variants out that were so much slower than the fastest
// that they cannot be the best of several rounds.
func dropSlow(variants []*variant) {
	const margin = 1.2
	fastest := slices.MinFunc(variants, func(a, b *variant) int { return cmp.Compare(a.first, b.first) }).first
	for _, v := range variants {
		if v.first.Seconds() > margin*fastest.Seconds() {
			v.slow, v.times = true, timing{v.first.Seconds()}
		}
	}
}

// start measures both programs from the start of the process to the first
// vector of 16 tokens, in turn.
func (r *runner) start(ctx context.Context, g group) error {
	first, err := workload.Find("1x16")
	if err != nil {
		return err
	}
	sentences := first.Sentences(g.subject.config.VocabSize)
	once := func(open func(context.Context, commands, string, int) (*side, error)) (seconds, memory float64, err error) {
		if err := r.inTime(ctx); err != nil {
			return 0, 0, err
		}
		s, err := open(ctx, r.commands, g.precision, g.threads)
		if err != nil {
			return 0, 0, err
		}
		defer func() { err = errors.Join(err, s.stop()) }()
		if err := s.put(first.Name, [][][]int32{sentences}); err != nil {
			return 0, 0, err
		}
		_, err = s.encode(first.Name)
		return time.Since(s.started).Seconds(), peakMemory(s.cmd.Process.Pid), err
	}
	var result startResult
	for i := range r.rounds + 1 { // the first brings the files into memory
		ours, oursRSS, err := once(g.subject.ours)
		if err != nil {
			return err
		}
		peer, peerRSS, err := once(g.subject.peer)
		if err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		result.Ours, result.OursRSS = append(result.Ours, ours), append(result.OursRSS, oursRSS)
		result.Peer, result.PeerRSS = append(result.Peer, peer), append(result.PeerRSS, peerRSS)
	}
	r.results.Starts[g.id()] = result
	fmt.Fprintf(r.log, "%-24s %6.0f ms %4.0f MB  peer %6.0f ms %4.0f MB\n", g.id()+"/"+startName,
		1e3*result.Ours.median(), median(result.OursRSS)/1e6, 1e3*result.Peer.median(), median(result.PeerRSS)/1e6)
	return r.results.save()
}
