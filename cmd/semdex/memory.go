package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"semdex/internal/progress"
)

// memory is what the process has in memory, in bytes; zeros where the system
// does not tell.
type memory struct {
	Own    int64 `json:"own"`    // that no file backs
	Mapped int64 `json:"mapped"` // of files, which the system can take back
}

func (m memory) own() string      { return m.show(m.Own) }
func (m memory) resident() string { return m.show(m.Own + m.Mapped) }

func (m memory) show(n int64) string {
	if m == (memory{}) {
		return "-"
	}
	return progress.Bytes(n)
}

// processMemory reads what Linux says.
func processMemory() memory {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return memory{}
	}
	var m memory
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		kB, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			m.Own = kB << 10
		case "RssFile", "RssShmem":
			m.Mapped += kB << 10
		}
	}
	return m
}

// releaseMemory gives back what is not used any more.
func releaseMemory() { debug.FreeOSMemory() }

// watchMemory looks again and again until stop, which returns the most of each
// kind that it has seen.
func watchMemory() (stop func() memory) {
	var peak memory
	look := func() {
		m := processMemory()
		peak = memory{max(peak.Own, m.Own), max(peak.Mapped, m.Mapped)}
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				look()
			}
		}
	})
	return func() memory {
		close(done)
		wg.Wait()
		look()
		return peak
	}
}
