// Package workload makes what an index is measured with: documents of made-up
// English and Korean words with the frequencies of real ones, vectors in
// clusters, and questions about them. Everything follows from a seed.
package workload

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"semdex/index"
)

// The shape of a text. Word frequencies follow Zipf and Mandelbrot: the word of
// rank r has a share of 1 / (r + zipfShift)^zipfExponent.
const (
	vocabulary   = 100_000 // words of each language
	zipfExponent = 1.1
	zipfShift    = 2.7
	leastWords   = 60 // of a passage
	mostWords    = 120
	mostPassages = 7   // of a document
	clusterSize  = 100 // passages around one centre, as there are topics in a corpus
	spread       = 1   // of the noise around a centre, whose values have spread 1
)

// Corpus makes documents and questions. It is not changed by that, and safe for
// concurrent use.
type Corpus struct {
	seed     uint64
	dims     int
	clusters int
	english  []string
	korean   []string
}

// New returns a corpus of about so many passages with vectors of dims values.
func New(seed uint64, passages, dims int) *Corpus {
	rng := rand.New(rand.NewPCG(seed, 0))
	return &Corpus{
		seed: seed, dims: dims, clusters: max(1, passages/clusterSize),
		english: words(rng, englishWord), korean: words(rng, koreanWord),
	}
}

// Settings are those of a collection for the corpus.
func (c *Corpus) Settings() index.Settings {
	return index.Settings{Model: fmt.Sprintf("random clusters, seed %d", c.seed), Dims: c.dims}
}

// words makes a vocabulary of different words; frequent ones are short.
func words(rng *rand.Rand, word func(rng *rand.Rand, syllables int) string) []string {
	out := make([]string, 0, vocabulary)
	have := make(map[string]bool, vocabulary)
	for len(out) < vocabulary {
		syllables := 1 + int(math.Log10(float64(len(out)+10))*0.8)
		w := word(rng, max(1, syllables-rng.IntN(2)))
		for have[w] {
			w = word(rng, syllables)
			syllables++
		}
		have[w] = true
		out = append(out, w)
	}
	return out
}

const (
	onsets = "bcdfghjklmnprstvwz"
	vowels = "aeiou"
	codas  = "lmnrstk"
)

func englishWord(rng *rand.Rand, syllables int) string {
	var b strings.Builder
	for range syllables {
		b.WriteByte(onsets[rng.IntN(len(onsets))])
		b.WriteByte(vowels[rng.IntN(len(vowels))])
		if rng.IntN(3) == 0 {
			b.WriteByte(codas[rng.IntN(len(codas))])
		}
	}
	return b.String()
}

// koreanWord uses the syllables without a final consonant and with ㄴ, ㄹ or ㅇ,
// which are most of those in texts, a few of them far more often than the rest.
func koreanWord(rng *rand.Rand, syllables int) string {
	finals := []int{0, 4, 8, 21}
	const distinct = 19 * 21 * 4
	var b strings.Builder
	for range syllables {
		u := rng.Float64()
		s := int(u*u*u*distinct) * 101 % distinct // 101 has no factor in common
		b.WriteRune(rune(0xAC00 + s/4*28 + finals[s%4]))
	}
	return b.String()
}

var particles = []string{"", "", "", "의", "에", "에서", "을", "를", "은", "는", "이", "가", "로", "와", "도"}

// language is what a passage is written in.
type language struct {
	name      string
	words     []string
	particles []string
}

func (c *Corpus) language(rng *rand.Rand) language {
	if rng.IntN(2) == 0 {
		return language{"en", c.english, nil}
	}
	return language{"ko", c.korean, particles}
}

// zipf draws ranks.
func zipf(rng *rand.Rand) *rand.Zipf { return rand.NewZipf(rng, zipfExponent, zipfShift, vocabulary-1) }

func (l language) word(rng *rand.Rand, z *rand.Zipf) string {
	w := l.words[z.Uint64()]
	if l.particles != nil {
		w += l.particles[rng.IntN(len(l.particles))]
	}
	return w
}

// Record is document number n in one of its versions: one to seven passages of
// 60 to 120 words, four on average, with their vectors, a title, a keyword and a
// number.
func (c *Corpus) Record(n, version int) index.Record {
	rng := rand.New(rand.NewPCG(c.seed+uint64(version)<<32, uint64(n)+1))
	l, z := c.language(rng), zipf(rng)
	var text strings.Builder
	var passages []index.Passage
	runes := 0
	for range 1 + rng.IntN(mostPassages) {
		if text.Len() > 0 {
			text.WriteString("\n\n")
			runes += 2
		}
		p := index.Passage{Start: runes}
		count := leastWords + rng.IntN(mostWords-leastWords+1)
		for i := range count {
			w := l.word(rng, z)
			text.WriteString(w)
			runes += utf8.RuneCountInString(w)
			switch {
			case i == count-1, i%15 == 14:
				text.WriteString(". ")
				runes += 2
			default:
				text.WriteByte(' ')
				runes++
			}
		}
		p.End = runes
		p.Vector = c.vector(rng)
		passages = append(passages, p)
	}
	r := index.Record{
		Document: index.Document{
			ID:       ID(n),
			Title:    l.word(rng, z) + " " + l.word(rng, z),
			Text:     text.String(),
			Metadata: map[string]any{"language": l.name, "year": float64(1990 + rng.IntN(35))},
		},
		Passages: passages,
	}
	binary.LittleEndian.PutUint64(r.Content[:], uint64(n)+1)
	binary.LittleEndian.PutUint64(r.Content[8:], uint64(version)+1)
	return r
}

// ID is the id of document number n.
func ID(n int) string { return fmt.Sprintf("doc-%d", n) }

// vector is of unit length, near a centre.
func (c *Corpus) vector(rng *rand.Rand) []float32 {
	centre := rand.New(rand.NewPCG(c.seed, 1<<40+uint64(rng.IntN(c.clusters))))
	x := make([]float32, c.dims)
	var sum float64
	for i := range x {
		v := centre.NormFloat64() + spread*rng.NormFloat64()
		x[i] = float32(v)
		sum += v * v
	}
	scale := float32(1 / math.Sqrt(sum))
	for i := range x {
		x[i] *= scale
	}
	return x
}

// Query is question number n: words that occur together in a passage of one of
// the first documents, and a vector of its own near a centre.
func (c *Corpus) Query(n, documents int) index.Query {
	rng := rand.New(rand.NewPCG(c.seed, 1<<50+uint64(n)))
	r := c.Record(rng.IntN(max(1, documents)), 0)
	p := r.Passages[rng.IntN(len(r.Passages))]
	words := strings.Fields(string([]rune(r.Text)[p.Start:p.End]))
	asked := make([]string, 3+rng.IntN(5))
	for i := range asked {
		asked[i] = strings.TrimSuffix(words[rng.IntN(len(words))], ".")
	}
	return index.Query{Text: strings.Join(asked, " "), Vector: c.vector(rng)}
}
