package train

import (
	"slices"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// embedding is the input representation (Devlin et al. 2019, figure 2):
//
//	y = dropout(LayerNorm(word[id] + position[p] + type[t]))
//
// The gradients of the three tables are row-sparse.
type embedding struct {
	g                     *Graph
	word, position, kind  *nn.Param // kind is nil without token types
	n                     *Norm
	eps                   float32
	ids, positions, kinds []int32
	drop                  dropout
	sum                   []float32
}

func (o *embedding) Operands() []mat.Tensor {
	in := []mat.Tensor{o.word, o.position, o.n.Weight, o.n.Bias}
	if o.kind != nil {
		in = append(in, o.kind)
	}
	return in
}

func (o *embedding) Forward() (mat.Tensor, error) {
	h := o.word.Shape()[1]
	n := len(o.ids)
	word, position := Values(o.word), Values(o.position)
	o.sum = o.g.take(n * h)
	y := o.g.take(n * h)
	o.g.e.eachBlock(n, func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			row := o.sum[i*h : (i+1)*h]
			copy(row, word[int(o.ids[i])*h:])
			o.g.e.level.Axpy(row, position[int(o.positions[i])*h:][:h], 1)
			if o.kind != nil {
				o.g.e.level.Axpy(row, Values(o.kind)[int(o.kinds[i])*h:][:h], 1)
			}
		}
	})
	o.g.normalize(y, o.sum, o.n, o.eps)
	if o.drop.active() {
		o.g.e.eachBlock(n, func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				o.drop.apply(o.g.e.level, y[i*h:(i+1)*h], i)
			}
		})
	}
	if !o.g.train {
		o.g.give(o.sum)
	}
	return o.g.tensor(n, h, y), nil
}

func (o *embedding) Backward(gy mat.Tensor) error {
	h := o.word.Shape()[1]
	d := o.g.take(gy.Size())
	copy(d, Values(gy))
	if o.drop.active() {
		o.g.e.eachBlock(len(o.ids), func(_, lo, hi int) {
			for i := lo; i < hi; i++ {
				o.drop.apply(o.g.e.level, d[i*h:(i+1)*h], i)
			}
		})
	}
	o.g.normGrad(d, d, o.sum, o.n, o.eps, nil)
	o.g.rowSums(o.word, o.ids, d, h)
	o.g.rowSums(o.position, o.positions, d, h)
	if o.kind != nil {
		o.g.rowSums(o.kind, o.kinds, d, h)
	}
	o.g.give(d, o.sum, Values(gy))
	return nil
}

// rowSums adds the rows of d, [len(ids), h], to the gradient of the table's
// rows ids, in order of the tokens.
func (g *Graph) rowSums(table mat.Tensor, ids []int32, d []float32, h int) {
	if !g.wants(table) {
		return
	}
	order := make([]int32, len(ids)) // tokens by id, then by position
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return int(ids[a]) - int(ids[b]) })
	var rows, from []int32
	for i, t := range order {
		if i == 0 || ids[t] != ids[order[i-1]] {
			rows, from = append(rows, ids[t]), append(from, int32(i))
		}
	}
	from = append(from, int32(len(order)))
	sums := g.zeros(len(rows) * h)
	g.e.eachBlock(len(rows), func(_, lo, hi int) {
		for r := lo; r < hi; r++ {
			for _, t := range order[from[r]:from[r+1]] {
				g.e.level.Axpy(sums[r*h:(r+1)*h], d[int(t)*h:][:h], 1)
			}
		}
	})
	table.AccGrad(newRowGrad(rows, sums))
	g.give(sums)
}
