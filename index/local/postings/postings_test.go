package postings

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/RoaringBitmap/roaring/v2"
)

// content is what a segment holds: frequencies by term, then key.
type content struct {
	keys  []Key
	terms map[string]map[Key]uint32
}

func randomKeys(rng *rand.Rand, n int) []Key {
	keys := make([]Key, 0, n)
	var k Key
	for range n {
		if rng.IntN(3) > 0 {
			k.Ordinal++
		} else {
			k.Sequence, k.Ordinal = k.Sequence+1+rng.Uint64N(5), 0
		}
		k.Length = uint32(rng.IntN(300))
		if rng.IntN(50) == 0 {
			k.Length = 1 << 20
		}
		keys = append(keys, k)
	}
	return keys
}

func randomFrequency(rng *rand.Rand) uint32 {
	switch rng.IntN(40) {
	case 0:
		return 1 + uint32(rng.IntN(1<<20))
	case 1, 2:
		return 1 + uint32(rng.IntN(1<<9))
	default:
		return 1 + uint32(rng.IntN(3))
	}
}

func randomContent(rng *rand.Rand, keys []Key, terms int) content {
	c := content{keys, make(map[string]map[Key]uint32)}
	for range terms {
		word := make([]byte, rng.IntN(12))
		for i := range word {
			word[i] = byte('a' + rng.IntN(3)*rng.IntN(60))
		}
		share := 1 << rng.IntN(12)
		for _, k := range keys {
			if rng.IntN(share) > 0 {
				continue
			}
			if c.terms[string(word)] == nil {
				c.terms[string(word)] = make(map[Key]uint32)
			}
			c.terms[string(word)][k] = randomFrequency(rng)
		}
	}
	return c
}

