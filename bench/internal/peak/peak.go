// Package peak measures what the processor's vector units can do at most, with
// loops that touch nothing but registers: the ceiling that a program's speed is
// a percentage of.
package peak

import (
	"runtime"
	"sync"
	"time"

	"semdex/internal/kernel"
)

// loop is an endless supply of independent multiply-adds.
type loop struct {
	run func(n int)
	// operations of one of the n rounds, a multiply-add counting two.
	operations float64
}

// F32 measures float32 operations per second of that many threads at work
// together, with the instructions of level. It is 0 where there is no loop for
// them.
func F32(level kernel.Level, threads int, d time.Duration) float64 {
	return measure(loopF32(level), threads, d)
}

// Int8 measures operations per second on bytes with 32-bit sums.
func Int8(level kernel.Level, threads int, d time.Duration) float64 {
	return measure(loopInt8(level), threads, d)
}

// rounds is the number of rounds between two looks at the clock: some tens of
// microseconds.
const rounds = 10_000

func measure(l loop, threads int, d time.Duration) float64 {
	if l.run == nil {
		return 0
	}
	speeds := make([]float64, threads)
	var ready, done sync.WaitGroup
	ready.Add(threads)
	for i := range speeds {
		done.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			l.run(rounds) // wide vectors take a moment to come up
			ready.Done()
			ready.Wait()
			speeds[i] = l.speed(d)
		})
	}
	done.Wait()
	total := 0.0
	for _, s := range speeds {
		total += s
	}
	return total
}

func (l loop) speed(d time.Duration) float64 {
	n := 0
	start := time.Now()
	for time.Since(start) < d {
		l.run(rounds)
		n += rounds
	}
	return float64(n) * l.operations / time.Since(start).Seconds()
}
