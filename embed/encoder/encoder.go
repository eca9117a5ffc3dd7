package encoder

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"semdex/embed/model"
)

// ErrDims marks a vector length that the model does not give.
var ErrDims = errors.New("invalid dimensions")

// Encoder turns batches of token ids into sentence vectors. It is safe for
// concurrent use.
type Encoder interface {
	// Dims is the length of a full vector.
	Dims() int
	// Encode writes the vector of sentence i to dst[i*d : (i+1)*d] with d =
	// o.Dims, or Dims() if that is 0. A sentence without tokens gets the zero
	// vector. Errors wrap ErrBatch, ErrDims or ErrNotFinite, or are ctx's; dst
	// is then undefined.
	Encode(ctx context.Context, b *Batch, o Output, dst []float32) error
}

// RangeEncoder is an Encoder that gives vectors of parts of sentences, whose
// tokens have seen the whole sentence.
type RangeEncoder interface {
	Encoder
	// EncodeRanges writes one vector for each of ranges[i], the parts of sentence
	// i, sentence by sentence: that which Encode would give if the part's states
	// were all. Ranges may overlap; one without tokens gets the zero vector.
	// Errors are those of Encode.
	EncodeRanges(ctx context.Context, b *Batch, ranges [][]Range, o Output, dst []float32) error
}

// Range is a stretch of a sentence's tokens, half open.
type Range struct{ Start, End int32 }

// New prepares m, on the reference engine if it is a transformer; m must stay
// open as long as the encoder is used. Workers bounds the goroutines of one
// call; 0 means one per CPU. Errors wrap ErrModel or ErrNotFinite and name the
// tensor or setting at fault.
func New(m *model.Model, workers int) (Encoder, error) {
	if m.Static != nil {
		return NewStatic(m, workers)
	}
	engine, err := NewReference(m.Transformer, m.Config, workers)
	if err != nil {
		return nil, err
	}
	return NewTransformer(engine, m)
}

// Transformer is an Engine followed by pooling and Dense modules.
type Transformer struct {
	engine  Engine
	model   *model.Model
	poolers []pooler
	head    head
	calls   freeList[encodeCall]
	scratch freeList[[2][]float32]
}

// NewTransformer puts m's pooling and Dense modules behind engine.
func NewTransformer(engine Engine, m *model.Model) (*Transformer, error) {
	t := &Transformer{engine: engine, model: m}
	for _, mode := range strings.Split(string(m.Pooling), "+") {
		p, err := poolerOf(model.PoolingMode(mode))
		if err != nil {
			return nil, err
		}
		t.poolers = append(t.poolers, p)
	}
	var err error
	if t.head, err = newHead(m.Dense, engine.Hidden()*len(t.poolers)); err != nil {
		return nil, err
	}
	t.calls = newFreeList(func() *encodeCall {
		c := &encodeCall{t: t}
		c.sink = c.take
		return c
	})
	t.scratch = newFreeList(func() *[2][]float32 {
		return &[2][]float32{make([]float32, t.head.wide), make([]float32, t.head.wide)}
	})
	return t, nil
}

// Dims is the length of a full vector.
func (t *Transformer) Dims() int { return t.head.dims }

// String names the engine.
func (t *Transformer) String() string { return fmt.Sprint(t.engine) }

// Encode implements Encoder.
func (t *Transformer) Encode(ctx context.Context, b *Batch, o Output, dst []float32) error {
	dims, err := o.width(t.head.dims, b.Len(), dst)
	if err != nil {
		return err
	}
	c := t.calls.take()
	defer t.calls.put(c)
	c.output, c.dims, c.dst = o, dims, dst
	return c.run(ctx, b)
}

// EncodeRanges implements RangeEncoder.
func (t *Transformer) EncodeRanges(ctx context.Context, b *Batch, ranges [][]Range, o Output, dst []float32) error {
	n, err := b.checkRanges(ranges)
	if err != nil {
		return err
	}
	dims, err := o.width(t.head.dims, n, dst)
	if err != nil {
		return err
	}
	c := t.calls.take()
	defer t.calls.put(c)
	c.output, c.dims, c.dst, c.ranges = o, dims, dst, ranges
	c.first = append(c.first[:0], 0)
	for i, parts := range ranges {
		c.first = append(c.first, c.first[i]+len(parts))
	}
	return c.run(ctx, b)
}

// encodeCall is the state of one Encode or EncodeRanges.
type encodeCall struct {
	t      *Transformer
	sink   Sink // take, bound once so that a call allocates nothing
	output Output
	dims   int
	dst    []float32
	ranges [][]Range    // nil: whole sentences
	first  []int        // by sentence: the number of its first range
	bad    atomic.Int64 // number of a sentence whose vector is not finite, from 1
}

func (c *encodeCall) run(ctx context.Context, b *Batch) error {
	c.bad.Store(0)
	err := c.t.engine.Forward(ctx, b, c.sink)
	c.dst, c.ranges = nil, nil
	if err != nil {
		return err
	}
	if i := c.bad.Load(); i > 0 {
		return notFinite(c.t.model, int(i)-1)
	}
	return nil
}

// take turns the states of sentence i into its vector, or those of its ranges.
func (c *encodeCall) take(i int, states []float32) {
	if c.ranges == nil {
		c.pool(i, i, states)
		return
	}
	h := c.t.engine.Hidden()
	for j, r := range c.ranges[i] {
		c.pool(i, c.first[i]+j, states[int(r.Start)*h:int(r.End)*h])
	}
}

// pool makes vector n of states of sentence i.
func (c *encodeCall) pool(i, n int, states []float32) {
	v := c.dst[n*c.dims:][:c.dims]
	c.t.pool(v, states)
	if !c.output.finish(v) {
		c.bad.Store(int64(i) + 1)
	}
}

// pool writes the first len(dst) dimensions of a sentence's vector.
func (t *Transformer) pool(dst, states []float32) {
	if len(states) == 0 {
		clear(dst)
		return
	}
	s := t.scratch.take()
	defer t.scratch.put(s)
	h := t.engine.Hidden()
	for i, p := range t.poolers {
		p(s[0][i*h:][:h], states)
	}
	copy(dst, t.head.apply(s[0], s[1]))
}

// notFinite explains a vector with NaN or infinite elements.
func notFinite(m *model.Model, sentence int) error {
	if err := CheckFinite(m); err != nil {
		return err
	}
	return fmt.Errorf("%w: the vector of sentence %d overflows, though every weight is finite",
		ErrNotFinite, sentence)
}
