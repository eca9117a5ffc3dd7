package progress

import (
	"strings"
	"time"
	"unicode/utf8"
)

// span is how far back rates look: long enough to be calm, short enough to
// follow changes.
const span = 15 * time.Second

// meter turns a sequence of states into rates and text.
type meter struct {
	start   time.Time
	samples []sample
}

type sample struct {
	at          time.Time
	done, count int64
}

func counted(s State) (int64, string) {
	if n := len(s.Counts); n > 0 {
		return s.Counts[n-1].N, s.Counts[n-1].Name
	}
	return s.Done, ""
}

func (m *meter) add(now time.Time, s State) {
	n, _ := counted(s)
	if len(m.samples) == 0 {
		m.samples = append(m.samples, sample{at: m.start})
	}
	m.samples = append(m.samples, sample{now, s.Done, n})
	for len(m.samples) > 2 && now.Sub(m.samples[1].at) >= span {
		m.samples = m.samples[1:]
	}
}

// rates are per second: of Done, and of the last count.
func (m *meter) rates() (done, count float64, elapsed time.Duration) {
	if len(m.samples) < 2 {
		return 0, 0, 0
	}
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	elapsed = last.at.Sub(m.start)
	seconds := last.at.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0, 0, elapsed
	}
	return float64(last.done-first.done) / seconds, float64(last.count-first.count) / seconds, elapsed
}

// parts is everything but the bar, in order of importance.
func (m *meter) parts(s State) []string {
	var parts []string
	if s.Total > 0 {
		parts = append(parts, ratio(s))
	}
	for _, c := range s.Counts {
		parts = append(parts, Count(c.N)+" "+c.Name)
	}
	if s.Note != "" {
		parts = append(parts, s.Note)
	}
	doneRate, countRate, elapsed := m.rates()
	if countRate > 0 {
		if _, name := counted(s); name == "" && s.Bytes {
			parts = append(parts, Bytes(int64(doneRate))+"/s")
		} else {
			parts = append(parts, Rate(countRate))
		}
	}
	if s.Total > 0 && doneRate > 0 && elapsed >= 2*time.Second {
		left := time.Duration(float64(s.Total-s.Done) / doneRate * float64(time.Second))
		parts = append(parts, clock(max(left, 0))+" left")
	} else if s.Total <= 0 {
		parts = append(parts, clock(elapsed))
	}
	return parts
}

func ratio(s State) string {
	if !s.Bytes {
		return Count(s.Done) + " of " + Count(s.Total)
	}
	value, unit := scale(s.Done)
	total, totalUnit := scale(s.Total)
	if unit == totalUnit {
		return value + " of " + total + " " + unit
	}
	return value + " " + unit + " of " + total + " " + totalUnit
}

func percent(s State) int64 {
	return min(100, max(0, s.Done)*100/max(1, s.Total))
}

// line is the form for logs.
func (m *meter) line(label string, s State) string {
	text := label + ": "
	if s.Total > 0 {
		text += Count(percent(s)) + "%, "
	}
	return text + strings.Join(m.parts(s), ", ")
}

const (
	barMost  = 30
	barLeast = 8
)

// bar is the form for a terminal of a width. What does not fit goes, the least
// important first.
func (m *meter) bar(label string, s State, width int) string {
	parts := m.parts(s)
	head := label
	if s.Total > 0 {
		head += pad(Count(percent(s)), 5) + "%"
	}
	for {
		tail := ""
		if len(parts) > 0 {
			tail = "  " + strings.Join(parts, "  ")
		}
		room := width - utf8.RuneCountInString(head) - utf8.RuneCountInString(tail) - 2
		if s.Total <= 0 && room >= -2 {
			return head + tail
		}
		if s.Total > 0 && room >= barLeast {
			return head + "  " + drawBar(s, min(room, barMost)) + tail
		}
		if len(parts) == 0 {
			return head[:min(len(head), max(0, width))]
		}
		// The time left, at the end, matters more than the counts before it.
		if len(parts) > 1 {
			parts = append(parts[:len(parts)-2], parts[len(parts)-1])
		} else {
			parts = nil
		}
	}
}

func drawBar(s State, width int) string {
	full := int(min(s.Done, s.Total) * int64(width) / s.Total)
	return strings.Repeat("━", full) + strings.Repeat("─", width-full)
}

func pad(s string, width int) string {
	return strings.Repeat(" ", max(0, width-len(s))) + s
}
