package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"semdex/embed/workload"
)

const (
	precisionF32  = "f32"
	precisionInt8 = "int8"
)

// group is what one pair of processes serves: a model in one precision, with
// one number of threads.
type group struct {
	subject   *subject
	precision string
	threads   int
	starts    bool // its start is measured, too
}

func (g group) id() string { return fmt.Sprintf("%s/%s/%dt", g.subject.name, g.precision, g.threads) }

// cell is a group and a workload, or the start of a program.
type cell struct {
	group
	workload workload.Workload
}

// startName stands in the place of a workload for the start of a program up to
// its first vector.
const startName = "start"

func (c cell) id() string { return c.group.id() + "/" + c.workload.Name }

// groupsOf lists the groups of a subject.
func groupsOf(s *subject, threads []int) []group {
	precisions := []string{precisionF32, precisionInt8}
	if s.static {
		precisions = precisions[:1]
	}
	var all []group
	for _, p := range precisions {
		for i, t := range threads {
			all = append(all, group{subject: s, precision: p, threads: t, starts: i == len(threads)-1})
		}
	}
	return all
}

// cellsOf lists the cells of a group: the workloads that fit the model, and in
// one of the groups its start.
func cellsOf(g group) []cell {
	var all []cell
	if g.starts {
		all = append(all, cell{g, workload.Workload{Name: startName}})
	}
	for _, w := range workload.All() {
		if g.subject.fits(w) {
			all = append(all, cell{g, w})
		}
	}
	return all
}

// patterns choose cells by their names: A/f32/1t/32x16. A pattern is as many of
// the four parts as one wants to fix, with * and ? as in file names.
type patterns []string

func parsePatterns(list string) (patterns, error) {
	var all patterns
	for p := range strings.SplitSeq(list, ",") {
		p = strings.Trim(strings.TrimSpace(p), "/")
		if p == "" {
			continue
		}
		if _, err := path.Match(p, ""); err != nil || strings.Count(p, "/") > 3 {
			return nil, fmt.Errorf("cells %q: want MODEL/PRECISION/THREADSt/WORKLOAD, as A/f32/1t/32x16 or */int8", p)
		}
		all = append(all, p)
	}
	return all, nil
}

// match reports whether a name, or the beginning of one, is chosen. Without
// patterns everything is.
func (p patterns) match(id string) bool {
	if len(p) == 0 {
		return true
	}
	return slices.ContainsFunc(p, func(pattern string) bool {
		want, have := strings.Split(pattern, "/"), strings.Split(id, "/")
		for i := range min(len(want), len(have)) {
			if ok, err := path.Match(want[i], have[i]); err != nil || !ok {
				return false
			}
		}
		return true
	})
}

// policy is how the peer, which pads, batches a workload. semdex takes all
// sentences at once.
type policy struct {
	name  string
	order workload.Order
	size  int
}

// The policies with names of their own.
const (
	whole         = "one batch"
	arrivalBy32   = "32 as they come"
	sortedBy32    = "32 sorted by length"
	one           = "one by one"
	sortedBy4     = "4 sorted by length"
	sortedBy8     = "8 sorted by length"
	longSentences = 64 // tokens on average from which padding costs more than small batches
)

// policiesOf lists the policies that may be best for a workload: for short
// sentences large batches, sorted; for passages small ones. Short sentences as
// they come are what a program does that does not sort.
func policiesOf(w workload.Workload) []policy {
	switch {
	case !w.Mix:
		return []policy{{whole, workload.Arrival, len(w.Lengths)}}
	case w.Tokens() < longSentences*len(w.Lengths):
		return []policy{{sortedBy32, workload.Sorted, 32}, {arrivalBy32, workload.Arrival, 32}}
	}
	return []policy{{one, workload.Arrival, 1}, {sortedBy4, workload.Sorted, 4}, {sortedBy8, workload.Sorted, 8}}
}

// batches cuts the sentences as the policy says and gives them with the order
// in which they went in.
func (p policy) batches(w workload.Workload, sentences [][]int32) (batches [][][]int32, order []int) {
	for _, indices := range w.Batches(p.order, p.size) {
		var batch [][]int32
		for _, i := range indices {
			batch = append(batch, sentences[i])
		}
		batches = append(batches, batch)
		order = append(order, indices...)
	}
	return batches, order
}
