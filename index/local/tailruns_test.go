package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"semdex/index/local/postings"
)

// However large the writes are, a search looks into few runs, and what a view of
// before has stays as it was.
func TestTailRuns(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	type moment struct {
		view tailView
		want int
	}
	for range 20 {
		var tail textTail
		var moments []moment
		inverter := postings.NewInverter()
		most := 1 << (1 + rng.IntN(8))
		var dead int
		for range 1 + rng.IntN(200) {
			a := textAddition{}
			for range rng.IntN(most) {
				n := uint32(len(tail.keys) + len(a.keys))
				inverter.Add("all", 1)
				inverter.Add(fmt.Sprint("mod ", n%7), 1+n)
				inverter.Next()
				if rng.IntN(50) == 0 {
					a.gone = append(a.gone, uint32(len(a.keys)))
					dead++
				}
				a.keys = append(a.keys, textKey{uint64(n) + 1, 0, 2})
			}
			a.run = inverter.Run()
			tail.tailView = tail.with(a)
			if rng.IntN(10) == 0 && len(tail.keys) > 0 {
				before := tail.dead
				if !tail.remove(tail.keys[rng.IntN(len(tail.keys))]) {
					t.Fatal("a passage is missing")
				}
				if before == nil || before.GetCardinality() < tail.dead.GetCardinality() {
					dead++
				}
			}
			moments = append(moments, moment{tail.tailView, len(tail.keys) - dead})
			sizes := make(map[int]int)
			for _, r := range tail.runs {
				sizes[sizeClass(r)]++
			}
			if len(tail.runs) >= runsAlike*max(1, len(sizes)) {
				t.Fatalf("%d runs of sizes %v", len(tail.runs), sizes)
			}
		}
		for _, m := range moments {
			if n := len(m.view.list("all")); n != m.want {
				t.Fatalf("%d passages, want %d", n, m.want)
			}
		}
		for r := range uint32(7) {
			list := tail.list(fmt.Sprint("mod ", r))
			wrong := func(p postings.Posting) bool { return p.Passage%7 != r || p.Frequency != 1+p.Passage }
			ascending := slices.IsSortedFunc(list, func(a, b postings.Posting) int { return int(a.Passage) - int(b.Passage) })
			if !ascending || slices.ContainsFunc(list, wrong) {
				t.Fatalf("of rest %d: %v", r, list)
			}
		}
	}
}
