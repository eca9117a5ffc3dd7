package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"semdex/embed/workload"
)

// report writes results as Markdown.
type report struct {
	results  *results
	subjects []*subject
	threads  []int
	b        strings.Builder
}

// Ratios below which a cell is named under the table.
const (
	floorF32  = 1.2
	floorMix  = 1.5
	floorInt8 = 1.6
)

// unsteady is the spread from which a figure is marked.
const unsteady = 0.10

func (r *report) String() string {
	r.b.Reset()
	r.head()
	r.speeds()
	r.remarks()
	r.policies()
	r.starts()
	r.agreement()
	return r.b.String()
}

func (r *report) printf(format string, args ...any) { fmt.Fprintf(&r.b, format, args...) }

func (r *report) head() {
	m := r.results.Machine
	day := "never"
	if times := r.times(); len(times) > 0 {
		day = slices.MaxFunc(times, time.Time.Compare).Format(time.DateOnly)
	}
	r.printf("Measured %s on %s, %d processors, %s, %s. semdex: %s. Peer: %s.\n", day,
		cmp.Or(m.Processor, "an unnamed processor"), m.CPUs, m.Platform, m.Go,
		cmp.Or(strings.Join(distinct(m.Engines), "; "), "not run"), cmp.Or(m.Peer, "not run"))
	var peaks []string
	for _, precision := range []string{precisionF32, precisionInt8} {
		for _, t := range r.threads {
			if p := r.results.peak(precision, t); p > 0 {
				peaks = append(peaks, fmt.Sprintf("%s %s %.0f", precision, threadsOf(t), p/1e9))
			}
		}
	}
	if len(peaks) > 0 {
		r.printf("Measured peaks in 10⁹ operations/s: %s.\n", strings.Join(peaks, ", "))
	}
	r.printf("\n")
}

func distinct(m map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(m)))
}

func (r *report) times() []time.Time {
	var all []time.Time
	for _, c := range r.results.Cells {
		all = append(all, c.When)
	}
	return all
}

func threadsOf(n int) string {
	if n == 1 {
		return "1 thread"
	}
	return fmt.Sprintf("%d threads", n)
}

// columns are the precisions and threads, in the order of the table.
func (r *report) columns(s *subject) []group {
	var all []group
	for _, p := range []string{precisionF32, precisionInt8} {
		for _, t := range r.threads {
			all = append(all, group{subject: s, precision: p, threads: t})
		}
	}
	return all
}

// speeds is the table: a cell reads ratio, sentences per second of semdex and
// the peer, percent of the peak.
func (r *report) speeds() {
	header := []string{"**ratio** semdex / peer, sentences/s (% of peak)"}
	for _, g := range r.columns(nil) {
		header = append(header, g.precision+", "+threadsOf(g.threads))
	}
	r.row(header...)
	r.row(slices.Repeat([]string{"---"}, len(header))...)
	for _, s := range r.subjects {
		r.row(append([]string{fmt.Sprintf("**%s**: %s", s.name, s.about)}, make([]string, len(header)-1)...)...)
		for _, w := range workload.All() {
			policies := []string{""}
			label := []string{w.About}
			if w.Mix {
				label[0] += "; peer at its best"
			}
			if slices.ContainsFunc(policiesOf(w), func(p policy) bool { return p.name == arrivalBy32 }) {
				policies, label = append(policies, arrivalBy32), append(label, "the same; peer: "+arrivalBy32)
			}
			for i, policy := range policies {
				cells := []string{label[i]}
				for _, g := range r.columns(s) {
					cells = append(cells, r.speed(cell{g, w}, policy))
				}
				if strings.Trim(strings.Join(cells[1:], ""), "–") != "" {
					r.row(cells...)
				}
			}
		}
	}
	r.printf("\n")
}

func (r *report) row(cells ...string) { r.printf("| %s |\n", strings.Join(cells, " | ")) }

// speed is one entry; an empty policy is the peer's best one.
func (r *report) speed(c cell, policy string) string {
	got, ok := r.results.Cells[c.id()]
	if !ok {
		return "–"
	}
	_, peer := got.best()
	if policy != "" {
		peer = got.Peer[policy]
	}
	n := float64(got.Sentences)
	text := fmt.Sprintf("**%.2fx** %s / %s", peer.median()/got.Ours.median(), rate(n, got.Ours), rate(n, peer))
	if top := r.results.peak(c.precision, c.threads); top > 0 && got.Operations > 0 {
		percent := func(t timing) float64 { return 100 * got.Operations / t.median() / top }
		text += fmt.Sprintf(" (%.0f / %.0f %%)", percent(got.Ours), percent(peer))
	}
	return text
}

// rate is sentences per second in three digits or more, marked if the rounds
// differ.
func rate(n float64, t timing) string {
	mark := ""
	if t.spread() > unsteady {
		mark = "~"
	}
	v := n / t.median()
	if v < 100 {
		return fmt.Sprintf("%s%.1f", mark, v)
	}
	return fmt.Sprintf("%s%.0f", mark, v)
}

