package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"semdex/index"
)

// What is passed over would not have come in: a leg in files, where most passages
// are, answers as one in memory, where all are looked at, ties included.
func TestPromisingPassagesAreAllThatMatter(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	memory := newStore(t, Options{TextPassages: 1 << 20})
	files := newStore(t, Options{TextPassages: 1})
	stores := []*store{memory, files}
	zipf := rand.NewZipf(rng, 1.1, 1, 400)
	words := func(n int) string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("w%dx", zipf.Uint64())
		}
		return strings.Join(out, " ")
	}
	filters := []index.Filter{nil, index.Compare{Field: "version", Op: index.Lt, Value: 3.}}
	for round := range 3 {
		var records []index.Record
		for i := range window + rng.IntN(window) {
			r := testRecord(fmt.Sprint(round%2, "-", i), rng.IntN(9))
			r.Text = words(1 + rng.IntN(12))
			if rng.IntN(4) == 0 {
				r.Text += strings.Repeat(" "+words(1), rng.IntN(20))
			}
			r.Title = ""
			r.Passages = r.Passages[:1]
			r.Passages[0].Start, r.Passages[0].End = 0, len(r.Text)
			records = append(records, r)
		}
		for _, s := range stores {
			for part := range slices.Chunk(records, 2000) {
				if err := s.c.Upsert(t.Context(), part); err != nil {
					t.Fatal(err)
				}
			}
			s.settle()
		}
		for range 30 {
			query, k := words(1+rng.IntN(8)), []int{0, 1, 10, 100}[rng.IntN(4)]
			f := filters[rng.IntN(len(filters))]
			var answers []string
			for _, s := range stores {
				leg, err := s.c.Keyword(t.Context(), index.Words{Text: query}, k, f)
				if err != nil {
					t.Fatal(err)
				}
				answers = append(answers, fmt.Sprint(leg.Candidates, leg.More, leg.Full))
			}
			if answers[0] != answers[1] {
				t.Fatalf("%q, the best %d: %s\nand %s", query, k, answers[0], answers[1])
			}
		}
	}
	all, _ := memory.c.Keyword(t.Context(), index.Words{Text: "w0x w1x w300x"}, 10, nil)
	few, _ := files.c.Keyword(t.Context(), index.Words{Text: "w0x w1x w300x"}, 10, nil)
	if few.Examined == 0 || few.Examined > all.Examined/2 {
		t.Errorf("%d passages examined, %d in memory", few.Examined, all.Examined)
	}
}
