// Package workload holds what the encoder's speed is measured with: the shapes
// of well-known models with random weights, batches of token ids whose lengths
// are those of real sentences and passages, and the count of useful operations.
// The benchmark verb of semdex and the comparison with other programs measure
// the same things because they take them from here.
package workload

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"semdex/embed/model"
)

// Workload is a list of sentences of given lengths.
type Workload struct {
	Name string
	// About says in a few words what it is.
	About string
	// Lengths are the tokens of each sentence, special ones included.
	Lengths []int
	// Mix says that the lengths differ, so that a program that pads has to
	// choose its batches.
	Mix bool
}

// firstWord is the first id that is no special token in the vocabularies of
// BERT; the ids of sentences are drawn from there on.
const firstWord = 999

// All lists the workloads: batches of one length, and two mixes.
//
// The lengths of the mixes are quantiles of log-normal distributions fitted to
// the token counts of bert-base-uncased, in a fixed random order. Sentences are
// half SNLI premises (median 14.5 word pieces, spread .425) and half hypotheses
// (8, .375), each with two special tokens. Passages have the spread of SQuAD's
// paragraphs (.42) and a mean of 148.
func All() []Workload {
	var all []Workload
	for _, batch := range []int{1, 32} {
		for _, tokens := range []int{16, 32, 128, 256} {
			all = append(all, uniform(batch, tokens))
		}
	}
	sentences := append(logNormal(64, 14.5, 0.425, 4, 62), logNormal(64, 8, 0.375, 4, 62)...)
	passages := logNormal(24, 133.7, 0.42, 16, 384)
	return append(all,
		Workload{"sentences", "128 sentences, lengths as in SNLI", shuffled(sentences), true},
		Workload{"passages", "24 passages, 148 tokens on average", shuffled(passages), true},
	)
}

func uniform(batch, tokens int) Workload {
	return Workload{
		Name:    fmt.Sprintf("%dx%d", batch, tokens),
		About:   fmt.Sprintf("batch %d, %d tokens", batch, tokens),
		Lengths: slices.Repeat([]int{tokens}, batch),
	}
}

// logNormal is n lengths: the middle quantiles of n equal parts of a log-normal
// distribution, plus two special tokens.
func logNormal(n int, median, spread float64, least, most int) []int {
	lengths := make([]int, n)
	for i := range lengths {
		p := (float64(i) + 0.5) / float64(n)
		z := math.Sqrt2 * math.Erfinv(2*p-1)
		lengths[i] = min(most, max(least, 2+int(math.Round(median*math.Exp(spread*z)))))
	}
	return lengths
}

func shuffled(lengths []int) []int {
	r := rand.New(rand.NewPCG(uint64(len(lengths)), 1))
	r.Shuffle(len(lengths), func(i, j int) { lengths[i], lengths[j] = lengths[j], lengths[i] })
	return lengths
}

// Find gives the workload of that name.
func Find(name string) (Workload, error) {
	var names []string
	for _, w := range All() {
		if w.Name == name {
			return w, nil
		}
		names = append(names, w.Name)
	}
	return Workload{}, fmt.Errorf("unknown workload %q: want one of %s", name, strings.Join(names, ", "))
}

// Tokens is the number of tokens of all sentences.
func (w Workload) Tokens() int {
	n := 0
	for _, l := range w.Lengths {
		n += l
	}
	return n
}

// Sentences draws token ids of the lengths from a vocabulary of that many
// entries, always the same.
func (w Workload) Sentences(vocab int) [][]int32 {
	r := rand.New(rand.NewPCG(uint64(vocab), uint64(len(w.Lengths))))
	first := min(firstWord, vocab/2)
	all := make([][]int32, len(w.Lengths))
	for i, n := range w.Lengths {
		all[i] = make([]int32, n)
		for j := range all[i] {
			all[i][j] = int32(first + r.IntN(vocab-first))
		}
	}
	return all
}

// Order is how a program that pads puts sentences into batches.
type Order int

// The orders.
const (
	Arrival Order = iota // as they come
	Sorted               // by length, so that little is padded
)

// Batches cuts the sentences into batches of up to size, as lists of indices.
func (w Workload) Batches(o Order, size int) [][]int {
	order := make([]int, len(w.Lengths))
	for i := range order {
		order[i] = i
	}
	if o == Sorted {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(w.Lengths[a], w.Lengths[b]) })
	}
	return slices.Collect(slices.Chunk(order, size))
}

// Operations is the number of useful floating-point operations, a multiply-add
// counting two, that a transformer spends on matrix products for sentences of
// the given lengths: projections and attention, without padding.
//
// Per token and layer: 4 H² for queries, keys, values and output, 2 H F for the
// feed-forward block, and 2 n H for scores and their weighted sum, all times 2.
// A static model has none.
func Operations(c model.Config, lengths []int) float64 {
	h, f := float64(c.Hidden), float64(c.Intermediate)
	total := 0.0
	for _, n := range lengths {
		total += float64(n) * (4*h*h + 2*h*f + 2*float64(n)*h)
	}
	return 2 * total * float64(c.Layers)
}
