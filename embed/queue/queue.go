package queue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"

	"semdex/embed/encoder"
)

// Errors of Do. The encoder's own errors arrive as they are.
var (
	// ErrOverloaded: too many sequences of the class wait; try again later.
	ErrOverloaded = errors.New("encoder queue is full")
	// ErrClosed: Close has been called.
	ErrClosed = errors.New("encoder queue is closed")
)

// PanicError is the error of a request in which the encoder panicked.
type PanicError struct {
	Value any
	Stack []byte // of the worker, for logs
}

func (e *PanicError) Error() string { return fmt.Sprintf("encoder panicked: %v", e.Value) }

// Class is the urgency of a request.
type Class uint8

// The classes.
const (
	Interactive Class = iota // somebody waits for the answer
	Bulk                     // throughput counts: indexing, re-encoding

	classes = 2
)

func (c Class) String() string {
	switch c {
	case Interactive:
		return "interactive"
	case Bulk:
		return "bulk"
	}
	return fmt.Sprintf("class %d", uint8(c))
}

// Options of New. A zero field takes the value in its comment.
type Options struct {
	// Workers is the number of batches that run at once; 0: as many as fit the
	// processors, GOMAXPROCS / Threads. More only make each other slower.
	Workers int
	// Threads is how many goroutines one call of the encoder uses; 0: 1.
	Threads int
	// BatchTokens is the most tokens of a batch; 0: 192, what the packed engine
	// takes through its layers at once. A longer sequence is a batch of its own.
	// Larger batches hardly make a transformer faster, and an interactive request
	// waits for about one bulk batch to end. For encoders that take well under a
	// microsecond per token, such as static tables, 16384 is better.
	BatchTokens int
	// MinTokens is the size below which no batch is cut for the sake of an idle
	// worker; 0: 64. Fewer tokens take hardly less time, because every batch
	// reads all weights.
	MinTokens int
	// Window is among how much waiting work sequences of similar length are
	// looked for, in batches; 0: 4, 1: strictly in order of arrival.
	Window int
	// MaxWaiting is the number of permits of each class, in sequences; 0: 2048.
	MaxWaiting int
	// BulkWeight is how many full batches' worth of interactive tokens go before
	// a bulk batch that waits; 0: 8.
	BulkWeight int
}

func (o Options) withDefaults() Options {
	def := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	def(&o.Threads, 1)
	def(&o.Workers, max(1, runtime.GOMAXPROCS(0)/o.Threads))
	def(&o.BatchTokens, 192)
	def(&o.MinTokens, 64)
	def(&o.Window, 4)
	def(&o.MaxWaiting, 2048)
	def(&o.BulkWeight, 8)
	return o
}

// Queue is a batching queue before an encoder. It is safe for concurrent use.
type Queue struct {
	encoder encoder.Encoder
	options Options

	mu      sync.Mutex
	work    sync.Cond // for workers: a batch can be had, or it is time to end
	ahead   sync.Cond // for the prefetcher: likewise
	lines   [classes]line
	next    *batch   // assembled ahead; its sequences are still in line
	running []*batch // at most one per worker
	idle    int      // workers without a batch
	credit  int      // interactive tokens started while bulk waited, since its last turn
	free    []*batch // for reuse
	scratch []*sequence
	closed  bool
	alive   int           // goroutines
	ended   chan struct{} // closed by the last of them
}

// New starts a queue before enc: its workers and one goroutine that assembles
// batches ahead. Close ends them.
func New(enc encoder.Encoder, o Options) *Queue {
	q := &Queue{encoder: enc, options: o.withDefaults(), ended: make(chan struct{})}
	q.work.L, q.ahead.L = &q.mu, &q.mu
	q.idle, q.alive = q.options.Workers, q.options.Workers+1
	for range q.options.Workers {
		go q.worker()
	}
	go q.prefetcher()
	return q
}

// Dims is the length of a vector.
func (q *Queue) Dims() int { return q.encoder.Dims() }

// Do computes the vectors of a request and returns when all are done, or with
// the first error: ErrOverloaded, ErrClosed, one that wraps encoder.ErrBatch, an
// error of the encoder, a *PanicError, or ctx's as soon as ctx ends. The
// request's slices are not read after Do has returned.
func (q *Queue) Do(ctx context.Context, r Request) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	j, err := newJob(ctx, r, q.encoder.Dims())
	if err != nil {
		return Result{}, err
	}
	if _, ok := q.encoder.(encoder.RangeEncoder); !ok && r.Ranges != nil {
		return Result{}, fmt.Errorf("%w: %v gives no vectors of parts", encoder.ErrBatch, q.encoder)
	}
	if err := q.submit(j, r.Wait); err != nil {
		return Result{}, err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		q.abandon(j)
		<-j.done
	}
	if j.err != nil {
		return Result{}, j.err
	}
	return Result{Vectors: j.vectors, Dims: j.dims, Wait: j.wait}, nil
}

