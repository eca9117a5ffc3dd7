package local

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"

	"semdex/index"
)

// Lists of frequent terms that are kept score as those that are read, also while
// passages die, and are in use for it.
func TestKeptListsScoreAsSegmentsDo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	memory := newStore(t, Options{TextPassages: 1 << 20})
	files := newStore(t, Options{TextPassages: 1})
	const documents = 2 * keptLeast
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
			wantSameKeyword(t, query, memory, files) // from the lists
		}
	}
	if files.c.text.kept.size == 0 || memory.c.text.kept.size > 0 {
		t.Error("lists were not kept, or where there are no segments")
	}
	files.reopen()
	wantSameKeyword(t, "문서의 title", memory, files)
}

// What was not asked for the longest goes when there is too much, and what is of
// segments that are gone.
func TestKeptLists(t *testing.T) {
	k := newKeptLists(10)
	key := func(segment uint64, term string) keptKey { return keptKey{segment, term} }
	k.put(key(1, "a"), make([]tailPosting, 4))
	k.put(key(1, "b"), make([]tailPosting, 4))
	k.put(key(1, "a"), make([]tailPosting, 9)) // it is there
	if _, ok := k.get(key(1, "a")); !ok {
		t.Fatal("a is gone")
	}
	k.put(key(2, "c"), make([]tailPosting, 4))
	k.put(key(2, "d"), make([]tailPosting, 11)) // more than there may be
	var have []string
	for _, key := range []keptKey{key(1, "a"), key(1, "b"), key(2, "c"), key(2, "d"), key(2, "a")} {
		if l, ok := k.get(key); ok {
			have = append(have, fmt.Sprint(key.segment, key.term, len(l)))
		}
	}
	if want := []string{"1a4", "2c4"}; !slices.Equal(have, want) || k.size != 8 {
		t.Errorf("%v, %d passages, want %v", have, k.size, want)
	}
	k.retain(map[uint64]segmentKeys{2: {}})
	if _, ok := k.get(key(1, "a")); ok || k.size != 4 || k.order.Len() != 1 {
		t.Errorf("%d passages in %d lists after a segment is gone", k.size, k.order.Len())
	}
}

func TestBitset(t *testing.T) {
	if s := newBitset(nil, 100); s != nil || s.has(5) {
		t.Error("an empty set has something")
	}
	of := roaring.BitmapOf(0, 63, 64, 99, 100) // the last is beyond
	s := newBitset(of, 100)
	var list []tailPosting
	for n := range uint32(100) {
		if s.has(n) != of.Contains(n) {
			t.Errorf("%d: %v", n, s.has(n))
		}
		list = append(list, tailPosting{passage: n})
	}
	if n := s.countLive(list); n != 96 {
		t.Errorf("%d live, want 96", n)
	}
}
