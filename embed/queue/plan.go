package queue

import (
	"context"
	"slices"
	"time"

	"semdex/embed/encoder"
)

// batch is what one call of the encoder computes.
type batch struct {
	class     Class
	sequences []*sequence // the rows
	input     encoder.Batch
	tokens    int  // cost of the rows
	full      bool // a sequence that comes now has no part in it

	ctx    context.Context // once it runs: until nobody wants it
	cancel context.CancelFunc
}

// wanted reports whether somebody still waits for a part of it.
func (b *batch) wanted() bool {
	return slices.ContainsFunc(b.sequences, func(s *sequence) bool { return !s.job.finished })
}

// turn is the class of the next batch; any if nothing waits.
func (q *Queue) turn() Class {
	switch {
	case len(q.lines[Bulk].waiting) == 0:
		return Interactive
	case len(q.lines[Interactive].waiting) == 0:
		return Bulk
	case q.credit >= q.options.BulkWeight*q.options.BatchTokens:
		return Bulk
	}
	return Interactive
}

// plan assembles the next batch, nil if nothing waits, to be started while so
// many workers are idle. Its sequences stay in line. The lock is held.
func (q *Queue) plan(workers int) *batch {
	for !q.empty() {
		class := q.turn()
		l := &q.lines[class]
		window := l.window(q.options.Window * q.options.BatchTokens)
		if q.dropGone(window) {
			continue
		}
		b := q.fresh()
		b.class = class
		share := (l.tokens + workers - 1) / workers
		budget := min(q.options.BatchTokens, max(q.options.MinTokens, share))
		if q.options.Window == 1 {
			b.take(window, budget)
		} else {
			q.scratch = append(q.scratch[:0], window...)
			b.takeEven(q.scratch, budget)
			clear(q.scratch) // keep no finished job alive
		}
		b.full = b.tokens >= q.options.BatchTokens || len(b.sequences) < len(l.waiting)
		b.fill()
		return b
	}
	return nil
}

// take takes the oldest sequences of up to budget tokens, at least one.
func (b *batch) take(window []*sequence, budget int) {
	for _, s := range window {
		if len(b.sequences) > 0 && b.tokens+s.cost > budget {
			return
		}
		b.sequences = append(b.sequences, s)
		b.tokens += s.cost
	}
}

// takeEven takes the oldest sequence and those nearest to it in length, up to
// budget tokens. It sorts window, the longest first and the older before the
// younger, and takes a part of it that has no gaps.
func (b *batch) takeEven(window []*sequence, budget int) {
	oldest := window[0]
	slices.SortStableFunc(window, func(a, b *sequence) int { return b.cost - a.cost })
	lo := slices.Index(window, oldest)
	hi := lo + 1
	b.tokens = oldest.cost
	fits := func(s *sequence) bool { return b.tokens+s.cost <= budget }
	for {
		longer := lo > 0 && fits(window[lo-1])
		shorter := hi < len(window) && fits(window[hi])
		if longer && shorter { // the nearer one
			longer = window[lo-1].cost-oldest.cost < oldest.cost-window[hi].cost
		}
		switch {
		case longer:
			lo--
			b.tokens += window[lo].cost
		case shorter:
			b.tokens += window[hi].cost
			hi++
		default:
			b.sequences = append(b.sequences, window[lo:hi]...)
			return
		}
	}
}

// fill copies the rows' tokens, which belong to the callers, into the input.
func (b *batch) fill() {
	in := &b.input
	in.Reset()
	in.Offsets = append(in.Offsets, 0)
	typed := slices.ContainsFunc(b.sequences, func(s *sequence) bool { return s.types != nil })
	for _, s := range b.sequences {
		in.IDs = append(in.IDs, s.ids...)
		in.Offsets = append(in.Offsets, int32(len(in.IDs)))
		switch {
		case s.types != nil:
			in.Types = append(in.Types, s.types...)
		case typed:
			in.Types = append(in.Types, make([]int32, len(s.ids))...)
		}
	}
}

// start takes a batch's sequences out of the line and returns their permits.
// The lock is held.
func (q *Queue) start(b *batch) {
	l := &q.lines[b.class]
	now := time.Now()
	for _, s := range b.sequences {
		wait := now.Sub(s.job.arrived)
		if !s.job.started {
			s.job.started, s.job.wait = true, wait
		}
		l.stats.Wait += wait
		l.stats.MaxWait = max(l.stats.MaxWait, wait)
		s.left = true
	}
	l.stats.Batches++
	l.stats.Sequences += uint64(len(b.sequences))
	l.stats.Tokens += uint64(len(b.input.IDs))
	l.leave()
	l.refill(q.options.MaxWaiting)
	if b.class == Bulk {
		q.credit = 0
	} else if len(q.lines[Bulk].waiting) > 0 {
		q.credit += max(b.tokens, q.options.MinTokens)
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	q.running = append(q.running, b)
}

// fresh is an empty batch. The lock is held.
func (q *Queue) fresh() *batch {
	if n := len(q.free); n > 0 {
		b := q.free[n-1]
		q.free = q.free[:n-1]
		return b
	}
	return new(batch)
}

// recycle keeps a batch's memory for the next one. The lock is held.
func (q *Queue) recycle(b *batch) {
	clear(b.sequences)
	b.input.Reset()
	*b = batch{sequences: b.sequences[:0], input: b.input}
	q.free = append(q.free, b)
}
