package queue

import (
	"context"
	"fmt"
	"time"

	"semdex/embed/encoder"
)

// Encoder is the queue as the requests of one class see it: an encoder whose
// calls are batched with those of others. It gives bit for bit what the encoder
// behind the queue gives. When the queue is full, its calls wait for permits or
// end with ErrOverloaded.
func (q *Queue) Encoder(c Class, wait bool) encoder.Encoder { return view{q, c, wait} }

// view implements encoder.Encoder.
type view struct {
	queue *Queue
	class Class
	wait  bool
}

// Dims is the length of a full vector.
func (v view) Dims() int { return v.queue.Dims() }

// String names the encoder behind the queue.
func (v view) String() string { return fmt.Sprint(v.queue.encoder) }

// Encode implements encoder.Encoder.
func (v view) Encode(ctx context.Context, b *encoder.Batch, o encoder.Output, dst []float32) error {
	_, err := v.queue.Encode(ctx, v.class, v.wait, b, o, dst)
	return err
}

// Encode is what Encoder's do, and tells how long the first sequence of the
// batch waited. Vectors are computed in full and cut afterwards, so that
// requests of different lengths share batches.
func (q *Queue) Encode(ctx context.Context, c Class, wait bool, b *encoder.Batch, o encoder.Output, dst []float32) (time.Duration, error) {
	full := q.Dims()
	dims := o.Dims
	if dims == 0 {
		dims = full
	}
	if dims < 0 || dims > full {
		return 0, fmt.Errorf("%w: %d asked for, the model has %d", encoder.ErrDims, o.Dims, full)
	}
	if len(dst) < b.Len()*dims {
		return 0, fmt.Errorf("%w: room for %d numbers, want %d x %d", encoder.ErrDims, len(dst), b.Len(), dims)
	}
	r, err := request(b)
	if err != nil {
		return 0, err
	}
	r.Class, r.Wait = c, wait
	result, err := q.Do(ctx, r)
	if err != nil {
		return 0, err
	}
	for i := range r.IDs {
		d := dst[i*dims:][:dims]
		copy(d, result.At(i))
		if o.Normalize {
			encoder.Normalize(d)
		}
	}
	return result.Wait, nil
}

// request cuts a batch into its sequences, without a copy.
func request(b *encoder.Batch) (Request, error) {
	var r Request
	if len(b.Offsets) == 0 {
		if len(b.IDs) > 0 {
			return r, fmt.Errorf("%w: %d tokens without offsets", encoder.ErrBatch, len(b.IDs))
		}
		return r, nil
	}
	if b.Types != nil && len(b.Types) != len(b.IDs) {
		return r, fmt.Errorf("%w: %d token types for %d tokens", encoder.ErrBatch, len(b.Types), len(b.IDs))
	}
	if first, last := b.Offsets[0], b.Offsets[b.Len()]; first != 0 || int(last) != len(b.IDs) {
		return r, fmt.Errorf("%w: offsets run from %d to %d over %d tokens", encoder.ErrBatch, first, last, len(b.IDs))
	}
	r.IDs = make([][]int32, b.Len())
	if b.Types != nil {
		r.Types = make([][]int32, b.Len())
	}
	for i := range r.IDs {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		if hi < lo || int(hi) > len(b.IDs) {
			return r, fmt.Errorf("%w: sentence %d runs from token %d to %d", encoder.ErrBatch, i, lo, hi)
		}
		r.IDs[i] = b.IDs[lo:hi]
		if b.Types != nil {
			r.Types[i] = b.Types[lo:hi]
		}
	}
	return r, nil
}
