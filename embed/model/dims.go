package model

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
)

// Hidden is the width of one token vector.
func (m *Model) Hidden() int {
	if m.Static != nil {
		return m.Static.Rows.Cols()
	}
	return m.Config.Hidden
}

// Modes splits a pooling mode into the modes it concatenates.
func (p PoolingMode) Modes() []PoolingMode {
	var out []PoolingMode
	for s := range strings.SplitSeq(string(p), "+") {
		out = append(out, PoolingMode(s))
	}
	return out
}

// PooledDims is the width of a sentence vector after pooling, before Dense.
func (m *Model) PooledDims() int {
	if m.Static != nil {
		return m.Hidden()
	}
	return m.Hidden() * len(m.Pooling.Modes())
}

// fullDims is the width after pooling and Dense.
func (m *Model) fullDims() int {
	if n := len(m.Dense); n > 0 {
		return m.Dense[n-1].Weight.Rows()
	}
	return m.PooledDims()
}

// Dims is the width of the vectors the model gives: after pooling, Dense and
// the folder's truncate_dim.
func (m *Model) Dims() int {
	d := m.fullDims()
	if m.TruncateDim > 0 && m.TruncateDim < d {
		return m.TruncateDim
	}
	return d
}

// Parameters counts the weights from the embeddings to the last Dense module:
// what a sentence vector needs, without heads, BERT's pooler and the scales of
// int8 tables.
func (m *Model) Parameters() int64 {
	var n int64
	for s := range m.slots() {
		n += int64((*s.at).Len())
	}
	return n
}

// slots lists the tensors that make a sentence vector, in canonical order.
func (m *Model) slots() iter.Seq[slot] {
	return func(yield func(slot) bool) {
		if m.Static != nil && !yield(slot{staticWeight, m.Static.Rows.Shape, &m.Static.Rows}) {
			return
		}
		if t := m.Transformer; t != nil {
			c := m.Config
			c.Layers = len(t.Layers)
			for s := range layout(m.Architecture, c, t) {
				if !yield(s) {
					return
				}
			}
		}
		for i := range m.Dense {
			d := &m.Dense[i]
			if !yield(slot{fmt.Sprintf("dense.%d.weight", i), d.Weight.Shape, &d.Weight}) {
				return
			}
			if d.Bias != nil && !yield(slot{fmt.Sprintf("dense.%d.bias", i), d.Bias.Shape, &d.Bias}) {
				return
			}
		}
	}
}

func (m *Model) headNames() []string { return slices.Sorted(maps.Keys(m.Heads)) }
