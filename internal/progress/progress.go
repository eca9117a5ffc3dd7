// Package progress shows how far long work has come: a bar on a terminal, a
// line every few seconds elsewhere, with rate and time left.
package progress

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// State is how far the work is. Start polls it.
type State struct {
	Done, Total int64 // a Total of 0 or less is not known
	Bytes       bool  // Done and Total are bytes
	// Counts are shown after the bar, the last one also as a rate. With none,
	// Done is the rate.
	Counts []Named
	Note   string // free text, such as a loss
}

// Named is a number and what it counts.
type Named struct {
	N    int64
	Name string
}

// Options of a Bar. Label is all that is required.
type Options struct {
	Label    string
	Terminal bool       // draw a bar in place instead of writing lines
	Width    func() int // columns of the terminal; nil is 80
	Every    time.Duration
	// Now and Ticks replace the clock in tests.
	Now   func() time.Time
	Ticks <-chan time.Time
}

// Bar reports until Stop. Its methods may be called from any goroutine.
type Bar struct {
	w    io.Writer
	opt  Options
	poll func() State

	mu    sync.Mutex // guards w and what follows
	meter meter
	drawn bool

	stop chan struct{}
	done chan struct{}
}

// Start begins to report poll's state to w. Work shorter than the first tick
// (a tenth of a second on a terminal, five seconds elsewhere) leaves no trace.
func Start(w io.Writer, opt Options, poll func() State) *Bar {
	if opt.Every == 0 {
		opt.Every = 5 * time.Second
		if opt.Terminal {
			opt.Every = 100 * time.Millisecond
		}
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Width == nil {
		opt.Width = func() int { return 80 }
	}
	b := &Bar{w: w, opt: opt, poll: poll, stop: make(chan struct{}), done: make(chan struct{})}
	b.meter.start = opt.Now()
	go b.run()
	return b
}

func (b *Bar) run() {
	defer close(b.done)
	ticks := b.opt.Ticks
	if ticks == nil {
		ticker := time.NewTicker(b.opt.Every)
		defer ticker.Stop()
		ticks = ticker.C
	}
	for {
		select {
		case <-b.stop:
			return
		case <-ticks:
			b.mu.Lock()
			b.show()
			b.mu.Unlock()
		}
	}
}

func (b *Bar) show() {
	state := b.poll()
	b.meter.add(b.opt.Now(), state)
	if !b.opt.Terminal {
		_, _ = fmt.Fprintln(b.w, b.meter.line(b.opt.Label, state))
		return
	}
	_, _ = fmt.Fprint(b.w, "\r\x1b[K"+b.meter.bar(b.opt.Label, state, b.opt.Width()-1))
	b.drawn = true
}

// Println writes a line of its own, above the bar.
func (b *Bar) Println(line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	_, _ = fmt.Fprintln(b.w, line)
}

// Stop ends reporting and removes the bar. It may be called more than once.
func (b *Bar) Stop() {
	b.mu.Lock()
	select {
	case <-b.stop:
	default:
		close(b.stop)
	}
	b.mu.Unlock()
	<-b.done
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

func (b *Bar) clear() {
	if b.drawn {
		_, _ = fmt.Fprint(b.w, "\r\x1b[K")
		b.drawn = false
	}
}
