package local

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"semdex/index"
)

// wantSameKeyword compares the keyword legs of two stores, scores included.
func wantSameKeyword(t *testing.T, query string, a, b *store) {
	t.Helper()
	legs := make([]index.Leg, 2)
	for i, s := range []*store{a, b} {
		var err error
		if legs[i], err = s.c.Keyword(t.Context(), index.Words{Text: query}, 1000, nil); err != nil {
			t.Fatal(err)
		}
	}
	same := slices.EqualFunc(legs[0].Candidates, legs[1].Candidates, func(x, y index.Candidate) bool {
		return x.Ref == y.Ref && x.Score == y.Score
	})
	if !same {
		t.Fatalf("%q: %v\nand %v", query, legs[0].Candidates, legs[1].Candidates)
	}
}

// Passages score the same in memory, in files, and in both: the leg that
// never writes any, the one that always does, and one that is opened again and
// again answer alike.
func TestTailScoresAsFilesDo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	memory := newStore(t, Options{TextPassages: 1 << 20})
	files := newStore(t, Options{TextPassages: 1})
	both := newStore(t, Options{TextPassages: 20})
	stores := []*store{memory, files, both}
	flushed := false
	for version := 1; version < 150; version++ {
		var records []index.Record
		for range 1 + rng.IntN(4) {
			records = append(records, testRecord(fmt.Sprint(rng.IntN(25)), version))
		}
		gone := []string{fmt.Sprint(rng.IntN(25))}
		for _, s := range stores {
			if err := s.c.Upsert(t.Context(), records); err != nil {
				t.Fatal(err)
			}
			if version%3 == 0 {
				if _, err := s.c.Delete(t.Context(), gone); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rng.IntN(30) == 0 {
			both.reopen()
		}
		flushed = flushed || both.c.text.recent().saved > 0
		if rng.IntN(4) > 0 {
			continue
		}
		for _, s := range stores {
			s.settle()
		}
		query := fmt.Sprintf("문서의 version%d title", version-rng.IntN(min(version, 9)))
		wantSameKeyword(t, query, memory, files)
		wantSameKeyword(t, query, memory, both)
	}
	if !flushed || len(memory.c.text.recent().tails) == 0 || memory.c.text.recent().saved > 0 {
		t.Error("not all of memory and files were searched")
	}
}

// While passages go from memory to files, and others come and go, each one that
// stays is found by every search, once.
func TestSearchesBesideFlushes(t *testing.T) {
	s := newStore(t, Options{TextPassages: 7, FileBytes: 16 << 10, CompactBytes: 8 << 10, GraphPassages: 30})
	ctx := context.Background()
	var want []index.Ref
	for i := range 12 {
		r := testRecord(fmt.Sprint("stays", i), 1)
		r.Text = "constant " + r.Text
		if err := s.c.Upsert(ctx, []index.Record{r}); err != nil {
			t.Fatal(err)
		}
		want = append(want, index.Ref{Document: r.ID})
	}
	slices.SortFunc(want, func(a, b index.Ref) int {
		if a.Less(b) {
			return -1
		}
		return 1
	})
	var writers, readers sync.WaitGroup
	stop := make(chan struct{})
	for w := range 3 {
		writers.Go(func() {
			for i := range 120 {
				id := fmt.Sprint(w, "-", i%9)
				err := s.c.Upsert(ctx, []index.Record{testRecord(id, i)})
				if err == nil && i%4 == 3 {
					_, err = s.c.Delete(ctx, []string{id})
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				leg, err := s.c.Keyword(ctx, index.Words{Text: "constant"}, 1000, nil)
				var got []index.Ref
				for _, c := range leg.Candidates {
					if c.Ref.Ordinal == 0 {
						got = append(got, c.Ref)
					}
				}
				slices.SortFunc(got, func(a, b index.Ref) int {
					if a.Less(b) {
						return -1
					}
					return 1
				})
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v, %v, want %v", got, err, want)
					return
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	s.settle()
	s.check()
}

// Writers wait for the leg's files: what is in memory stays below a bound.
func TestTailIsBounded(t *testing.T) {
	s := newStore(t, Options{TextPassages: 10})
	for i := range 60 {
		s.put(fmt.Sprint(i), i)
		held := 0
		for _, tail := range s.c.text.recent().tails {
			held += len(tail.keys)
		}
		if held > 2*(tailGrowth*10-1+3) { // two tails, each brimful by a document of three passages at most
			t.Fatalf("%d passages in memory", held)
		}
	}
	s.settle()
	s.check()
}

// Passages go while the tail that has them is on its way to files, which takes no lock.
func TestRemoveBesideAFlush(t *testing.T) {
	s := newStore(t, Options{TextPassages: 1 << 20})
	var ids []string
	for i := range 50 {
		ids = append(ids, fmt.Sprint(i))
		s.put(ids[i], 3*i)
	}
	gone := &request{ctx: t.Context(), ids: ids[:20], done: make(chan struct{})}
	err := s.c.do(&request{ctx: t.Context(), inspect: func() {
		s.c.text.tailPassages = 1
		s.c.startFlush()
		s.c.handle([]*request{gone})
	}})
	if err != nil || gone.err != nil || gone.n != 20 {
		t.Fatalf("%d documents deleted, %v, %v", gone.n, gone.err, err)
	}
	s.settle()
	s.check()
	if leg, err := s.c.Keyword(t.Context(), index.Words{Text: "문서의"}, 100, nil); err != nil || len(leg.Candidates) != 30 {
		t.Errorf("%d documents found, %v", len(leg.Candidates), err)
	}
}

// A leg that lacks some passages of each document gets just these back.
func TestCatchUpOfPartsOfDocuments(t *testing.T) {
	s := newStore(t, Options{TextPassages: 5})
	m := model{}
	for i := range 20 {
		id := fmt.Sprint(i)
		m[id] = 3*i + 2 // three passages
		s.put(id, m[id])
	}
	s.reopen() // with all of them in files
	view, _, err := s.c.snapshot(nil)
	if err != nil {
		t.Fatal(err)
	}
	var lost []textKey
	for it := view.live.Iterator(); it.HasNext(); {
		keys := view.docs[it.Next()].keys()
		lost = append(lost, keys[len(lost)%3])
	}
	s.asWriter(func() error { return s.c.text.removeSaved(lost, s.c.text.saved) })
	s.reopen()
	s.check()
	s.wantModel(m)
	if leg, err := s.c.Keyword(t.Context(), index.Words{Text: "문서의"}, 100, nil); err != nil || len(leg.Candidates) != 60 {
		t.Errorf("%d passages found, %v", len(leg.Candidates), err)
	}
}
