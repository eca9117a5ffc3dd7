package encoder

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"semdex/embed/model"
)

// Reference is the transformer encoder of BERT (Devlin et al. 2019) and
// DistilBERT (Sanh et al. 2019) in plain Go: the definition of what every
// faster Engine computes. It is immutable and safe for concurrent use.
//
// Linear weights are held as float32 (without a copy if they are stored so);
// embedding tables stay in their stored type and are decoded row by row.
type Reference struct {
	workers int
	limits  limits
	dims    shape
	word    *model.Tensor // [vocab, H]
	pos     *model.Tensor // [positions, H]
	types   *model.Tensor // [types, H] or nil
	norm    norm
	layers  []layer
	scratch sync.Pool // of *scratch
}

// shape is the width of everything: H hidden, A heads of D = H/A each, F the
// feed-forward block's inner width.
type shape struct{ hidden, heads, head, inner int }

// NewReference prepares t, whose tensors must stay valid as long as the engine
// is used. Workers bounds the goroutines of one Forward; 0 means one per CPU.
// An error wraps ErrModel and names the tensor or setting at fault.
func NewReference(t *model.Transformer, c model.Config, workers int) (*Reference, error) {
	if t == nil || c.Hidden <= 0 || c.Heads <= 0 || c.Intermediate <= 0 {
		return nil, fmt.Errorf("%w: no transformer, or an empty configuration", ErrModel)
	}
	if c.Hidden%c.Heads != 0 {
		return nil, fmt.Errorf("%w: hidden size %d is not a multiple of %d heads", ErrModel, c.Hidden, c.Heads)
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	r := &Reference{
		workers: workers,
		limits:  limits{vocab: c.VocabSize, types: c.TypeVocabSize, positions: c.MaxPositions},
		dims:    shape{hidden: c.Hidden, heads: c.Heads, head: c.Hidden / c.Heads, inner: c.Intermediate},
	}
	if err := r.embeddings(t, c); err != nil {
		return nil, err
	}
	act, err := activationOf(c.Activation)
	if err != nil {
		return nil, err
	}
	if len(t.Layers) != c.Layers {
		return nil, fmt.Errorf("%w: %d layers, the configuration says %d", ErrModel, len(t.Layers), c.Layers)
	}
	r.layers = make([]layer, len(t.Layers))
	for i := range t.Layers {
		if r.layers[i], err = newLayer(fmt.Sprintf("layer %d ", i), &t.Layers[i], r.dims, c.LayerNormEps, act); err != nil {
			return nil, err
		}
		r.layers[i].exactGELU = c.Activation == "gelu"
	}
	r.scratch.New = func() any { return new(scratch) }
	return r, nil
}

func (r *Reference) embeddings(t *model.Transformer, c model.Config) error {
	if err := wantShape("word embedding", t.Word, c.VocabSize, c.Hidden); err != nil {
		return err
	}
	if err := wantShape("position embedding", t.Position, c.MaxPositions, c.Hidden); err != nil {
		return err
	}
	r.word, r.pos = t.Word, t.Position
	if c.TypeVocabSize > 0 {
		if err := wantShape("token type embedding", t.Type, c.TypeVocabSize, c.Hidden); err != nil {
			return err
		}
		r.types = t.Type
	}
	var err error
	r.norm, err = newNorm("embedding LayerNorm", t.Norm, c.Hidden, c.LayerNormEps)
	return err
}

// Hidden is the width of a token's state.
func (r *Reference) Hidden() int { return r.dims.hidden }

// String names the engine.
func (r *Reference) String() string { return "reference" }

// Forward implements Engine: one sentence at a time per worker, so that a batch
// of one sentence runs on one core.
func (r *Reference) Forward(ctx context.Context, b *Batch, sink Sink) error {
	if err := b.check(r.limits); err != nil {
		return err
	}
	return share(ctx, r.workers, b.Len(), func(t *tickets) error {
		s := r.scratch.Get().(*scratch)
		defer r.scratch.Put(s)
		for i, ok := t.take(); ok; i, ok = t.take() {
			ids, types := b.sentence(i)
			s.fit(len(ids), r.dims)
			r.embed(s, ids, types)
			for l := range r.layers {
				if err := t.ctx.Err(); err != nil {
					return err
				}
				r.layers[l].forward(s, len(ids), r.dims)
			}
			sink(i, s.x)
		}
		return nil
	})
}

// embed fills s.x, [T, H], with the input representation (Devlin 2019,
// figure 2): LayerNorm(word + position + type).
func (r *Reference) embed(s *scratch, ids, types []int32) {
	r.sum(s.x, s.row, ids, types)
	r.norm.apply(s.x)
}

// sum fills the first rows of x, [T, H], with word + position + type. It
// decodes rows into buf, [H].
func (r *Reference) sum(x, buf []float32, ids, types []int32) {
	h := r.dims.hidden
	for t, id := range ids {
		row := x[t*h:][:h]
		r.word.RowF32(row, int(id))
		r.pos.RowF32(buf, t)
		add(row, buf)
		if r.types != nil {
			typ := 0
			if types != nil {
				typ = int(types[t])
			}
			r.types.RowF32(buf, typ)
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
