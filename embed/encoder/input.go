package encoder

import (
	"fmt"

	"semdex/embed/model"
)

// shape is the width of everything: H hidden, A heads of D = H/A each, F the
// feed-forward block's inner width.
type shape struct{ hidden, heads, head, inner int }

// input is what a transformer has before its layers: the embedding tables,
// which stay in their stored type and are decoded row by row, and their
// LayerNorm.
type input struct {
	limits limits
	dims   shape
	word   *model.Tensor // [vocab, H]
	pos    *model.Tensor // [positions, H]
	types  *model.Tensor // [types, H] or nil
	norm   norm
}

func newInput(t *model.Transformer, c model.Config) (input, error) {
	if t == nil || c.Hidden <= 0 || c.Heads <= 0 || c.Intermediate <= 0 {
		return input{}, fmt.Errorf("%w: no transformer, or an empty configuration", ErrModel)
	}
	if c.Hidden%c.Heads != 0 {
		return input{}, fmt.Errorf("%w: hidden size %d is not a multiple of %d heads", ErrModel, c.Hidden, c.Heads)
	}
	if len(t.Layers) != c.Layers {
		return input{}, fmt.Errorf("%w: %d layers, the configuration says %d", ErrModel, len(t.Layers), c.Layers)
	}
	in := input{
		limits: limits{vocab: c.VocabSize, types: c.TypeVocabSize, positions: c.MaxPositions},
		dims:   shape{hidden: c.Hidden, heads: c.Heads, head: c.Hidden / c.Heads, inner: c.Intermediate},
		word:   t.Word, pos: t.Position,
	}
	if err := wantShape("word embedding", t.Word, c.VocabSize, c.Hidden); err != nil {
		return input{}, err
	}
	if err := wantShape("position embedding", t.Position, c.MaxPositions, c.Hidden); err != nil {
		return input{}, err
	}
	if c.TypeVocabSize > 0 {
		if err := wantShape("token type embedding", t.Type, c.TypeVocabSize, c.Hidden); err != nil {
			return input{}, err
		}
		in.types = t.Type
	}
	var err error
	in.norm, err = newNorm("embedding LayerNorm", t.Norm, c.Hidden, c.LayerNormEps)
	return in, err
}

// sum fills the first rows of x, [T, H], with word + position + type. It
// decodes rows into buf, [H].
func (in *input) sum(x, buf []float32, ids, types []int32) {
	h := in.dims.hidden
	for t, id := range ids {
		row := x[t*h:][:h]
		in.word.RowF32(row, int(id))
		in.pos.RowF32(buf, t)
		add(row, buf)
		if in.types != nil {
			typ := 0
			if types != nil {
				typ = int(types[t])
			}
			in.types.RowF32(buf, typ)
			add(row, buf)
		}
	}
}

// add is dst += src.
func add(dst, src []float32) {
	src = src[:len(dst)]
	for i := range dst {
		dst[i] += src[i]
	}
}
