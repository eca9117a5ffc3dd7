package encoder

import (
	"context"
	"fmt"
	"runtime"

	"semdex/embed/model"
	"semdex/internal/kernel"
)

// Precision is the arithmetic of a Packed engine's linear layers.
type Precision int

// The precisions. Int8 quantises weights per output channel when the engine is
// made and activations per token as they come, those of attention too in long
// sentences; everything else stays float32.
const (
	Float32 Precision = iota
	Int8
)

// Packed is the fast transformer engine: weights packed once for the matrix
// kernels, whole groups of sentences through every layer while their states
// are in cache. It computes what Reference computes, to rounding (Float32) or
// to the quantisation's error (Int8). It is immutable and safe for concurrent
// use.
//
// A batch is cut into groups of whole sentences, which the workers take one by
// one. Where there are too few sentences for that, all workers share every
// group: in blocks of rows if each gets enough of them, otherwise in panels of
// the matrices' columns.
type Packed struct {
	workers int
	level   kernel.Level
	int8    bool
	input   input
	pos     []float32 // [positions, H]
	types   []float32 // [types, H] or nil
	norm    packedNorm
	layers  []packedLayer
	work    int // multiplications and additions per token, attention aside
	minWork int // see the constant; tests lower it
	calls   freeList[packedCall]
}

// PackedOptions of NewPacked; the zero value is float32 on every CPU at the
// processor's best instruction level.
type PackedOptions struct {
	Workers   int // goroutines of one Forward; 0: one per CPU
	Precision Precision
	// Level forces an instruction level; nil takes the processor's best.
	Level *kernel.Level
}

// NewPacked prepares t, whose tensors must stay valid as long as the engine is
// used. Errors wrap ErrModel.
func NewPacked(t *model.Transformer, c model.Config, o PackedOptions) (*Packed, error) {
	in, err := newInput(t, c)
	if err != nil {
		return nil, err
	}
	p := &Packed{workers: o.Workers, minWork: minWork, input: in, pos: in.pos.F32(), norm: packNorm(in.norm, nil)}
	if in.types != nil {
		p.types = in.types.F32()
	}
	if p.workers <= 0 {
		p.workers = runtime.GOMAXPROCS(0)
	}
	if o.Level != nil {
		p.level = *o.Level
	} else if p.level, err = kernel.Choose(""); err != nil {
		return nil, err
	}
	p.int8 = o.Precision == Int8
	if p.int8 && !p.level.IntegerProducts() {
		// The weights are rounded to int8 all the same, so that vectors agree.
		p.int8, o.Precision = false, roundedInt8
	}
	if p.layers, err = packLayers(&packer{p.level, o.Precision, in.dims, c}, t.Layers, p.workers); err != nil {
		return nil, err
	}
	d := p.input.dims
	p.work = len(p.layers) * 4 * d.hidden * (2*d.hidden + d.inner)
	p.calls = newFreeList(func() *packedCall { return newPackedCall(p) })
	// More calls at once than this have more goroutines than processors.
	p.calls.limit = runtime.GOMAXPROCS(0)/p.workers + 1
	return p, nil
}

// packLayers packs layers into one piece of memory, several at a time.
func packLayers(p *packer, layers []model.Layer, workers int) ([]packedLayer, error) {
	packed, parts := make([]packedLayer, len(layers)), make([]*kernel.Arena, len(layers))
	arena := kernel.NewArena(len(layers) * p.layerBytes())
	for i := range parts {
		parts[i] = arena.Part(p.layerBytes())
	}
	return packed, share(context.Background(), workers, len(layers), func(t *tickets) error {
		for i, ok := t.take(); ok; i, ok = t.take() {
			var err error
			if packed[i], err = p.layer(i, &layers[i], parts[i]); err != nil {
				return err
			}
			forget(&layers[i]) // the packed copy is the one that is read
		}
		return nil
	})
}

// forget lets the matrices of a layer leave memory, if they are mapped.
func forget(l *model.Layer) {
	for _, part := range []model.Linear{l.Query, l.Key, l.Value, l.Output, l.Up, l.Down} {
		part.Weight.Forget()
	}
}

// embed fills the rows of x with word + position + type of the tokens ids, the
// first of which stands at position at of its sentence.
func (p *Packed) embed(x rowset, ids, types []int32, at int) {
	h := p.input.dims.hidden
	for t, id := range ids {
		row := x.row(t)
		decodeRow(p.level, row, p.input.word, int(id))
		p.level.Axpy(row, p.pos[(at+t)*h:][:h], 1)
		if p.types != nil {
			typ := 0
			if types != nil {
				typ = int(types[t])
			}
			p.level.Axpy(row, p.types[typ*h:][:h], 1)
		}
	}
}

// Hidden is the width of a token's state.
func (p *Packed) Hidden() int { return p.input.dims.hidden }

// Forward implements Engine. After the first calls it allocates nothing.
func (p *Packed) Forward(ctx context.Context, b *Batch, sink Sink) error {
	if err := b.check(p.input.limits); err != nil {
		return err
	}
	if b.Len() == 0 {
		return ctx.Err()
	}
	c := p.calls.take()
	err := c.forward(ctx, b, sink)
	p.calls.put(c) // not after a panic of sink
	return err
}

// String names the engine for logs and benchmarks.
func (p *Packed) String() string {
	kind := "f32"
	if p.int8 {
		kind = "int8"
	}
	return fmt.Sprintf("packed %s, %v", kind, p.level)
}
