package encoder

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"semdex/embed/model"
)

// Static averages the subword vectors of a table: sentence-transformers'
// StaticEmbedding. A token counts as often as it occurs. Tables in f16, bf16
// and int8 (one scale per row) are decoded as they are summed, never as a
// whole.
type Static struct {
	workers int
	vocab   int
	width   int // of a row
	table   rowSummer
	head    head
	model   *model.Model
	scratch sync.Pool // of *[2][]float32, for Dense modules
}

// NewStatic prepares m's table and reads it once, to refuse NaN and infinities
// before they are averaged into every vector.
func NewStatic(m *model.Model, workers int) (*Static, error) {
	if m.Static == nil || m.Static.Rows == nil || len(m.Static.Rows.Shape) != 2 {
		return nil, fmt.Errorf("%w: no static table of two dimensions", ErrModel)
	}
	rows := m.Static.Rows
	if err := wantShape("static table", rows, rows.Shape...); err != nil {
		return nil, err
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	s := &Static{workers: workers, vocab: rows.Rows(), width: rows.Cols(), model: m}
	var err error
	if s.table, err = newRowSummer(m.Static); err != nil {
		return nil, err
	}
	if s.head, err = newHead(m.Dense, s.width); err != nil {
		return nil, err
	}
	if err := CheckFinite(m); err != nil {
		return nil, err
	}
	s.scratch.New = func() any {
		return &[2][]float32{make([]float32, s.head.wide), make([]float32, s.head.wide)}
	}
	return s, nil
}

// Dims is the length of a full vector.
func (s *Static) Dims() int { return s.head.dims }

// String names the encoder.
func (s *Static) String() string { return "static table" }

// staticGrain is how many sentences a worker takes at a time: some tens of
// microseconds of work.
const staticGrain = 64

// Encode implements Encoder. Token types are ignored.
func (s *Static) Encode(ctx context.Context, b *Batch, o Output, dst []float32) error {
	dims, err := o.width(s.head.dims, b.Len(), dst)
	if err != nil {
		return err
	}
	if err := b.check(limits{vocab: s.vocab}); err != nil {
		return err
	}
	n := b.Len()
	grains := (n + staticGrain - 1) / staticGrain
	if s.workers == 1 || grains <= 1 { // no goroutines, no allocations
		for g := range grains {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.encodeRange(b, o, dims, dst, g*staticGrain, min(n, (g+1)*staticGrain)); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	return share(ctx, s.workers, grains, func(t *tickets) error {
		for g, ok := t.take(); ok; g, ok = t.take() {
			if err := s.encodeRange(b, o, dims, dst, g*staticGrain, min(n, (g+1)*staticGrain)); err != nil {
				return err
			}
		}
		return nil
	})
}

// encodeRange writes the vectors of sentences lo to hi.
func (s *Static) encodeRange(b *Batch, o Output, dims int, dst []float32, lo, hi int) error {
	for i := lo; i < hi; i++ {
		ids, _ := b.sentence(i)
		v := dst[i*dims:][:dims]
		s.encode(v, ids)
		if !o.finish(v) {
			return notFinite(s.model, i)
		}
	}
	return nil
}

// encode writes the first len(dst) dimensions of the vector of ids.
func (s *Static) encode(dst []float32, ids []int32) {
	clear(dst)
	if len(ids) == 0 {
		return
	}
	mean := s.table.unit() / float32(len(ids))
	if len(s.head.dense) == 0 {
		s.table.sum(dst, ids)
		scale(dst, mean)
		return
	}
	t := s.scratch.Get().(*[2][]float32)
	defer s.scratch.Put(t)
	pooled := t[0][:s.width]
	clear(pooled)
	s.table.sum(pooled, ids)
	scale(pooled, mean)
	copy(dst, s.head.apply(t[0], t[1]))
}

// newRowSummer reads t in its own type.
func newRowSummer(t *model.StaticTable) (rowSummer, error) {
	width := t.Rows.Cols()
	switch t.Rows.DType {
	case model.F32:
		return rowsF32{rows[float32]{t.Rows.F32(), width}}, nil
	case model.F16:
		return rowsF16{rows[uint16]{words(t.Rows.Data), width}}, nil
	case model.BF16:
		return rowsBF16{rows[uint16]{words(t.Rows.Data), width}}, nil
	case model.I8:
		scale, err := vector("static scale", t.Scale, t.Rows.Rows())
		if err != nil {
			return nil, err
		}
		return rowsI8{rows[int8]{t.Rows.I8(), width}, scale}, nil
	}
	return nil, fmt.Errorf("%w: a static table of type %s", ErrModel, t.Rows.DType)
}
