package encoder

import (
	"context"
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
	input
	workers int
	layers  []layer
	scratch sync.Pool // of *scratch
}

// NewReference prepares t, whose tensors must stay valid as long as the engine
// is used. Workers bounds the goroutines of one Forward; 0 means one per CPU.
// An error wraps ErrModel and names the tensor or setting at fault.
func NewReference(t *model.Transformer, c model.Config, workers int) (*Reference, error) {
	in, err := newInput(t, c)
	if err != nil {
		return nil, err
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	r := &Reference{input: in, workers: workers, layers: make([]layer, len(t.Layers))}
	for i := range t.Layers {
		if r.layers[i], err = newLayer(i, &t.Layers[i], in.dims, c); err != nil {
			return nil, err
		}
	}
	r.scratch.New = func() any { return new(scratch) }
	return r, nil
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
