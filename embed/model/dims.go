package model

import "strings"

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

// Dims is the width of the vectors the model gives: after pooling, Dense and
// the folder's truncate_dim.
func (m *Model) Dims() int {
	d := m.PooledDims()
	if n := len(m.Dense); n > 0 {
		d = m.Dense[n-1].Weight.Rows()
	}
	if m.TruncateDim > 0 && m.TruncateDim < d {
		return m.TruncateDim
	}
	return d
}
