package queue

import (
	"slices"
)

// line is what waits of one class.
type line struct {
	waiting []*sequence // by age; each holds a permit
	tokens  int         // the cost of all of them
	held    []*job      // wait for permits; none if nothing else waits
	stats   ClassStats
}

// fits reports whether there are permits for j, or no one else to wait for.
func (l *line) fits(j *job, permits int) bool {
	return len(l.waiting) == 0 || len(l.waiting)+len(j.sequences) <= permits
}

func (l *line) admit(j *job) {
	for i := range j.sequences {
		s := &j.sequences[i]
		l.waiting = append(l.waiting, s)
		l.tokens += s.cost
	}
}

// refill admits held jobs, in their order, as far as there are permits.
func (l *line) refill(permits int) {
	n := 0
	for n < len(l.held) && l.fits(l.held[n], permits) {
		l.admit(l.held[n])
		n++
	}
	l.held = slices.Delete(l.held, 0, n)
}

// leave takes the sequences that are marked out of the line.
func (l *line) leave() {
	l.waiting = slices.DeleteFunc(l.waiting, func(s *sequence) bool {
		if s.left {
			l.tokens -= s.cost
		}
		return s.left
	})
}

// remove takes j out and reports whether any of it was in line. A held job is
// not.
func (l *line) remove(j *job) bool {
	if i := slices.Index(l.held, j); i >= 0 {
		l.held = slices.Delete(l.held, i, i+1)
		return false
	}
	before := len(l.waiting)
	for i := range j.sequences {
		j.sequences[i].left = true
	}
	l.leave()
	return len(l.waiting) < before
}

// window is the oldest sequences of up to limit tokens, at least one.
func (l *line) window(limit int) []*sequence {
	if l.tokens <= limit {
		return l.waiting
	}
	sum := 0
	for i, s := range l.waiting {
		if sum += s.cost; sum > limit && i > 0 {
			return l.waiting[:i]
		}
	}
	return l.waiting
}
