package progress

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// measured is a meter that has seen a state grow evenly for some seconds.
func measured(s State, seconds int) *meter {
	m := &meter{start: epoch}
	for i := 1; i <= seconds; i++ {
		part := s
		part.Done = s.Done * int64(i) / int64(seconds)
		part.Counts = nil
		for _, c := range s.Counts {
			part.Counts = append(part.Counts, Named{c.N * int64(i) / int64(seconds), c.Name})
		}
		m.add(epoch.Add(time.Duration(i)*time.Second), part)
	}
	return m
}

func TestText(t *testing.T) {
	indexing := State{Done: 12_400_000, Total: 28_900_000, Bytes: true, Counts: []Named{{2341, "documents"}, {8120, "passages"}}}
	training := State{Done: 1200, Total: 6000, Note: "loss 1.234"}
	endless := State{Done: 5_000_000, Bytes: true, Counts: []Named{{120, "documents"}}}
	pulling := State{Done: 900, Total: 2_000_000, Bytes: true}
	cases := []struct {
		name, label string
		s           State
		width       int
		want        string
	}{
		{"wide", "indexing", indexing, 120, "indexing   42%  ━━━━━━━━━━━━──────────────────  12.4 of 28.9 MB  2,341 documents  8,120 passages  812/s  0:13 left"},
		{"usual", "indexing", indexing, 79, "indexing   42%  ━━━━━━━───────────  12.4 of 28.9 MB  2,341 documents  0:13 left"},
		{"narrow", "indexing", indexing, 40, "indexing   42%  ━━━━━────────  0:13 left"},
		{"tiny", "indexing", indexing, 20, "indexing   42%"},
		{"tinier", "indexing", indexing, 5, "index"},
		{"log", "indexing", indexing, 0, "indexing: 42%, 12.4 of 28.9 MB, 2,341 documents, 8,120 passages, 812/s, 0:13 left"},
		{"steps", "training", training, 0, "training: 20%, 1,200 of 6,000, loss 1.234, 120/s, 0:40 left"},
		{"unknown total", "indexing", endless, 0, "indexing: 120 documents, 12/s, 0:10"},
		{"unknown total bar", "indexing", endless, 60, "indexing  120 documents  12/s  0:10"},
		{"bytes", "model.safetensors", pulling, 0, "model.safetensors: 0%, 900 B of 2.00 MB, 90 B/s, 6:10:12 left"},
	}
	for _, c := range cases {
		m := measured(c.s, 10)
		got := m.line(c.label, c.s)
		if c.width > 0 {
			got = m.bar(c.label, c.s, c.width)
		}
		if got != c.want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, got, c.want)
		}
	}
}

func TestRateFollowsTheLastSeconds(t *testing.T) {
	m := &meter{start: epoch}
	n := int64(0)
	for i := 1; i <= 120; i++ {
		if n += 10; i > 60 {
			n += 90
		}
		m.add(epoch.Add(time.Duration(i)*time.Second), State{Done: n})
	}
	if _, rate, _ := m.rates(); math.Abs(rate-100) > 1e-9 {
		t.Errorf("rate %v, want 100", rate)
	}
	if len(m.samples) > 20 {
		t.Errorf("%d samples kept", len(m.samples))
	}
}

func TestFormats(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -999: "-999"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.00 kB", 12_345: "12.3 kB", 999_900: "1.00 MB", 123_456_789: "123 MB", 5e12: "5.00 TB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{
		12 * time.Microsecond: "12 µs", 850 * time.Millisecond: "850 ms", 3210 * time.Millisecond: "3.2 s",
		245 * time.Second: "4:05", 3723 * time.Second: "1:02:03",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

// TestBar drives a bar with its own clock: what is drawn, that a line goes
// above it and that nothing of it stays.
func TestBar(t *testing.T) {
	var out bytes.Buffer
	ticks := make(chan time.Time)
	polled := make(chan struct{})
	now := epoch
	b := Start(&out, Options{Label: "work", Terminal: true, Width: func() int { return 60 }, Now: func() time.Time { return now }, Ticks: ticks},
		func() State { defer close(polled); return State{Done: 1, Total: 2} })
	ticks <- now
	<-polled
	b.Println("a warning")
	b.Stop()
	b.Stop()
	want := "\r\x1b[Kwork   50%  " + strings.Repeat("━", 15) + strings.Repeat("─", 15) + "  1 of 2\r\x1b[Ka warning\n"
	if out.String() != want {
		t.Errorf("wrote %q, want %q", out.String(), want)
	}
}

func TestShortWorkIsSilent(t *testing.T) {
	var out bytes.Buffer
	Start(&out, Options{Label: "work"}, func() State { return State{} }).Stop()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}
