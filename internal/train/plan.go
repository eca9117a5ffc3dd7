package train

import (
	"math/rand/v2"
	"slices"
)

// Plan cuts a data set into batches of about the same number of tokens.
type Plan struct {
	Tokens   int // per batch; an example longer than that is a batch of its own
	Examples int // at most per batch; 0: no limit
	// Window is the number of batches whose examples are sorted by length
	// together before they are cut, 0 means 64. Ragged batches waste nothing on
	// mixed lengths, but even ones keep the cost of a step even, and contrastive
	// losses compare sentences of like length.
	Window int
}

// Epoch gives the batches of an epoch over n examples, cost(i) tokens each. It
// is a function of its arguments: a run resumes by batch number alone.
func (p Plan) Epoch(seed uint64, epoch, n int, cost func(i int) int) [][]int32 {
	if n == 0 {
		return nil
	}
	rng := rand.New(rand.NewPCG(seed, Seed(seed, uint64(epoch), 0x706c616e)))
	order := make([]int32, n)
	var total int
	for i := range order {
		order[i] = int32(i)
		total += cost(i)
	}
	rng.Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	var batches [][]int32
	for lo, size := 0, p.window(n, total); lo < n; lo += size {
		window := order[lo:min(n, lo+size)]
		slices.SortStableFunc(window, func(a, b int32) int { return cost(int(a)) - cost(int(b)) })
		batches = p.cut(batches, window, cost)
	}
	rng.Shuffle(len(batches), func(i, j int) { batches[i], batches[j] = batches[j], batches[i] })
	return batches
}

// window is the number of examples sorted together.
func (p Plan) window(n, total int) int {
	batches := p.Window
	if batches == 0 {
		batches = 64
	}
	perBatch := max(1, p.Tokens*n/max(1, total))
	if p.Examples > 0 {
		perBatch = min(perBatch, p.Examples)
	}
	return perBatch * batches
}

// cut appends the batches of one window.
func (p Plan) cut(batches [][]int32, window []int32, cost func(i int) int) [][]int32 {
	from, tokens := 0, 0
	for i, example := range window {
		c := cost(int(example))
		full := tokens+c > p.Tokens || p.Examples > 0 && i-from == p.Examples
		if full && i > from {
			batches = append(batches, window[from:i:i])
			from, tokens = i, 0
		}
		tokens += c
	}
	return append(batches, window[from:])
}
