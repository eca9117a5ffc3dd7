package local

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index/local/postings"
)

// What is known of the dead stays right while more die, also for those who look at an
// earlier state, and it stays small.
func TestDeadCounts(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	keys := make([]postings.Key, 3000)
	for i := range keys {
		keys[i].Sequence = uint64(i)
	}
	var list []postings.Posting
	for i := range uint32(len(keys)) {
		if rng.IntN(3) > 0 {
			list = append(list, postings.Posting{Passage: i, Frequency: 1})
		}
	}
	var out bytes.Buffer
	w, err := postings.NewWriter(&out, keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"a", "b"} {
		if err := w.Add(term, list); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	segment, err := postings.Open(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		*deadCounts
		dead *roaring.Bitmap
	}
	states := []state{{newDeadCounts(), nil}}
	for range 60 {
		last := states[len(states)-1]
		dead := roaring.New()
		if last.dead != nil {
			dead.Or(last.dead)
		}
		for range []int{1, 30, 400}[rng.IntN(3)] {
			dead.Add(uint32(rng.IntN(len(keys))))
		}
		states = append(states, state{last.after(last.dead, dead), dead})
		if older := states[rng.IntN(len(states))]; last.after(dead, older.dead) != nil && older.dead.GetCardinality() < dead.GetCardinality() {
			t.Fatal("an earlier state is taken for a later one")
		}
		for range 3 {
			s, term := states[rng.IntN(len(states))], []string{"a", "b"}[rng.IntN(2)]
			l, err := segment.List(term)
			if err != nil {
				t.Fatal(err)
			}
			n, err := s.live(term, l, newBitset(s.dead, len(keys)))
			if err != nil {
				t.Fatal(err)
			}
			want := 0
			for _, p := range list {
				if s.dead == nil || !s.dead.Contains(p.Passage) {
					want++
				}
			}
			if n != want {
				t.Fatalf("%d passages with %s, want %d", n, term, want)
			}
			if known := s.known.get(term); s.dead != nil && known.of < len(s.died) {
				t.Fatalf("it is known of %d that died, not of %d", known.of, len(s.died))
			}
		}
	}
	known := states[0].known
	for i := range 2 * countMost {
		known.put(string(rune('가'+i)), deadCount{1, 1})
	}
	if len(known.byTerm) > countMost {
		t.Errorf("%d terms are kept", len(known.byTerm))
	}
}
