package postings

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// randomPassages are the terms of n passages in the order in which they stand there,
// each with a weight, and as an index.
func randomPassages(rng *rand.Rand, n int) (run *Run, byTerm map[string][]Posting) {
	v := NewInverter()
	if rng.IntN(2) == 0 { // what was there before leaves no trace
		v.Add("before", 3)
		v.Next()
		v.Run()
	}
	byTerm = make(map[string][]Posting)
	words := make([]string, 1+rng.IntN(60))
	for i := range words {
		word := make([]byte, rng.IntN(20))
		for j := range word {
			word[j] = byte(rng.IntN(3)) * byte(1+rng.IntN(127))
		}
		words[i] = string(word)
	}
	for p := range uint32(n) {
		counts := make(map[string]uint32)
		for range rng.IntN(30) {
			word, weight := words[rng.IntN(1+rng.IntN(len(words)))], 1+uint32(rng.IntN(4))
			v.Add(word, weight)
			counts[word] += weight
		}
		v.Next()
		for word, count := range counts {
			byTerm[word] = append(byTerm[word], Posting{p, count})
		}
	}
	return v.Run(), byTerm
}

func wantRun(t *testing.T, r *Run, byTerm map[string][]Posting) {
	t.Helper()
	size := 0
	terms := slices.Sorted(maps.Keys(byTerm))
	for i, term := range terms {
		size += len(byTerm[term])
		if r.Terms() != len(terms) || r.Term(i) != term || !slices.Equal(r.List(i), byTerm[term]) || !slices.Equal(r.Find(term), byTerm[term]) {
			t.Fatalf("term %d of %d, %q: have %q with %v, found %v; want %v", i, r.Terms(), term, r.Term(i), r.List(i), r.Find(term), byTerm[term])
		}
		if got := r.Find(term + "\x00"); byTerm[term+"\x00"] == nil && got != nil {
			t.Fatalf("a term that is not there has %v", got)
		}
	}
	if r.Size() != size || r.Terms() != len(terms) {
		t.Fatalf("%d terms with %d postings, want %d with %d", r.Terms(), r.Size(), len(terms), size)
	}
	if len(terms) == 0 && r.Find("") != nil {
		t.Error("an empty run has something")
	}
}

func TestInverter(t *testing.T) {
	rng := newRNG(t)
	for range 200 {
		run, byTerm := randomPassages(rng, rng.IntN(50))
		wantRun(t, run, byTerm)
	}
}

// Runs that are merged, two or more at a time in any grouping, are what the passages
// together give, and so is the segment that they become, without those left out.
func TestMergeRuns(t *testing.T) {
	rng := newRNG(t)
	for range 200 {
		first := uint32(rng.IntN(3))
		at := first
		all := make(map[string][]Posting) // numbered among all
		var runs []PlacedRun
		for range 1 + rng.IntN(9) {
			n := rng.IntN(40)
			run, byTerm := randomPassages(rng, n)
			for term, list := range byTerm {
				for _, p := range list {
					all[term] = append(all[term], Posting{p.Passage + at, p.Frequency})
				}
			}
			runs = append(runs, PlacedRun{run, at})
			at += uint32(n)
		}
		wantSegment(t, rng, runs, all, at)
		for len(runs) > 1 {
			i := rng.IntN(len(runs))
			j := i + 1 + rng.IntN(len(runs)-i)
			runs = slices.Concat(runs[:i], []PlacedRun{MergeRuns(runs[i:j])}, runs[j:])
		}
		for _, list := range all {
			for i := range list {
				list[i].Passage -= first
			}
		}
		if runs[0].First != first {
			t.Fatalf("begins at %d, not %d", runs[0].First, first)
		}
		wantRun(t, runs[0].Run, all)
	}
}

// wantSegment writes runs without some of their passages and compares.
func wantSegment(t *testing.T, rng *rand.Rand, runs []PlacedRun, all map[string][]Posting, passages uint32) {
	t.Helper()
	keys := randomKeys(rng, int(passages))
	numbers := make([]int, passages)
	want := content{terms: make(map[string]map[Key]uint32)}
	out := rng.IntN(3)
	for i, k := range keys {
		numbers[i] = -1
		if out == 0 || rng.IntN(out+1) == 0 {
			numbers[i] = len(want.keys)
			want.keys = append(want.keys, k)
		}
	}
	for term, list := range all {
		for _, p := range list {
			if numbers[p.Passage] < 0 {
				continue
			}
			if want.terms[term] == nil {
				want.terms[term] = make(map[Key]uint32)
			}
			want.terms[term][keys[p.Passage]] = p.Frequency
		}
	}
	var b bytes.Buffer
	err := WriteRuns(&b, runs, want.keys, func(p uint32) (uint32, bool) { return uint32(max(0, numbers[p])), numbers[p] >= 0 })
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, want)
}
