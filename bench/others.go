package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"
)

// The kernel counts processor time in hundredths of a second, on every
// architecture of Linux.
const ticksPerSecond = 100

// usage watches how much of the machine other programs use. On systems without
// /proc it knows nothing.
type usage struct {
	start time.Time
	own   []int // processes that are ours
	busy  float64
	ours  float64
	known bool
}

// watch starts watching; own are the processes that do not count beside this
// one.
func watch(own ...int) *usage {
	u := &usage{start: time.Now(), own: append(own, os.Getpid())}
	u.busy, u.ours, u.known = u.read()
	return u
}

// others is the number of processors that other programs (and the hypervisor)
// have used on average since watch, or -1 if that is not known.
func (u *usage) others() float64 {
	busy, ours, ok := u.read()
	seconds := time.Since(u.start).Seconds()
	if !ok || !u.known || seconds <= 0 {
		return -1
	}
	return max(0, (busy-u.busy)-(ours-u.ours)) / ticksPerSecond / seconds
}

func (u *usage) read() (busy, ours float64, ok bool) {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, false
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	for i, field := range strings.Fields(line) {
		// cpu user nice system idle iowait irq softirq steal guest guest_nice;
		// guests are in user and nice.
		if i >= 1 && i <= 8 && i != 4 && i != 5 {
			n, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return 0, 0, false
			}
			busy += n
		}
	}
	for _, pid := range u.own {
		n, ok := processTicks(pid)
		if !ok {
			return 0, 0, false
		}
		ours += n
	}
	return busy, ours, true
}

// processTicks is the processor time of a process with all its threads.
func processTicks(pid int) (float64, bool) {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, false
	}
	// The name, in parentheses, may hold anything; the state follows it, then
	// user and system time are fields 12 and 13 from there.
	at := bytes.LastIndexByte(raw, ')')
	fields := strings.Fields(string(raw[at+1:]))
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	return user + system, err1 == nil && err2 == nil
}

// peakMemory is the highest resident memory of a process in bytes, 0 if it is
// not known. It counts the pages of mapped files that were touched.
func peakMemory(pid int) float64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 64)
			if err == nil {
				return kb * 1024
			}
		}
	}
	return 0
}
