package adapt

import (
	"cmp"
	"context"
	"slices"
)

// Passages are nearly the same if they share at least this much of their shingles
// (Broder 1997): runs of three words. Shingles that stand in more than maxShared
// passages are phrases that everybody uses, and do not count.
const (
	shingleWords = 3
	minShingles  = 8
	maxShared    = 20
	minSame      = 0.4
)

// shingles are the different runs of three words, as hashes.
func shingles(text string) []uint64 {
	list := words(text)
	if len(list) < shingleWords {
		return nil
	}
	out := make([]uint64, 0, len(list))
	for i := range len(list) - shingleWords + 1 {
		h := uint64(14695981039346656037)
		for _, word := range list[i : i+shingleWords] {
			for j := range len(word) {
				h = (h ^ uint64(word[j])) * 1099511628211
			}
			h = (h ^ 0xff) * 1099511628211
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// findTwins finds the passages of different documents that are nearly the same,
// and joins these documents in groups.
func (s *Set) findTwins(ctx context.Context) error {
	type place struct {
		hash    uint64
		passage int32
	}
	var places []place
	sizes := make([]int, len(s.passages))
	for i, p := range s.passages {
		if err := ctx.Err(); err != nil {
			return err
		}
		list := shingles(p.text(-1))
		sizes[i] = len(list)
		for _, h := range list {
			places = append(places, place{h, int32(i)})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.passage, b.passage))
	})
	shared := map[[2]int32]int{}
	for from := 0; from < len(places); {
		to := from + 1
		for to < len(places) && places[to].hash == places[from].hash {
			to++
		}
		if to-from > maxShared {
			for i := from; i < to; i++ {
				sizes[places[i].passage]--
			}
		} else {
			for i := from; i < to; i++ {
				for j := i + 1; j < to; j++ {
					if s.passages[places[i].passage].doc != s.passages[places[j].passage].doc {
						shared[[2]int32{places[i].passage, places[j].passage}]++
					}
				}
			}
		}
		from = to
	}
	for pair, n := range shared {
		if min(sizes[pair[0]], sizes[pair[1]]) >= minShingles && float64(n) >= minSame*float64(sizes[pair[0]]+sizes[pair[1]]-n) {
			s.twins = append(s.twins, pair)
		}
	}
	slices.SortFunc(s.twins, func(a, b [2]int32) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	s.counts.Duplicates = len(s.twins)
	s.join()
	return nil
}

// join gives documents with twins the smallest of their groups.
func (s *Set) join() {
	root := make([]int32, len(s.docs)+1)
	for i := range root {
		root[i] = int32(i)
	}
	find := func(g int32) int32 {
		for root[g] != g {
			root[g] = root[root[g]]
			g = root[g]
		}
		return g
	}
	for _, pair := range s.twins {
		a, b := find(s.passages[pair[0]].doc+1), find(s.passages[pair[1]].doc+1)
		root[max(a, b)] = min(a, b)
	}
	for i := range s.docs {
		s.docs[i].group = find(int32(i + 1))
	}
}