// submit puts a job in line, or before the line if it may wait for permits.
func (q *Queue) submit(j *job, wait bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &q.lines[j.class]
	switch {
	case q.closed:
		return ErrClosed
	case len(j.sequences) == 0:
		l.stats.Requests++
		j.finish(nil)
		return nil
	case len(l.held) == 0 && l.fits(j, q.options.MaxWaiting):
		l.admit(j)
	case wait:
		l.held = append(l.held, j)
	default:
		l.stats.Refused++
		return fmt.Errorf("%w: %d sequences of class %v wait, %d are allowed",
			ErrOverloaded, len(l.waiting), j.class, q.options.MaxWaiting)
	}
	l.stats.Requests++
	q.arrived(j.class)
	q.wake()
	return nil
}

// arrived discards the batch assembled ahead if what has come in belongs before
// it or into it. The lock is held.
func (q *Queue) arrived(c Class) {
	if n := q.next; n != nil && (q.turn() != n.class || c == n.class && !n.full) {
		q.discard()
	}
}

// abandon drops a job whose context is done.
func (q *Queue) abandon(j *job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(j, j.ctx.Err())
}

// drop ends a job with an error. What waits of it leaves the line; what runs
// alone is stopped. The lock is held.
func (q *Queue) drop(j *job, err error) {
	if j.finished {
		return
	}
	j.finish(err)
	l := &q.lines[j.class]
	if j.ctx.Err() != nil {
		l.stats.Cancelled++
	} else {
		l.stats.Failed++
	}
	if l.remove(j) {
		q.discard()
	}
	l.refill(q.options.MaxWaiting)
	q.arrived(j.class)
	for _, b := range q.running {
		if !b.wanted() {
			b.cancel()
		}
	}
	q.wake()
}

// dropGone drops the jobs among the sequences' whose context is done and
// reports whether there were any. The lock is held.
func (q *Queue) dropGone(sequences []*sequence) bool {
	var gone []*job
	for _, s := range sequences {
		if s.job.ctx.Err() != nil {
			gone = append(gone, s.job)
		}
	}
	for _, j := range gone {
		q.drop(j, j.ctx.Err())
	}
	return len(gone) > 0
}

// discard forgets the batch assembled ahead. The lock is held.
func (q *Queue) discard() {
	if q.next != nil {
		q.recycle(q.next)
		q.next = nil
	}
}

// wake lets the right goroutine look at what has changed: an idle worker if
// there is one, otherwise the prefetcher. The lock is held.
func (q *Queue) wake() {
	switch {
	case q.empty():
		if q.closed {
			q.work.Broadcast()
			q.ahead.Signal()
		}
	case q.idle > 0:
		q.work.Signal()
	case q.next == nil:
		q.ahead.Signal()
	}
}

// empty reports whether no sequence waits. Then no job is held either.
func (q *Queue) empty() bool {
	return len(q.lines[Interactive].waiting)+len(q.lines[Bulk].waiting) == 0
}

// Close refuses new requests with ErrClosed, lets those in the queue finish and
// ends the workers. When ctx ends first, what is left fails with ErrClosed, the
// running batches are told to stop, and the error is ctx's. In any case no
// goroutine of the queue is left when Close returns; it can be called again.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.wake()
	q.mu.Unlock()
	select {
	case <-q.ended:
		return nil
	case <-ctx.Done():
	}
	failed := q.giveUp()
	<-q.ended
	if failed > 0 {
		return fmt.Errorf("close encoder queue with %d requests left: %w", failed, ctx.Err())
	}
	return nil
}

// giveUp fails all requests, which stops the running batches, and says how many
// there were.
func (q *Queue) giveUp() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	left := make(map[*job]bool)
	note := func(sequences []*sequence) {
		for _, s := range sequences {
			if !s.job.finished {
				left[s.job] = true
			}
		}
	}
	for i := range q.lines {
		note(q.lines[i].waiting)
		for _, j := range q.lines[i].held {
			left[j] = true
		}
	}
	for _, b := range q.running {
		note(b.sequences)
	}
	for j := range left {
		q.drop(j, ErrClosed)
	}
	return len(left)
}