func (c content) write(t testing.TB) *Segment {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, c.keys)
	if err != nil {
		t.Fatal(err)
	}
	for _, term := range slices.Sorted(maps.Keys(c.terms)) {
		var list []Posting
		for i, k := range c.keys {
			if n := c.terms[term][k]; n > 0 {
				list = append(list, Posting{uint32(i), n})
			}
		}
		if err := w.Add(term, list); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantContent compares a segment with what it must hold, term by term and block by
// block.
func wantContent(t *testing.T, s *Segment, want content) {
	t.Helper()
	if err := s.Check(); err != nil || s.Terms() != len(want.terms) || s.Passages() != len(want.keys) {
		t.Fatalf("%v, %d terms of %d passages, want %d of %d", err, s.Terms(), s.Passages(), len(want.terms), len(want.keys))
	}
	for i, k := range want.keys {
		if n, ok := s.Number(k); !ok || n != i || s.Key(i) != k {
			t.Fatalf("passage %d is %v, %v has %d, %v", i, s.Key(i), k, n, ok)
		}
		if n, ok := s.Number(Key{k.Sequence, k.Ordinal + 1<<20, 0}); ok {
			t.Fatalf("a key that is not there has number %d", n)
		}
	}
	for term, frequencies := range want.terms {
		l, err := s.List(term)
		if err != nil {
			t.Fatal(err)
		}
		all, err := l.Append(nil)
		if err != nil || len(all) != len(frequencies) || l.Len() != len(all) {
			t.Fatalf("%q: %d of %d passages, %v", term, len(all), len(frequencies), err)
		}
		for _, p := range all {
			if frequencies[want.keys[p.Passage]] != p.Frequency {
				t.Fatalf("%q: %v, want %d times", term, p, frequencies[want.keys[p.Passage]])
			}
		}
		wantBounds(t, s, l)
		for _, other := range []string{term + "\x00", term + "zz", term[:len(term)/2]} {
			l, err := s.List(other)
			if err != nil || l.Len() != len(want.terms[other]) {
				t.Fatalf("%q: %d passages, %v", other, l.Len(), err)
			}
		}
	}
}

// wantBounds checks that no passage scores above the bound of its block.
func wantBounds(t *testing.T, s *Segment, l List) {
	t.Helper()
	if l.Blocks() < 2 {
		return
	}
	for b := range l.Blocks() {
		block, err := l.Block(b, make([]Posting, BlockSize))
		if err != nil || l.Last(b) != block[len(block)-1].Passage {
			t.Fatal(err, l.Last(b))
		}
		for _, slope := range []float64{0.001, 0.01, 1} {
			score := func(tf float64, length uint32) float64 { return tf / (tf + 0.5 + slope*float64(length)) }
			bound := l.Bound(b).Max(score)
			reached := false
			for _, p := range block {
				got := score(float64(p.Frequency), s.Key(int(p.Passage)).Length)
				if got > bound {
					t.Fatalf("%v scores %g above the bound %g", p, got, bound)
				}
				reached = reached || got == bound
			}
			if simple := !slices.ContainsFunc(block, func(p Posting) bool { return p.Frequency > 2 }); simple && !reached {
				if !slices.ContainsFunc(block, func(p Posting) bool { return s.Key(int(p.Passage)).Length >= 1<<16-1 }) {
					t.Fatalf("no passage reaches the bound %g", bound)
				}
			}
		}
	}
}

func newRNG(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestSegment(t *testing.T) {
	rng := newRNG(t)
	for range 30 {
		want := randomContent(rng, randomKeys(rng, rng.IntN(2000)), rng.IntN(80))
		wantContent(t, want.write(t), want)
	}
}

// Merged, segments hold what they held before, but for what was dropped.
func TestMerge(t *testing.T) {
	rng := newRNG(t)
	for range 30 {
		all := randomContent(rng, randomKeys(rng, rng.IntN(1500)), 60)
		parts := make([]content, 1+rng.IntN(5))
		for i := range parts {
			parts[i].terms = make(map[string]map[Key]uint32)
		}
		part := make(map[Key]int)
		consecutive := rng.IntN(2) == 0
		for i, k := range all.keys {
			n := rng.IntN(len(parts))
			if consecutive {
				n = i * len(parts) / len(all.keys)
			}
			part[k] = n
			parts[n].keys = append(parts[n].keys, k)
		}
		for term, frequencies := range all.terms {
			for k, n := range frequencies {
				p := parts[part[k]]
				if p.terms[term] == nil {
					p.terms[term] = make(map[Key]uint32)
				}
				p.terms[term][k] = n
			}
		}
		var sources []Source
		gone := make(map[Key]bool)
		for _, p := range parts {
			s := Source{Segment: p.write(t)}
			if rng.IntN(3) > 0 {
				s.Drop = roaring.New()
				for i, k := range p.keys {
					if rng.IntN(4) == 0 {
						s.Drop.Add(uint32(i))
						gone[k] = true
					}
				}
			}
			sources = append(sources, s)
		}
		want := content{terms: make(map[string]map[Key]uint32)}
		for _, k := range all.keys {
			if !gone[k] {
				want.keys = append(want.keys, k)
			}
		}
		for term, frequencies := range all.terms {
			maps.DeleteFunc(frequencies, func(k Key, _ uint32) bool { return gone[k] })
			if len(frequencies) > 0 {
				want.terms[term] = frequencies
			}
		}
		var out bytes.Buffer
		numbers, err := Merge(&out, sources, func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		s, err := Open(out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, s, want)
		for i, p := range parts {
			for n, k := range p.keys {
				number := numbers[i][n]
				if gone[k] != (number == Dropped) || !gone[k] && s.Key(int(number)) != k {
					t.Fatalf("passage %d of part %d is now %d", n, i, number)
				}
			}
		}
	}
}

func TestMergeStops(t *testing.T) {
	s := content{[]Key{{1, 0, 3}}, map[string]map[Key]uint32{"a": {{1, 0, 3}: 1}}}.write(t)
	reason := errors.New("closed")
	if _, err := Merge(&bytes.Buffer{}, []Source{{Segment: s}}, func() error { return reason }); !errors.Is(err, reason) {
		t.Errorf("%v", err)
	}
	if _, err := Merge(&bytes.Buffer{}, []Source{{Segment: s}, {Segment: s}}, func() error { return nil }); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a segment merged with itself: %v", err)
	}
}

// What a writer is given wrongly is an error.
func TestWriterRefuses(t *testing.T) {
	if _, err := NewWriter(&bytes.Buffer{}, []Key{{2, 0, 1}, {1, 0, 1}}); err == nil {
		t.Error("keys may descend")
	}
	w, err := NewWriter(&bytes.Buffer{}, []Key{{1, 0, 1}, {2, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string][]Posting{
		"none": nil, "beyond": {{2, 1}}, "twice": {{0, 1}, {0, 1}}, "never": {{0, 0}},
	} {
		if err := w.Add("a", list); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if err := w.Add("b", []Posting{{0, 1}}); err != nil {
		t.Fatal(err)
	}
	for _, term := range []string{"a", "b"} {
		if err := w.Add(term, []Posting{{0, 1}}); err == nil {
			t.Errorf("%q is accepted behind b", term)
		}
	}
}

// Damage is an error or goes unseen, and never more than that.
func FuzzSegment(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, 5, 400} {
		f.Add(randomContent(rng, randomKeys(rng, n), 20).write(f).Bytes(), "a", uint32(40), byte(3))
	}
	f.Fuzz(func(t *testing.T, data []byte, term string, at uint32, flip byte) {
		data = bytes.Clone(data)
		if len(data) > 0 {
			data[int(at)%len(data)] ^= flip
		}
		s, err := Open(data)
		if err != nil {
			return
		}
		_ = s.Check()
		if l, err := s.List(term); err == nil {
			if _, err := l.Append(nil); err == nil && l.Len() > s.Passages() {
				t.Fatal("a list of more than all passages")
			}
			cursor := NewCursor(l)
			for at := uint32(0); cursor.Seek(at) == nil && len(cursor.Rest()) > 0; at = cursor.Rest()[0].Passage + 1 + at/7 {
				if cursor.Rest()[0].Passage < at {
					t.Fatal("a cursor went back")
				}
			}
		}
		var out bytes.Buffer
		_, _ = Merge(&out, []Source{{Segment: s}}, func() error { return nil })
	})
}

func BenchmarkList(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	keys := make([]Key, 1<<20)
	for i := range keys {
		keys[i] = Key{uint64(i), 0, uint32(50 + rng.IntN(100))}
	}
	for _, share := range []int{1, 4, 40, 400} {
		b.Run(fmt.Sprint("1 in ", share), func(b *testing.B) {
			c := content{keys, map[string]map[Key]uint32{"a": {}}}
			for _, k := range keys {
				if rng.IntN(share) == 0 {
					c.terms["a"][k] = 1 + uint32(rng.IntN(12)/10)
				}
			}
			l, err := c.write(b).List("a")
			if err != nil {
				b.Fatal(err)
			}
			room := make([]Posting, BlockSize)
			for b.Loop() {
				for i := range l.Blocks() {
					if _, err := l.Block(i, room); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*l.Len()), "ns/posting")
		})
	}
}
