package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"semdex/embed/workload"
)

// The recalls at which both sides are compared.
var recalls = []float64{0.95, 0.99}

// at is the speed at a recall, between the two points around it: logarithms of
// speed on a straight line. A curve that begins above gives its first point,
// which it is faster than; one that ends below gives false.
func at(curve []point, recall float64) (qps float64, ok bool) {
	for i, p := range curve {
		if p.recall < recall {
			continue
		}
		if i == 0 || p.recall == recall {
			return p.qps, true
		}
		a := curve[i-1]
		t := (recall - a.recall) / (p.recall - a.recall)
		return math.Exp(math.Log(a.qps)*(1-t) + math.Log(p.qps)*t), true
	}
	return 0, false
}

// near is the point whose recall is the first to reach one.
func near(curve []point, recall float64) point {
	for _, p := range curve {
		if p.recall >= recall {
			return p
		}
	}
	return curve[len(curve)-1]
}

// report writes cells as Markdown.
type report struct{ cells []*cell }

func (r *report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d CPUs, %s/%s, %s, %s.\n\n", workload.Processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version(), time.Now().UTC().Format("2006-01-02"))
	b.WriteString("| vectors | threads | index | QPS at recall .95 | QPS at .99 | best recall | p50, p99 at .95 (ms) | build (s, CPU s) | memory (MB) + mapped |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, c := range r.cells {
		b.WriteString(c.String())
	}
	b.WriteString("\n| vectors | threads | QPS at .95 | QPS at .99 | build time | memory |\n|---|---|---|---|---|---|\n")
	for _, c := range r.cells {
		c.ratios(&b)
	}
	return b.String()
}

func (c *cell) name() string {
	return fmt.Sprintf("%s %dk x %d", c.set.kind, c.set.size/1000, c.set.dims)
}

// String is the cell's rows of the table.
func (c *cell) String() string {
	var b strings.Builder
	for _, x := range c.subjects {
		c.row(&b, x)
	}
	return b.String()
}

func (c *cell) row(b *strings.Builder, x *subject) {
	fmt.Fprintf(b, "| %s | %d | %s |", c.name(), c.threads, x.name)
	for _, recall := range recalls {
		if qps, ok := at(x.curve, recall); ok {
			fmt.Fprintf(b, " %s |", thousands(qps))
		} else {
			b.WriteString(" - |")
		}
	}
	p := near(x.curve, recalls[0])
	fmt.Fprintf(b, " %.4f | %.2f, %.2f |", x.curve[len(x.curve)-1].recall, 1000*p.p50, 1000*p.p99)
	if x.buildWall > 0 {
		fmt.Fprintf(b, " %.1f, %.1f |", x.buildWall, x.buildCPU)
	} else {
		b.WriteString(" 0 |")
	}
	fmt.Fprintf(b, " %.0f + %.0f |\n", x.anon/1e6, x.file/1e6)
}

// ratios compares the graph with hnswlib: above 1 the graph is faster, below 1
// it takes less.
func (c *cell) ratios(b *strings.Builder) {
	peer, graph := c.subjects[0], c.subjects[1]
	fmt.Fprintf(b, "| %s | %d |", c.name(), c.threads)
	for _, recall := range recalls {
		ours, ok := at(graph.curve, recall)
		theirs, ok2 := at(peer.curve, recall)
		if ok && ok2 {
			fmt.Fprintf(b, " %.2fx |", ours/theirs)
		} else {
			b.WriteString(" - |")
		}
	}
	fmt.Fprintf(b, " %.2fx | %.2fx |\n", graph.buildCPU/peer.buildCPU, graph.anon/peer.anon)
}

// thousands groups digits.
func thousands(x float64) string {
	s := fmt.Sprintf("%.0f", x)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

const (
	markerBegin = "<!-- bench-index: begin -->"
	markerEnd   = "<!-- bench-index: end -->"
)

// splice replaces what stands between the markers in a Markdown file.
func splice(path, text string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(raw), markerBegin+"\n")
	_, after, ok2 := strings.Cut(rest, markerEnd)
	if !ok || !ok2 {
		return fmt.Errorf("%s: no lines %s and %s", filepath.Base(path), markerBegin, markerEnd)
	}
	return os.WriteFile(path, []byte(before+markerBegin+"\n"+text+markerEnd+after), 0o644)
}
