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

// busy is the load average, over the cell's own threads, from which a cell is
// said to have been measured beside other work.
const busy = 0.5

// table writes results as Markdown.
func table(r *results) string {
	var b strings.Builder
	day := "never"
	for _, c := range r.Cells {
		if d := c.When.Format(time.DateOnly); day == "never" || d > day {
			day = d
		}
	}
	fmt.Fprintf(&b, "Measured %s on %s: %s beside %s.\n", day,
		cmp.Or(workload.Processor(), "an unnamed processor"), cmp.Or(r.Ours, "semdex, not run"), cmp.Or(r.Peer, "PyTorch, not run"))
	for _, threads := range slices.Sorted(maps.Keys(r.Settings)) {
		fmt.Fprintf(&b, "PyTorch's best settings with %s thread(s): %s.\n", threads, cmp.Or(strings.Join(r.Settings[threads], " "), "its own choice"))
	}
	if loud := loudest(r); loud > 0 {
		fmt.Fprintf(&b, "**Measured beside other work**: load averages up to %.0f; the figures will move.\n", loud)
	}
	b.WriteString("\n| loss, threads | model | batch | semdex ms | PyTorch ms | ratio | clock ms | PyTorch | ratio | allocations |\n")
	b.WriteString("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	var cpus, walls []float64
	for _, c := range cells() {
		m, ok := r.Cells[c.id()]
		if !ok {
			continue
		}
		cpu, wall := m.ratios()
		cpus, walls = append(cpus, cpu), append(walls, wall)
		fmt.Fprintf(&b, "| %s, %d | 6/%d (%.1f M) | %v | %.0f | %.0f | **%.2f** | %.0f | %.0f | %.2f | %.0f |\n",
			c.loss, c.threads, c.shape.Hidden, float64(r.Parameters[c.loss+"/"+c.shape.Name])/1e6, c.size,
			1e3*median(m.CPU[0]), 1e3*median(m.CPU[1]), cpu,
			1e3*median(m.Wall[0]), 1e3*median(m.Wall[1]), wall, median(m.Allocs))
	}
	if len(cpus) > 0 {
		fmt.Fprintf(&b, "\n%d of %d cells. Processor time: PyTorch takes %.2f to %.2f times as long, %.2f in the median; by the clock %.2f to %.2f, %.2f.\n",
			len(cpus), len(cells()), slices.Min(cpus), slices.Max(cpus), median(cpus), slices.Min(walls), slices.Max(walls), median(walls))
	}
	return b.String()
}

// loudest is the highest load average beside the cells' own threads, if it is
// worth a word.
func loudest(r *results) float64 {
	most := 0.0
	for _, c := range cells() {
		if m, ok := r.Cells[c.id()]; ok && m.Load > float64(c.threads)+busy {
			most = max(most, m.Load)
		}
	}
	return most
}
