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

// EncodeRanges implements encoder.RangeEncoder; the encoder behind the queue has
// to.
func (v view) EncodeRanges(ctx context.Context, b *encoder.Batch, ranges [][]encoder.Range, o encoder.Output, dst []float32) error {
	_, err := v.queue.EncodeRanges(ctx, v.class, v.wait, b, ranges, o, dst)
	return err
}

// Encode is what Encoder's do, and tells how long the first sequence of the
// batch waited. Vectors are computed in full and cut afterwards, so that
// requests of different lengths share batches.
func (q *Queue) Encode(ctx context.Context, c Class, wait bool, b *encoder.Batch, o encoder.Output, dst []float32) (time.Duration, error) {
	return q.encodeBatch(ctx, Request{Class: c, Wait: wait}, b, o, dst)
}

// EncodeRanges is Encode for parts of the batch's sentences.
func (q *Queue) EncodeRanges(ctx context.Context, c Class, wait bool, b *encoder.Batch, ranges [][]encoder.Range, o encoder.Output, dst []float32) (time.Duration, error) {
	if ranges == nil {
		ranges = [][]encoder.Range{}
	}
	return q.encodeBatch(ctx, Request{Ranges: ranges, Class: c, Wait: wait}, b, o, dst)
}

// encodeBatch makes a request of a batch.
func (q *Queue) encodeBatch(ctx context.Context, r Request, b *encoder.Batch, o encoder.Output, dst []float32) (time.Duration, error) {
	full := q.Dims()
	dims := o.Dims
	if dims == 0 {
		dims = full
	}
	if dims < 0 || dims > full {
		return 0, fmt.Errorf("%w: %d asked for, the model has %d", encoder.ErrDims, o.Dims, full)
	}
	rows := b.Len()
	if r.Ranges != nil {
		rows = 0
		for _, parts := range r.Ranges {
			rows += len(parts)
		}
	}
	if len(dst) < rows*dims {
		return 0, fmt.Errorf("%w: room for %d numbers, want %d x %d", encoder.ErrDims, len(dst), rows, dims)
	}
	var err error
	if r.IDs, r.Types, err = sequences(b); err != nil {
		return 0, err
	}
	result, err := q.Do(ctx, r)
	if err != nil {
		return 0, err
	}
	for i := range rows {
		d := dst[i*dims:][:dims]
		copy(d, result.At(i))
		if o.Normalize {
			encoder.Normalize(d)
		}
	}
	return result.Wait, nil
}

// sequences cuts a batch into its sequences and their types, without a copy.
func sequences(b *encoder.Batch) (ids, types [][]int32, err error) {
	if len(b.Offsets) == 0 {
		if len(b.IDs) > 0 {
			return nil, nil, fmt.Errorf("%w: %d tokens without offsets", encoder.ErrBatch, len(b.IDs))
		}
		return nil, nil, nil
	}
	if b.Types != nil && len(b.Types) != len(b.IDs) {
		return nil, nil, fmt.Errorf("%w: %d token types for %d tokens", encoder.ErrBatch, len(b.Types), len(b.IDs))
	}
	if first, last := b.Offsets[0], b.Offsets[b.Len()]; first != 0 || int(last) != len(b.IDs) {
		return nil, nil, fmt.Errorf("%w: offsets run from %d to %d over %d tokens", encoder.ErrBatch, first, last, len(b.IDs))
	}
	ids = make([][]int32, b.Len())
	if b.Types != nil {
		types = make([][]int32, b.Len())
	}
	for i := range ids {
		lo, hi := b.Offsets[i], b.Offsets[i+1]
		if hi < lo || int(hi) > len(b.IDs) {
			return nil, nil, fmt.Errorf("%w: sentence %d runs from token %d to %d", encoder.ErrBatch, i, lo, hi)
		}
		ids[i] = b.IDs[lo:hi]
		if b.Types != nil {
			types[i] = b.Types[lo:hi]
		}
	}
	return ids, types, nil
}
