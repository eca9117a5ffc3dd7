package postings

import (
	"io"
	"sort"
	"strings"
)

// Run is the inverted index of some passages in memory: terms, ascending, each with
// its passages, which are numbered from 0. It is never changed, so it may be shared;
// runs become a larger one, or a segment, by merging.
type Run struct {
	text     string   // all terms, one behind the other
	ends     []runEnd // of each term
	postings []Posting
}

// runEnd is where a term ends and where its passages do.
type runEnd struct{ text, list int }

// Terms is the number of terms.
func (r *Run) Terms() int { return len(r.ends) }

// Size is the number of postings.
func (r *Run) Size() int { return len(r.postings) }

func (r *Run) begin(i int) runEnd {
	if i == 0 {
		return runEnd{}
	}
	return r.ends[i-1]
}

// Term returns a term by its place in the order.
func (r *Run) Term(i int) string { return r.text[r.begin(i).text:r.ends[i].text] }

// List returns the passages with a term by its place in the order.
func (r *Run) List(i int) []Posting {
	begin, end := r.begin(i).list, r.ends[i].list
	return r.postings[begin:end:end]
}

// Find returns the passages with a term.
func (r *Run) Find(term string) []Posting {
	i, ok := sort.Find(len(r.ends), func(i int) int { return strings.Compare(term, r.Term(i)) })
	if !ok {
		return nil
	}
	return r.List(i)
}

// PlacedRun is a run whose passages are numbered from First among others.
type PlacedRun struct {
	*Run
	First uint32
}

// MergeRuns makes one run of several, which are in order of their passages. In it
// passages are numbered from the first run's First.
func MergeRuns(runs []PlacedRun) PlacedRun {
	first, size, bytes, terms := runs[0].First, 0, 0, 0
	for _, r := range runs {
		size += r.Size()
		bytes += len(r.text)
		terms += r.Terms()
	}
	var text strings.Builder
	text.Grow(bytes)
	out := &Run{ends: make([]runEnd, 0, terms), postings: make([]Posting, 0, size)}
	m := newRunMerger(runs)
	for m.next() {
		for _, at := range m.equal {
			move := runs[at].First - first
			for _, p := range m.list(at) {
				out.postings = append(out.postings, Posting{p.Passage + move, p.Frequency})
			}
		}
		text.WriteString(m.term)
		out.ends = append(out.ends, runEnd{text.Len(), len(out.postings)})
	}
	out.text = text.String()
	return PlacedRun{out, first}
}

// WriteRuns writes the passages of runs, which are in order of their passages, as a
// segment. keys are those of the passages that stay; number gives the number of a
// passage among them, or says that it is left out.
func WriteRuns(w io.Writer, runs []PlacedRun, keys []Key, number func(passage uint32) (n uint32, stays bool)) error {
	out, err := NewWriter(w, keys)
	if err != nil {
		return err
	}
	var list []Posting
	m := newRunMerger(runs)
	for m.next() {
		list = list[:0]
		for _, at := range m.equal {
			for _, p := range m.list(at) {
				if n, stays := number(runs[at].First + p.Passage); stays {
					list = append(list, Posting{n, p.Frequency})
				}
			}
		}
		if len(list) == 0 {
			continue
		}
		if err := out.Add(m.term, list); err != nil {
			return err
		}
	}
	return out.Close()
}

// runMerger goes through the terms of runs in ascending order.
type runMerger struct {
	runs  []PlacedRun
	at    []int    // the next term of each run
	heads []string // the same; runs at their end are not in open
	open  []int

	term  string
	equal []int // the runs that have the term
}

func newRunMerger(runs []PlacedRun) *runMerger {
	m := &runMerger{runs: runs, at: make([]int, len(runs)), heads: make([]string, len(runs))}
	for i, r := range runs {
		if r.Terms() > 0 {
			m.heads[i] = r.Term(0)
			m.open = append(m.open, i)
		}
	}
	return m
}

// next goes on to the next term; false if there is none.
func (m *runMerger) next() bool {
	for _, i := range m.equal { // of the term before
		if m.at[i]++; m.at[i] < m.runs[i].Terms() {
			m.heads[i] = m.runs[i].Term(m.at[i])
		}
	}
	m.equal = m.equal[:0]
	open := m.open[:0]
	for _, i := range m.open {
		if m.at[i] == m.runs[i].Terms() {
			continue
		}
		open = append(open, i)
		order := -1
		if len(m.equal) > 0 {
			order = strings.Compare(m.heads[i], m.term)
		}
		if order < 0 {
			m.term, m.equal = m.heads[i], m.equal[:0]
		}
		if order <= 0 {
			m.equal = append(m.equal, i)
		}
	}
	m.open = open
	return len(m.equal) > 0
}

// list returns the passages that a run has for the term.
func (m *runMerger) list(run int) []Posting { return m.runs[run].List(m.at[run]) }
