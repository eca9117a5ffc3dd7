package metrics

import (
	"bufio"
	"strconv"
)

// Emit gives one value of a metric that is read when it is asked for, with the
// labels' values in the labels' order.
type Emit func(x float64, values ...string)

// EmitSummary gives the sum of what was observed and how often.
type EmitSummary func(sum float64, count uint64, values ...string)

// reading is a metric that somebody else keeps.
type reading struct {
	name, kind, help string
	samples          func(w *bufio.Writer)
}

// ReadGauges makes a family of gauges out of what read emits.
func (r *Registry) ReadGauges(name, help string, read func(Emit), labels ...string) {
	r.read(name, "gauge", help, read, labels)
}

// ReadCounters makes a family of counters out of what read emits; name ends in
// _total by convention.
func (r *Registry) ReadCounters(name, help string, read func(Emit), labels ...string) {
	r.read(name, "counter", help, read, labels)
}

func (r *Registry) read(name, kind, help string, read func(Emit), labels []string) {
	r.families = append(r.families, reading{name, kind, help, func(w *bufio.Writer) {
		read(func(x float64, values ...string) {
			sample(w, name, renderLabels(labels, values), formatFloat(x))
		})
	}})
}

// ReadSummaries makes a family of summaries without quantiles out of what read
// emits. Their averages over time are those of a histogram of the same name.
func (r *Registry) ReadSummaries(name, help string, read func(EmitSummary), labels ...string) {
	r.families = append(r.families, reading{name, "summary", help, func(w *bufio.Writer) {
		read(func(sum float64, count uint64, values ...string) {
			rendered := renderLabels(labels, values)
			sample(w, name+"_sum", rendered, formatFloat(sum))
			sample(w, name+"_count", rendered, strconv.FormatUint(count, 10))
		})
	}})
}

func (g reading) write(w *bufio.Writer) {
	w.WriteString("# HELP " + g.name + " " + escape(g.help, false) + "\n")
	w.WriteString("# TYPE " + g.name + " " + g.kind + "\n")
	g.samples(w)
}
