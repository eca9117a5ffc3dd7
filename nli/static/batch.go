package static

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"

	"semdex/nli/pairs"
)

// A Tokenizer gives the subword ids of a text, without special tokens.
type Tokenizer interface {
	AppendIDs(dst []int32, text string) []int32
}

// tokenise gives the ids of every text.
func tokenise(ctx context.Context, tok Tokenizer, texts []string, vocab, workers int) ([][]int32, error) {
	out := make([][]int32, len(texts))
	bad := make([]error, len(texts)/grain+1)
	parallel(workers, len(texts), func(lo, hi int) {
		var arena []int32
		for i := lo; i < hi && ctx.Err() == nil; i++ {
			from := len(arena)
			arena = tok.AppendIDs(arena, texts[i])
			out[i] = arena[from:len(arena):len(arena)]
			for _, id := range out[i] {
				if id < 0 || int(id) >= vocab {
					bad[lo/grain] = fmt.Errorf("token %d of %q is outside the vocabulary of %d", id, texts[i], vocab)
					return
				}
			}
		}
	})
	for _, err := range bad {
		if err != nil {
			return nil, err
		}
	}
	return out, ctx.Err()
}

// bags are texts as token ids, one after the other: text i is
// ids[ends[i-1]:ends[i]].
type bags struct {
	ids  []int32
	ends []int32
}

func (b *bags) reset() { b.ids, b.ends = b.ids[:0], b.ends[:0] }

func (b *bags) len() int { return len(b.ends) }

func (b *bags) at(i int) []int32 {
	from := int32(0)
	if i > 0 {
		from = b.ends[i-1]
	}
	return b.ids[from:b.ends[i]]
}

// close ends the text that was appended to ids since the last call, cut to at
// most most tokens.
func (b *bags) close(most int) []int32 {
	from := 0
	if n := len(b.ends); n > 0 {
		from = int(b.ends[n-1])
	}
	b.ids = b.ids[:min(len(b.ids), from+most)]
	b.ends = append(b.ends, int32(len(b.ids)))
	return b.ids[from:]
}

// drop takes the last text off.
func (b *bags) drop() {
	last := len(b.ends) - 1
	b.ids = b.ids[:len(b.ids)-len(b.at(last))]
	b.ends = b.ends[:last]
}

// batch is pairs of one source: texts 2i and 2i+1 belong together. Behind the
// pairs come texts that are nobody's partner.
type batch struct {
	source    string
	sharpness float64 // of the source
	texts     bags
	masked    [][]int32 // per pair, the other candidates that are no negatives of it
	keys      [][3]uint64
	nots      bags
	notKeys   [][2]uint64
}

func (b *batch) pairs() int { return len(b.keys) }

// candidates are the partners and the texts behind the pairs.
func (b *batch) candidates() int { return len(b.keys) + len(b.notKeys) }

// sampler draws batches: a source by weight, then its examples in a random
// order, each once before any comes again.
type sampler struct {
	sources []*stream
	total   float64
	tokens  [][]int32 // of every text
	most    int       // tokens of a text
	hard    bool      // take Example.Not as well
	rng     *rand.Rand
}

type stream struct {
	*pairs.Source
	order []int
	next  int
}

func newSampler(data *pairs.Data, tokens [][]int32, most int, seed uint64) *sampler {
	s := &sampler{tokens: tokens, most: most, rng: rand.New(rand.NewPCG(seed, 0x5eed))}
	for _, src := range data.Sources {
		s.sources = append(s.sources, &stream{Source: src})
		s.total += src.Weight
	}
	return s
}

// fill draws the next batch of at most n pairs. Pairs with a side that has no
// tokens are passed over.
func (s *sampler) fill(b *batch, n int) {
	src := s.pick()
	n = min(n, src.Len())
	b.source, b.sharpness = src.Name, cmp.Or(src.Sharpness, 1)
	b.texts.reset()
	b.nots.reset()
	b.keys, b.notKeys = b.keys[:0], b.notKeys[:0]
	for tries := 0; b.pairs() < n && tries < 2*n; tries++ {
		e := src.Draw(src.index(s.rng), s.rng)
		x, y := s.text(&b.texts, e.A), s.text(&b.texts, e.B)
		if last := b.texts.len(); len(b.texts.at(last-1)) == 0 || len(b.texts.at(last-2)) == 0 {
			b.texts.drop()
			b.texts.drop()
			continue
		}
		b.keys = append(b.keys, [3]uint64{x, y, uint64(e.Group)})
		if s.hard && e.Not.Len() > 0 {
			if z := s.text(&b.nots, e.Not); len(b.nots.at(b.nots.len()-1)) > 0 {
				b.notKeys = append(b.notKeys, [2]uint64{z, uint64(e.NotGroup)})
			} else {
				b.nots.drop()
			}
		}
	}
	for i := range b.nots.len() {
		b.texts.ids = append(b.texts.ids, b.nots.at(i)...)
		b.texts.close(s.most)
	}
	b.mask()
}

// pick chooses a source with a probability in proportion to its weight.
func (s *sampler) pick() *stream {
	x := s.rng.Float64() * s.total
	for _, src := range s.sources {
		if x -= src.Weight; x < 0 {
			return src
		}
	}
	return s.sources[len(s.sources)-1]
}

func (s *stream) index(rng *rand.Rand) int {
	if s.next == 0 {
		if s.order == nil {
			s.order = make([]int, s.Len())
			for i := range s.order {
				s.order[i] = i
			}
		}
		rng.Shuffle(len(s.order), func(i, j int) { s.order[i], s.order[j] = s.order[j], s.order[i] })
	}
	i := s.order[s.next]
	s.next = (s.next + 1) % len(s.order)
	return i
}

// text appends the tokens of a run and gives their hash.
func (s *sampler) text(b *bags, r pairs.Run) uint64 {
	for i := r.First; i < r.End; i++ {
		if i != r.Skip {
			b.ids = append(b.ids, s.tokens[i]...)
		}
	}
	return hash(b.close(s.most))
}

// mask finds the candidates that share a text, on either side, or a group with a
// pair.
func (b *batch) mask() {
	byKey := make(map[uint64][]int32, 2*len(b.keys))
	put := func(k uint64, i int) {
		if l := byKey[k]; len(l) == 0 || l[len(l)-1] != int32(i) {
			byKey[k] = append(l, int32(i))
		}
	}
	for i, k := range b.keys {
		put(k[0], i)
		put(k[1], i)
		if k[2] != 0 {
			put(groupKey(k[2]), i)
		}
	}
	for j, k := range b.notKeys {
		put(k[0], len(b.keys)+j)
		if k[1] != 0 {
			put(groupKey(k[1]), len(b.keys)+j)
		}
	}
	b.masked = b.masked[:0]
	for i, k := range b.keys {
		var out []int32
		for _, key := range [3]uint64{k[0], k[1], groupKey(k[2])} {
			for _, j := range byKey[key] {
				if int(j) != i {
					out = append(out, j)
				}
			}
		}
		b.masked = append(b.masked, out)
	}
}

// groupKey keeps the numbers of groups away from the hashes of texts.
func groupKey(g uint64) uint64 { return g*0x9e3779b97f4a7c15 ^ 0xa5a5a5a5a5a5a5a5 }

func hash(ids []int32) uint64 {
	h := fnv.New64a()
	var buf [4]byte
	for _, id := range ids {
		buf[0], buf[1], buf[2], buf[3] = byte(id), byte(id>>8), byte(id>>16), byte(id>>24)
		h.Write(buf[:])
	}
	return h.Sum64()
}
