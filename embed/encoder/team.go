package encoder

import (
	"sync"
	"sync/atomic"

	"semdex/internal/kernel"
)

// team runs numbered pieces of work, tickets, on the goroutine that owns it and
// on helpers that live from start to stop. Tickets come in phases: one phase
// ends before the next begins. Nobody waits for a helper to show up, only for
// tickets that were taken, so that a helper without a core does no harm; who
// waits spins a little, since phases are short, and then sleeps.
type team struct {
	// run does a ticket of the current phase. Worker 0 is the owner.
	run func(worker, ticket int)

	size   int          // owner and helpers
	helper func()       // t.help, bound once so that starting it allocates nothing
	joined atomic.Int32 // worker numbers given out

	_       [64]byte      // what follows is written by all
	state   atomic.Uint64 // number of the phase << 32 | tickets not yet taken
	_       [56]byte
	pending atomic.Int32 // tickets not yet done
	_       [60]byte

	mu       sync.Mutex
	asleep   atomic.Int32 // helpers that wait for a phase
	phase    sync.Cond
	waiting  atomic.Bool // the owner waits for the phase's end
	finished sync.Cond
}

// closing is the phase in which helpers leave.
const closing = 1<<32 - 1

// spins bounds the polls before a sleep; each takes about 0.2 µs.
const spins = 100

func newTeam(run func(worker, ticket int)) *team {
	t := &team{run: run}
	t.helper = t.help
	t.phase.L, t.finished.L = &t.mu, &t.mu
	return t
}

// start calls up size-1 helpers. Every start is followed by a stop.
func (t *team) start(size int) {
	t.size = size
	t.joined.Store(0)
	t.state.Store(0)
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
	t.publish(t.state.Load()>>32+1, n)
	for ticket, ok := t.take(); ok; ticket, ok = t.take() {
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
	t.publish(closing, 0)
	t.wait()
}

// abandon sends the helpers home without waiting. The team cannot be used again.
func (t *team) abandon() { t.publish(closing, 0) }

// publish begins a phase and wakes helpers that sleep.
func (t *team) publish(phase uint64, n int) {
	t.state.Store(phase<<32 | uint64(n))
	if t.asleep.Load() > 0 {
		t.mu.Lock()
		t.phase.Broadcast()
		t.mu.Unlock()
	}
}

// take is a ticket of the current phase, if one is left.
func (t *team) take() (ticket int, ok bool) {
	for {
		s := t.state.Load()
		left := uint32(s)
		if left == 0 {
			return 0, false
		}
		if t.state.CompareAndSwap(s, s-1) {
			return int(left - 1), true
		}
	}
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
	for idle := 0; ; {
		if ticket, ok := t.take(); ok {
			t.run(worker, ticket)
			t.done()
			idle = 0
			continue
		}
		seen := t.state.Load()
		switch {
		case seen>>32 == closing:
			t.done()
			return
		case uint32(seen) > 0:
		case idle < spins:
			idle++
			kernel.Pause()
		default:
			t.sleep(seen)
			idle = 0
		}
	}
}

// sleep returns when the state is no longer seen.
func (t *team) sleep(seen uint64) {
	t.mu.Lock()
	t.asleep.Add(1)
	for t.state.Load() == seen {
		t.phase.Wait()
	}
	t.asleep.Add(-1)
	t.mu.Unlock()
}
