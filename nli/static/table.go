package static

import (
	"math"
	"math/rand/v2"

	"semdex/internal/kernel"
)

// table is the model under training: a vector per vocabulary entry, and Adam's
// moments of each.
type table struct {
	vocab, dims int
	rows        []float32 // vocab x dims
	m, v        []float32 // first and second moments
	steps       int
	start       []float32 // the rows as they were before the first step; nil if they were random
	pull        float64   // times the rate: the share of the way back to start that every step goes
	level       kernel.Level
	workers     int

	touched []int32   // rows of the batch, in the order they occur first
	count   []int32   // per row, its occurrences; all zero between steps
	starts  []int32   // per touched row, where its entries begin
	entries []int32   // the texts in which a row occurs
	weights []float32 // per text, 1/tokens
}

// initialStd is the standard deviation of the first values. Adam's first steps
// are of the size of the learning rate, so they outweigh it soon.
const initialStd = 0.1

func newTable(level kernel.Level, vocab, dims, workers int, seed uint64) *table {
	t := &table{
		vocab: vocab, dims: dims, level: level, workers: workers,
		rows: make([]float32, vocab*dims), m: make([]float32, vocab*dims), v: make([]float32, vocab*dims),
		count: make([]int32, vocab),
	}
	rng := rand.New(rand.NewPCG(seed, 0x7ab1e))
	for i := range t.rows {
		t.rows[i] = float32(rng.NormFloat64() * initialStd)
	}
	return t
}

// means writes the mean of the rows of n texts, first, first+step, ..., to out,
// one row each; a text without tokens gives zeros.
func (t *table) means(out []float32, b *bags, first, step, n int) {
	d := t.dims
	parallel(t.workers, n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			t.mean(out[i*d:(i+1)*d], b.at(first+i*step))
		}
	})
}

func (t *table) mean(out []float32, ids []int32) {
	clear(out)
	for _, id := range ids {
		t.level.Axpy(out, t.rows[int(id)*t.dims:][:len(out)], 1)
	}
	if len(ids) > 0 {
		w := 1 / float32(len(ids))
		for i := range out {
			out[i] *= w
		}
	}
}

// update takes one step of Adam on the rows that occur in the batch, and on no
// others. grad holds dL/dmean per pair side: da for texts 2i, db for 2i+1 of the
// pairs, and then for all others. The
// gradient of a row is the sum over its occurrences of dL/dmean over the text's
// length; it is summed in the order of the batch by one worker.
func (t *table) update(b *bags, pairs int, da, db []float32, rate float64) {
	t.invert(b)
	t.steps++
	const beta1, beta2, eps = 0.9, 0.999, 1e-8
	fix1 := 1 - math.Pow(beta1, float64(t.steps))
	fix2 := 1 - math.Pow(beta2, float64(t.steps))
	lr, root := float32(rate/fix1), float32(1/math.Sqrt(fix2))
	d := t.dims
	pull := float32(rate * t.pull)
	parallel(t.workers, len(t.touched), func(lo, hi int) {
		g := make([]float32, d)
		for k := lo; k < hi; k++ {
			clear(g)
			for _, text := range t.entries[t.starts[k]:t.starts[k+1]] {
				src, row := da, int(text)/2
				switch {
				case int(text) >= 2*pairs:
					src, row = db, int(text)-pairs
				case text%2 == 1:
					src = db
				}
				t.level.Axpy(g, src[row*d:][:d], t.weights[text])
			}
			at := int(t.touched[k]) * d
			row, m, v := t.rows[at:at+d], t.m[at:at+d], t.v[at:at+d]
			for p, x := range g {
				m[p] += (1 - beta1) * (x - m[p])
				v[p] += (1 - beta2) * (x*x - v[p])
				row[p] -= lr * m[p] / (float32(math.Sqrt(float64(v[p])))*root + eps)
			}
			if pull > 0 {
				for p, x := range t.start[at : at+d] {
					row[p] -= pull * (row[p] - x)
				}
			}
		}
	})
}

// invert lists, for every row that occurs, the texts it occurs in: a counting
// sort of the batch's tokens.
func (t *table) invert(b *bags) {
	t.touched, t.weights = t.touched[:0], t.weights[:0]
	for _, id := range b.ids {
		if t.count[id] == 0 {
			t.touched = append(t.touched, id)
		}
		t.count[id]++
	}
	t.starts = append(t.starts[:0], 0)
	total := int32(0)
	for _, id := range t.touched {
		n := t.count[id]
		t.count[id] = total // from here on: where the next entry goes
		total += n
		t.starts = append(t.starts, total)
	}
	if cap(t.entries) < int(total) {
		t.entries = make([]int32, 2*total)
	}
	t.entries = t.entries[:total]
	for text := range b.len() {
		ids := b.at(text)
		t.weights = append(t.weights, 1/float32(max(1, len(ids))))
		for _, id := range ids {
			t.entries[t.count[id]] = int32(text)
			t.count[id]++
		}
	}
	for _, id := range t.touched {
		t.count[id] = 0
	}
}
