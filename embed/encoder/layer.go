package encoder

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// layer is one post-LayerNorm block (Vaswani et al. 2017, section 3.1):
//
//	a = LayerNorm(x + Attention(x))
//	y = LayerNorm(a + FeedForward(a))
type layer struct {
	query, key, value, output linear // [H, H]
	attentionNorm             norm
	up                        linear // [F, H]
	down                      linear // [H, F]
	outputNorm                norm
	act                       activation
}

// checkLayer checks the shapes of m, the model's layer i.
func checkLayer(i int, m *model.Layer, d shape) error {
	at := fmt.Sprintf("layer %d ", i)
	for _, p := range []struct {
		name    string
		linear  model.Linear
		out, in int
	}{
		{"query", m.Query, d.hidden, d.hidden},
		{"key", m.Key, d.hidden, d.hidden},
		{"value", m.Value, d.hidden, d.hidden},
		{"attention output", m.Output, d.hidden, d.hidden},
		{"feed-forward up", m.Up, d.inner, d.hidden},
		{"feed-forward down", m.Down, d.hidden, d.inner},
	} {
		if err := checkLinear(at+p.name, p.linear, p.out, p.in); err != nil {
			return err
		}
	}
	if err := checkNorm(at+"attention LayerNorm", m.AttentionNorm, d.hidden); err != nil {
		return err
	}
	return checkNorm(at+"output LayerNorm", m.OutputNorm, d.hidden)
}

// newLayer prepares m, the model's layer i.
func newLayer(i int, m *model.Layer, d shape, c model.Config) (layer, error) {
	if err := checkLayer(i, m, d); err != nil {
		return layer{}, err
	}
	act, err := activationOf(c.Activation)
	return layer{
		query:         decodeLinear(m.Query),
		key:           decodeLinear(m.Key),
		value:         decodeLinear(m.Value),
		output:        decodeLinear(m.Output),
		attentionNorm: decodeNorm(m.AttentionNorm, c.LayerNormEps),
		up:            decodeLinear(m.Up),
		down:          decodeLinear(m.Down),
		outputNorm:    decodeNorm(m.OutputNorm, c.LayerNormEps),
		act:           act,
	}, err
}

// forward replaces s.x, the states [T, H] of one sentence, by the block's
// output.
func (l *layer) forward(s *scratch, tokens int, d shape) {
	l.query.apply(s.q, s.x, tokens)
	l.key.apply(s.k, s.x, tokens)
	l.value.apply(s.v, s.x, tokens)
	for h := range d.heads {
		attend(s, h, tokens, d)
	}
	l.output.apply(s.proj, s.heads, tokens)
	add(s.x, s.proj)
	l.attentionNorm.apply(s.x)

	// FeedForward(a) = act(a W_up^T + b_up) W_down^T + b_down (eq. 2, with
	// BERT's activation in the place of relu).
	l.up.apply(s.up, s.x, tokens)
	l.act(s.up)
	l.down.apply(s.proj, s.up, tokens)
	add(s.x, s.proj)
	l.outputNorm.apply(s.x)
}

// attend computes head h of the attention (Vaswani 2017, eq. 1) into its
// columns of s.heads:
//
//	softmax(Q K^T / sqrt D) V     Q, K, V [T, D]
//
// Every token attends to every token of its sentence: a ragged batch needs no
// mask.
func attend(s *scratch, h, tokens int, d shape) {
	at, t := h*d.head, tokens
	if t == 0 {
		return
	}
	q := matrix{s.q[at:], d.hidden}
	k := matrix{s.k[at:], d.hidden}
	scores := matrix{s.scores, t}
	mulT(scores, q, k, nil, t, t, d.head) // [T, T]
	scale := 1 / math.Sqrt(float64(d.head))
	for i := range t {
		softmax(scores.row(i, t), scale)
	}
	// V of this head transposed, [D, T], so that both operands run along T.
	for i := range t {
		for c, v := range s.v[i*d.hidden+at:][:d.head] {
			s.vt[c*t+i] = v
		}
	}
	mulT(matrix{s.heads[at:], d.hidden}, scores, matrix{s.vt, t}, nil, t, d.head, t)
}

// scratch is one worker's memory for a sentence of T tokens. It grows to the
// longest sentence it has met and is used again.
type scratch struct {
	buf     []float32
	x       []float32 // [T, H] states
	q, k, v []float32 // [T, H]
	vt      []float32 // [D, T] one head's values, transposed
	scores  []float32 // [T, T] one head's attention
	heads   []float32 // [T, H] the heads' outputs, side by side
	proj    []float32 // [T, H] a projection back to H
	up      []float32 // [T, F]
	row     []float32 // [H] one decoded embedding row
}

// fit lays the buffers out for t tokens.
func (s *scratch) fit(t int, d shape) {
	need := t*(6*d.hidden+d.inner+d.head+t) + d.hidden
	if cap(s.buf) < need {
		s.buf = make([]float32, need)
	}
	rest := s.buf[:need]
	cut := func(n int) []float32 {
		p := rest[:n:n]
		rest = rest[n:]
		return p
	}
	s.x, s.q, s.k, s.v = cut(t*d.hidden), cut(t*d.hidden), cut(t*d.hidden), cut(t*d.hidden)
	s.heads, s.proj = cut(t*d.hidden), cut(t*d.hidden)
	s.up, s.vt, s.scores, s.row = cut(t*d.inner), cut(t*d.head), cut(t*t), cut(d.hidden)
}
