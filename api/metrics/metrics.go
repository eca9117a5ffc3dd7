// Package metrics counts and times what a server does and writes it in the
// Prometheus text format (version 0.0.4). It has counters, gauges and
// histograms with labels, and nothing else.
package metrics

import (
	"bufio"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry holds metrics in the order of their making. The zero value is
// ready. Making metrics is not safe for concurrent use; using them is.
type Registry struct {
	families []family
}

type family interface {
	write(w *bufio.Writer)
}

// WriteTo writes every metric.
func (r *Registry) WriteTo(w io.Writer) (int64, error) {
	counting := &countingWriter{w: w}
	buf := bufio.NewWriter(counting)
	for _, f := range r.families {
		f.write(buf)
	}
	err := buf.Flush()
	return counting.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// series are the values of one metric by their labels.
type series[T any] struct {
	name, kind, help string
	labels           []string
	fresh            func() *T

	mu     sync.RWMutex
	values map[string]*T // by rendered labels: `a="x",b="y"`
}

func newSeries[T any](name, kind, help string, labels []string, fresh func() *T) *series[T] {
	return &series[T]{name: name, kind: kind, help: help, labels: labels, fresh: fresh, values: map[string]*T{}}
}

// with returns the value for the labels' values, made at its first use.
func (s *series[T]) with(values []string) *T {
	key := renderLabels(s.labels, values)
	s.mu.RLock()
	v, ok := s.values[key]
	s.mu.RUnlock()
	if ok {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok = s.values[key]; !ok {
		v = s.fresh()
		s.values[key] = v
	}
	return v
}

// each calls f for every value, ordered by labels, after the metric's head.
func (s *series[T]) each(w *bufio.Writer, f func(labels string, v *T)) {
	w.WriteString("# HELP " + s.name + " " + escape(s.help, false) + "\n")
	w.WriteString("# TYPE " + s.name + " " + s.kind + "\n")
	s.mu.RLock()
	defer s.mu.RUnlock()
	keys := make([]string, 0, len(s.values))
	for k := range s.values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		f(k, s.values[k])
	}
}

func renderLabels(names, values []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(name + `="` + escape(values[i], true) + `"`)
	}
	return b.String()
}

// escape writes a help text or, with quotes, a label's value as the format
// wants it.
func escape(s string, quotes bool) string {
	s = strings.ReplaceAll(s, `\`, `\\`)
	s = strings.ReplaceAll(s, "\n", `\n`)
	if quotes {
		s = strings.ReplaceAll(s, `"`, `\"`)
	}
	return s
}

func sample(w *bufio.Writer, name, labels, value string) {
	w.WriteString(name)
	if labels != "" {
		w.WriteString("{" + labels + "}")
	}
	w.WriteString(" " + value + "\n")
}

// Counters is a family of numbers that only grow, one per combination of
// labels.
type Counters struct{ s *series[atomic.Uint64] }

// Counters makes a family; name ends in _total by convention.
func (r *Registry) Counters(name, help string, labels ...string) Counters {
	c := Counters{newSeries(name, "counter", help, labels, func() *atomic.Uint64 { return new(atomic.Uint64) })}
	r.families = append(r.families, c)
	return c
}

// Add grows the counter of these label values, given in the labels' order.
func (c Counters) Add(n uint64, values ...string) { c.s.with(values).Add(n) }

func (c Counters) write(w *bufio.Writer) {
	c.s.each(w, func(labels string, v *atomic.Uint64) {
		sample(w, c.s.name, labels, strconv.FormatUint(v.Load(), 10))
	})
}

// gauge is a number read when it is asked for.
type gauge struct {
	name, help, labels string
	read               func() float64
}

// Gauge makes a metric whose value read gives; labels are pairs of name and
// value that never change.
func (r *Registry) Gauge(name, help string, read func() float64, labels ...string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	r.families = append(r.families, gauge{name: name, help: help, labels: renderLabels(names, values), read: read})
}

func (g gauge) write(w *bufio.Writer) {
	w.WriteString("# HELP " + g.name + " " + escape(g.help, false) + "\n")
	w.WriteString("# TYPE " + g.name + " gauge\n")
	sample(w, g.name, g.labels, formatFloat(g.read()))
}

// Histograms is a family of distributions over fixed buckets.
type Histograms struct {
	s      *series[histogram]
	bounds []float64
}

type histogram struct {
	counts []atomic.Uint64 // per bucket, the last one up to +Inf
	sum    atomic.Uint64   // bits of a float64
}

// Histograms makes a family; bounds are the buckets' upper ends, ascending.
func (r *Registry) Histograms(name, help string, bounds []float64, labels ...string) Histograms {
	fresh := func() *histogram { return &histogram{counts: make([]atomic.Uint64, len(bounds)+1)} }
	h := Histograms{newSeries(name, "histogram", help, labels, fresh), slices.Clone(bounds)}
	r.families = append(r.families, h)
	return h
}

// Observe counts one value, for instance a duration in seconds.
func (h Histograms) Observe(x float64, values ...string) {
	v := h.s.with(values)
	i, _ := slices.BinarySearch(h.bounds, x) // the first bound >= x
	v.counts[i].Add(1)
	for {
		old := v.sum.Load()
		if v.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+x)) {
			return
		}
	}
}

func (h Histograms) write(w *bufio.Writer) {
	h.s.each(w, func(labels string, v *histogram) {
		with := func(bound string) string {
			if labels == "" {
				return `le="` + bound + `"`
			}
			return labels + `,le="` + bound + `"`
		}
		var total uint64
		for i, bound := range h.bounds {
			total += v.counts[i].Load()
			sample(w, h.s.name+"_bucket", with(formatFloat(bound)), strconv.FormatUint(total, 10))
		}
		total += v.counts[len(h.bounds)].Load()
		sample(w, h.s.name+"_bucket", with("+Inf"), strconv.FormatUint(total, 10))
		sample(w, h.s.name+"_sum", labels, formatFloat(math.Float64frombits(v.sum.Load())))
		sample(w, h.s.name+"_count", labels, strconv.FormatUint(total, 10))
	})
}

func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
