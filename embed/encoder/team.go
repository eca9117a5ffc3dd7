package encoder

import (
	"sync"
	"sync/atomic"

	"semdex/internal/kernel"
)

// team runs numbered pieces of work, tickets, on the goroutine that owns it and
// on helpers that live from start to stop. Tickets come in phases: one phase
// ends before the next begins. Every worker has a range of them, which it takes
// in ascending order, so that what it reads ahead is what it needs next; who has
// done his own takes the last ones of others. Nobody waits for a helper to show
// up, only for tickets that were taken, so that a helper without a core does no
// harm; who waits spins a little, since phases are short, and then sleeps.
type team struct {
	// run does a ticket of the current phase. Worker 0 is the owner.
	run func(worker, ticket int)

	size   int          // owner and helpers
	helper func()       // t.help, bound once so that starting it allocates nothing
	joined atomic.Int32 // worker numbers given out
	ranges []ticketRange

	_       [64]byte // what follows is written by all
	phase   atomic.Uint32
	_       [60]byte
	pending atomic.Int32 // tickets not yet done
	_       [60]byte

	mu       sync.Mutex
	asleep   atomic.Int32 // helpers that wait for a phase
	begun    sync.Cond
	waiting  atomic.Bool // the owner waits for the phase's end
	finished sync.Cond
}

// closing is the phase in which helpers leave.
const closing = 1<<32 - 1

// spins bounds the polls before a sleep; each takes about 0.2 µs.
const spins = 100

func newTeam(workers int, run func(worker, ticket int)) *team {
	t := &team{run: run, ranges: make([]ticketRange, workers)}
	t.helper = t.help
	t.begun.L, t.finished.L = &t.mu, &t.mu
	return t
}

// start calls up size-1 helpers. Every start is followed by a stop.
func (t *team) start(size int) {
	t.size = size
	t.joined.Store(0)
	t.phase.Store(0)
	for range size - 1 {
		go t.helper()
	}
}

// share runs tickets 0 to n-1 and returns when all are done.
func (t *team) share(n int) {
	if n <= 1 || t.size == 1 {
		for i := range n {
			t.run(0, i)
		}
		return
	}
	t.pending.Store(int32(n))
	for w := range t.size {
		t.ranges[w].fill(w*n/t.size, (w+1)*n/t.size)
	}
	t.begin(t.phase.Load() + 1)
	for ticket, ok := t.take(0); ok; ticket, ok = t.take(0) {
		t.run(0, ticket)
		t.pending.Add(-1)
	}
	t.wait()
}

// stop sends the helpers home and waits for them.
func (t *team) stop() {
	if t.size == 1 {
		return
	}
	t.pending.Store(int32(t.size - 1))
	t.begin(closing)
	t.wait()
}

// abandon sends the helpers home without waiting. The team cannot be used again.
func (t *team) abandon() { t.begin(closing) }

// begin begins a phase and wakes helpers that sleep.
func (t *team) begin(phase uint32) {
	t.phase.Store(phase)
	if t.asleep.Load() > 0 {
		t.mu.Lock()
		t.begun.Broadcast()
		t.mu.Unlock()
	}
}

// take is a ticket of the current phase, if one is left.
func (t *team) take(worker int) (ticket int, ok bool) {
	if ticket, ok = t.ranges[worker].first(); ok {
		return ticket, true
	}
	for i := 1; i < t.size; i++ {
		if ticket, ok = t.ranges[(worker+i)%t.size].last(); ok {
			return ticket, true
		}
	}
	return 0, false
}

// wait returns when no ticket is pending.
func (t *team) wait() {
	for range spins {
		if t.pending.Load() == 0 {
			return
		}
		kernel.Pause()
	}
	t.mu.Lock()
	t.waiting.Store(true)
	for t.pending.Load() > 0 {
		t.finished.Wait()
	}
	t.waiting.Store(false)
	t.mu.Unlock()
}

// done counts a helper's ticket and wakes the owner after the last.
func (t *team) done() {
	if t.pending.Add(-1) == 0 && t.waiting.Load() {
		t.mu.Lock()
		t.finished.Signal()
		t.mu.Unlock()
	}
}

// help is the life of a helper.
func (t *team) help() {
	worker := int(t.joined.Add(1))
	for seen, idle := uint32(0), 0; ; {
		switch phase := t.phase.Load(); {
		case phase == closing:
			t.done()
			return
		case phase != seen:
			seen, idle = phase, 0
			for ticket, ok := t.take(worker); ok; ticket, ok = t.take(worker) {
				t.run(worker, ticket)
				t.done()
			}
		case idle < spins:
			idle++
			kernel.Pause()
		default:
			t.sleep(seen)
		}
	}
}

// sleep returns when the phase is no longer the one seen.
func (t *team) sleep(seen uint32) {
	t.mu.Lock()
	t.asleep.Add(1)
	for t.phase.Load() == seen {
		t.begun.Wait()
	}
	t.asleep.Add(-1)
	t.mu.Unlock()
}

// ticketRange holds a worker's tickets of a phase. It is refilled when it is
// empty and nobody holds a ticket any more.
type ticketRange struct {
	left atomic.Uint64 // the first << 32 | the one after the last
	_    [56]byte      // a cache line for each
}

func (r *ticketRange) fill(lo, hi int) { r.left.Store(uint64(lo)<<32 | uint64(hi)) }

func (r *ticketRange) first() (ticket int, ok bool) {
	for {
		s := r.left.Load()
		lo, hi := s>>32, s&(1<<32-1)
		if lo >= hi {
			return 0, false
		}
		if r.left.CompareAndSwap(s, s+1<<32) {
			return int(lo), true
		}
	}
}

func (r *ticketRange) last() (ticket int, ok bool) {
	for {
		s := r.left.Load()
		lo, hi := s>>32, s&(1<<32-1)
		if lo >= hi {
			return 0, false
		}
		if r.left.CompareAndSwap(s, s-1) {
			return int(hi - 1), true
		}
	}
}
