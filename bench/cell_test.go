package main

import (
	"slices"
	"testing"

	"semdex/embed/workload"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		patterns, id string
		want         bool
	}{
		{"", "A/f32/1t/1x16", true},
		{"A", "A/f32/1t/1x16", true},
		{"B", "A/f32/1t/1x16", false},
		{"A/int8, */f32/2t", "B/f32/2t/passages", true},
		{"A/int8, */f32/2t", "B/f32/1t/passages", false},
		{"*/*/1t/32x*", "A/f32/1t/32x256", true},
		{"*/*/1t/32x*", "A/f32/1t/1x256", false},
		{"A/f32/1t/1x16", "A", true}, // a model some of whose cells are chosen
		{"A/f32/1t/1x16", "A/f32/1t/1x1", false},
	} {
		p, err := parsePatterns(c.patterns)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(c.id); got != c.want {
			t.Errorf("%q matches %q: %v", c.patterns, c.id, got)
		}
	}
}

// TestPolicies: every policy of every workload takes each sentence once, and
// the mixes get the policies that are known to be good for them.
func TestPolicies(t *testing.T) {
	names := map[string][]string{
		"1x16":      {whole},
		"32x256":    {whole},
		"sentences": {sortedBy32, arrivalBy32},
		"passages":  {one, sortedBy4, sortedBy8},
	}
	for _, w := range workload.All() {
		sentences := w.Sentences(1000)
		var got []string
		for _, p := range policiesOf(w) {
			got = append(got, p.name)
			batches, order := p.batches(w, sentences)
			at := 0
			for _, b := range batches {
				if len(b) > p.size {
					t.Errorf("%s, %s: a batch of %d", w.Name, p.name, len(b))
				}
				for _, ids := range b {
					if !slices.Equal(ids, sentences[order[at]]) {
						t.Fatalf("%s, %s: sentence %d is not number %d", w.Name, p.name, at, order[at])
					}
					at++
				}
			}
			if slices.Sort(order); len(order) != len(sentences) || len(slices.Compact(order)) != len(sentences) {
				t.Errorf("%s, %s: not every sentence once", w.Name, p.name)
			}
		}
		if want, ok := names[w.Name]; ok && !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", w.Name, got, want)
		}
	}
}
