package local

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
	"semdex/index/local/postings"
)

// Lists of several blocks score in segments as in memory, also while passages die
// and segments are merged.
func TestSegmentsScoreAsTailsDo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	memory := newStore(t, Options{TextPassages: 1 << 20})
	files := newStore(t, Options{TextPassages: 1})
	const documents = 8 * postings.BlockSize
	for version := 1; version < 5; version++ {
		for _, s := range []*store{memory, files} {
			rng := rand.New(rand.NewPCG(seed, uint64(version)))
			for range 4 {
				var records []index.Record
				first := rng.IntN(documents / 2)
				for i := first; i < first+documents/2; i++ {
					records = append(records, testRecord(fmt.Sprint(i), version))
				}
				if err := s.c.Upsert(t.Context(), records); err != nil {
					t.Fatal(err)
				}
			}
			s.settle()
		}
		for range 3 {
			id := fmt.Sprint(rng.IntN(documents))
			for _, s := range []*store{memory, files} {
				if _, err := s.c.Delete(t.Context(), []string{id}); err != nil {
					t.Fatal(err)
				}
			}
			query := fmt.Sprintf("문서의 version%d title", version)
			wantSameKeyword(t, query, memory, files)
		}
	}
	files.reopen()
	wantSameKeyword(t, "문서의 title", memory, files)
}

func TestBitset(t *testing.T) {
	if s := newBitset(nil, 100); s != nil || s.has(5) {
		t.Error("an empty set has something")
	}
	of := roaring.BitmapOf(0, 63, 64, 99, 100) // the last is beyond
	s := newBitset(of, 100)
	for n := range uint32(100) {
		if s.has(n) != of.Contains(n) {
			t.Errorf("%d: %v", n, s.has(n))
		}
	}
}
