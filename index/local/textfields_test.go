package local

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

// Turned around, a tail gives each passage that is not skipped the terms that it
// came with.
func TestTailFields(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		tail := newTextTail()
		want := make(map[string]map[string]int) // by key, then term
		skipped := roaring.New()
		for i := range rng.IntN(20) {
			key := textKey{sequence: uint64(i), length: uint32(rng.IntN(100))}
			counts := make(map[string]int)
			var of terms
			for range rng.IntN(30) {
				term := fmt.Sprint("term", rng.IntN(40))
				if counts[term] == 0 {
					counts[term] = 1 + rng.IntN(5)
					of.counts = append(of.counts, termCount{term, uint32(counts[term])})
				}
			}
			tail.add(textAddition{key, &of})
			if rng.IntN(4) == 0 {
				skipped.Add(uint32(i))
				continue
			}
			want[key.String()] = counts
		}
		if !skipped.IsEmpty() {
			tail.skipped = skipped
		}
		for d := range newTailFields(tail).all(tail) {
			got := make(map[string]int)
			d.VisitFields(func(f bleveindex.Field) {
				for term, frequency := range f.AnalyzedTokenFrequencies() {
					got[term] = frequency.Frequency()
				}
			})
			if !maps.Equal(got, want[d.ID()]) {
				t.Fatalf("%x: %v, want %v", d.ID(), got, want[d.ID()])
			}
			delete(want, d.ID())
		}
		if len(want) > 0 {
			t.Fatalf("without %d passages", len(want))
		}
	}
}
