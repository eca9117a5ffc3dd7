package postings

import (
	"slices"
	"testing"
)

// However far it goes at a time, a cursor comes to what a search of the whole list
// finds.
func TestCursor(t *testing.T) {
	rng := newRNG(t)
	for range 20 {
		c := randomContent(rng, randomKeys(rng, 1+rng.IntN(5000)), 8)
		s := c.write(t)
		for term := range c.terms {
			l, err := s.List(term)
			if err != nil {
				t.Fatal(err)
			}
			all, err := l.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			cursor, stride := NewCursor(l), 2+rng.IntN(800)
			for at := uint32(0); int(at) < s.Passages()+2; at += uint32(rng.IntN(stride)) {
				if err := cursor.Seek(at); err != nil {
					t.Fatal(err)
				}
				n := slices.IndexFunc(all, func(p Posting) bool { return p.Passage >= at })
				switch rest := cursor.Rest(); {
				case n < 0 && len(rest) > 0, n >= 0 && (len(rest) == 0 || rest[0] != all[n]):
					t.Fatalf("at %d: %v", at, rest)
				case n >= 0 && rng.IntN(2) == 0:
					cursor.Pass(1)
					at = all[n].Passage + 1
				}
			}
		}
	}
}
