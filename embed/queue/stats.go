package queue

import "time"

// Stats is a snapshot of a queue, for metrics.
type Stats struct {
	Workers    int
	Busy       int  // workers that run a batch
	Prefetched bool // the next batch is assembled
	Classes    [2]ClassStats
}

// ClassStats tell of one class. Counters run from New on.
type ClassStats struct {
	Waiting       int // sequences in line, those of the prefetched batch too
	WaitingTokens int
	Held          int // requests that wait for permits

	Requests  uint64 // taken on, whatever became of them
	Refused   uint64 // with ErrOverloaded
	Cancelled uint64 // given up by their callers
	Failed    uint64 // ended with another error

	Batches   uint64 // started
	Sequences uint64 // in them
	Tokens    uint64 // in them

	Wait    time.Duration // of all started sequences together, from their arrival on
	MaxWait time.Duration
	Run     time.Duration // of all batches together
}

// Stats is a snapshot.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := Stats{Workers: q.options.Workers, Busy: len(q.running), Prefetched: q.next != nil}
	for i := range q.lines {
		l := &q.lines[i]
		s.Classes[i] = l.stats
		s.Classes[i].Waiting = len(l.waiting)
		s.Classes[i].WaitingTokens = l.tokens
		s.Classes[i].Held = len(l.held)
	}
	return s
}