// cells lists the measured cells in the order of the table, and counts those
// that are missing.
func (r *report) cells() (all []cell, missing int) {
	for _, s := range r.subjects {
		for _, w := range workload.All() {
			for _, g := range r.columns(s) {
				if _, ok := r.results.Cells[(cell{g, w}).id()]; ok {
					all = append(all, cell{g, w})
				} else if s.fits(w) && !(s.static && g.precision == precisionInt8) {
					missing++
				}
			}
		}
	}
	return all, missing
}

// quiet is how many processors others may use without a warning.
const quiet = 0.1

// remarks says what a reader must know of the table: cells below the floor and
// cells not measured, figures that are not steady, other programs.
func (r *report) remarks() {
	var low []string
	shaky, busy := false, 0.0
	cells, missing := r.cells()
	for _, c := range cells {
		got := r.results.Cells[c.id()]
		_, peer := got.best()
		if ratio := peer.median() / got.Ours.median(); ratio < floor(c) {
			low = append(low, fmt.Sprintf("%s %.2fx", c.id(), ratio))
		}
		for _, t := range append(slices.Collect(maps.Values(got.Peer)), got.Ours) {
			shaky = shaky || t.spread() > unsteady
		}
		busy = max(busy, got.Others)
	}
	if missing > 0 {
		r.printf("%d of %d cells have not been measured.\n", missing, len(cells)+missing)
	}
	if len(cells) == 0 {
		return
	}
	floors := fmt.Sprintf("f32 %.1fx, its mixes %.1fx, int8 %.1fx", floorF32, floorMix, floorInt8)
	if len(low) == 0 {
		r.printf("Every cell measured is above its floor (%s).\n", floors)
	} else {
		r.printf("Below the floor (%s): %s.\n", floors, strings.Join(low, ", "))
	}
	if shaky {
		r.printf("~ marks figures whose rounds differ by more than %.0f %%.\n", 100*unsteady)
	}
	if busy > quiet {
		r.printf("The machine was not quiet: other programs used up to %.1f processors during a cell.\n", busy)
	}
	r.printf("\n")
}

func floor(c cell) float64 {
	switch {
	case c.precision == precisionInt8:
		return floorInt8
	case c.workload.Mix:
		return floorMix
	}
	return floorF32
}

// policies shows what the peer makes of the mixes with each policy.
func (r *report) policies() {
	var lines []string
	cells, _ := r.cells()
	for _, c := range cells {
		if !c.workload.Mix {
			continue
		}
		got := r.results.Cells[c.id()]
		line := []string{c.id()}
		for _, p := range policiesOf(c.workload) {
			if t := got.Peer[p.name]; len(t) > 0 {
				line = append(line, fmt.Sprintf("%s %s", p.name, rate(float64(got.Sentences), t)))
			}
		}
		lines = append(lines, fmt.Sprintf("| %s | %s |\n", line[0], strings.Join(line[1:], ", ")))
	}
	if len(lines) > 0 {
		r.printf("| mix | the peer's sentences/s by batch policy |\n| --- | --- |\n%s\n", strings.Join(lines, ""))
	}
}

func (r *report) starts() {
	var lines []string
	for _, s := range r.subjects {
		for _, g := range r.columns(s) {
			if got, ok := r.results.Starts[g.id()]; ok {
				lines = append(lines, fmt.Sprintf("| %s | %s | %s |\n", g.id(), started(got.Ours, got.OursRSS), started(got.Peer, got.PeerRSS)))
			}
		}
	}
	if len(lines) > 0 {
		r.printf("| start of the process to the first vector | semdex | peer |\n| --- | --- | --- |\n%s\n", strings.Join(lines, ""))
	}
}

func started(t timing, memory []float64) string {
	text := fmt.Sprintf("%.0f ms", 1e3*t.median())
	if m := median(memory); m > 0 {
		text += fmt.Sprintf(", %.0f MB", m/1e6)
	}
	return text
}

func (r *report) agreement() {
	var lines []string
	for _, s := range r.subjects {
		a, ok := r.results.Agreement[s.name]
		if !ok {
			continue
		}
		int8 := func(c cosines) string {
			if s.static {
				return "–"
			}
			return fmt.Sprintf("%.5f (%.5f)", c.Least, c.Mean)
		}
		lines = append(lines, fmt.Sprintf("| %s | %.1e | %s | %s |\n", s.name, a.Difference, int8(a.Ours), int8(a.Peer)))
	}
	if len(lines) > 0 {
		r.printf("| vectors | f32, largest difference | semdex int8, least (mean) cosine to f32 | peer int8 |\n| --- | --- | --- | --- |\n%s", strings.Join(lines, ""))
	}
}
