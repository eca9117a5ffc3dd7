package queue

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"semdex/embed/encoder"
)

// worker computes batches until the queue is closed and empty.
func (q *Queue) worker() {
	defer q.end()
	var vectors []float32
	for b := q.take(); b != nil; b = q.take() {
		from := time.Now()
		vectors = q.compute(b.ctx, b.sequences, &b.input, vectors)
		b.cancel()
		q.retire(b, time.Since(from))
	}
}

// take waits for a batch and starts it; nil at the end.
func (q *Queue) take() *batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.next != nil {
			q.dropGone(q.next.sequences) // and the batch with them
		}
		if q.next == nil {
			q.next = q.plan(q.idle)
		}
		if b := q.next; b != nil {
			q.next = nil
			q.start(b)
			q.idle--
			q.wake()
			return b
		}
		if q.closed {
			return nil
		}
		q.work.Wait()
	}
}

// prefetcher assembles the next batch while all workers are busy.
func (q *Queue) prefetcher() {
	defer q.end()
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.closed || !q.empty() {
		if q.idle == 0 && q.next == nil {
			q.next = q.plan(1)
		}
		if !q.closed || !q.empty() {
			q.ahead.Wait()
		}
	}
}

// end is the last act of a goroutine of the queue.
func (q *Queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.alive--; q.alive == 0 {
		close(q.ended)
	}
}

// retire takes a batch that has run off the books; its worker is idle again.
func (q *Queue) retire(b *batch, took time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.lines[b.class].stats.Run += took
	q.running = slices.DeleteFunc(q.running, func(r *batch) bool { return r == b })
	q.recycle(b)
	q.idle++
}

// compute gives every row its vector or its job an error. A batch that fails
// is halved by jobs until the ones at fault are alone. Vectors is memory for
// the encoder's output, which is returned, grown, for the next call.
func (q *Queue) compute(ctx context.Context, rows []*sequence, in *encoder.Batch, vectors []float32) []float32 {
	size := 0
	for _, s := range rows {
		size += s.rows() * q.encoder.Dims()
	}
	vectors = slices.Grow(vectors[:0], size)[:size]
	err := q.encode(ctx, rows, in, vectors)
	if err == nil {
		q.deliver(rows, vectors)
		return vectors
	}
	jobs := q.waitingFor(rows)
	if len(jobs) == 1 && !slices.ContainsFunc(rows, func(s *sequence) bool { return s.job != jobs[0] }) {
		q.fail(jobs[0], err)
		return vectors
	}
	// A single job may be left beside the rows of ones that have gone meanwhile,
	// whose fault it may have been.
	for _, half := range [][]*job{jobs[:len(jobs)/2], jobs[len(jobs)/2:]} {
		if len(half) > 0 {
			rows, in := part(rows, in, half)
			vectors = q.compute(ctx, rows, in, vectors)
		}
	}
	return vectors
}

// encode calls the encoder and turns a panic into an error.
func (q *Queue) encode(ctx context.Context, rows []*sequence, in *encoder.Batch, vectors []float32) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	if r := ranges(rows); r != nil {
		return q.encoder.(encoder.RangeEncoder).EncodeRanges(ctx, in, r, encoder.Output{}, vectors) // as Do has checked
	}
	return q.encoder.Encode(ctx, in, encoder.Output{}, vectors)
}

// ranges are what the rows of a batch want vectors of; nil if that is all of
// each.
func ranges(rows []*sequence) [][]encoder.Range {
	if !slices.ContainsFunc(rows, func(s *sequence) bool { return s.ranged }) {
		return nil
	}
	out := make([][]encoder.Range, len(rows))
	for i, s := range rows {
		out[i] = s.ranges
		if !s.ranged {
			out[i] = []encoder.Range{{End: int32(len(s.ids))}}
		}
	}
	return out
}

// deliver copies the rows' vectors to their jobs and ends those that are
// complete.
func (q *Queue) deliver(rows []*sequence, vectors []float32) {
	for _, s := range rows {
		s.job.set(s, vectors)
		vectors = vectors[s.rows()*s.job.dims:]
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, s := range rows {
		if s.job.pending--; s.job.pending == 0 {
			s.job.finish(nil)
		}
	}
}

// fail ends a job with an error.
func (q *Queue) fail(j *job, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(j, err)
}

// waitingFor lists the jobs of rows that are not finished.
func (q *Queue) waitingFor(rows []*sequence) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	var jobs []*job
	known := make(map[*job]bool)
	for _, s := range rows {
		if !s.job.finished && !known[s.job] {
			known[s.job] = true
			jobs = append(jobs, s.job)
		}
	}
	return jobs
}

// part is the rows of a batch that belong to jobs. It reads the batch's copy of
// the tokens: a job's own may be gone with its caller.
func part(rows []*sequence, in *encoder.Batch, jobs []*job) ([]*sequence, *encoder.Batch) {
	var of []*sequence
	out := &encoder.Batch{Offsets: []int32{0}}
	for i, s := range rows {
		if !slices.Contains(jobs, s.job) {
			continue
		}
		of = append(of, s)
		lo, hi := in.Offsets[i], in.Offsets[i+1]
		out.IDs = append(out.IDs, in.IDs[lo:hi]...)
		if in.Types != nil {
			out.Types = append(out.Types, in.Types[lo:hi]...)
		}
		out.Offsets = append(out.Offsets, int32(len(out.IDs)))
	}
	return of, out
}
