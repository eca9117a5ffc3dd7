package encoder

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"semdex/embed/model"
	"semdex/internal/kernel"
)

// Precision is the arithmetic of a Packed engine's linear layers.
type Precision int

// The precisions. Int8 quantises weights per output channel when the engine is
// made and activations per token as they come; everything else stays float32.
const (
	Float32 Precision = iota
	Int8
)

// Packed is the fast transformer engine: weights packed once for the matrix
// kernels, whole groups of sentences through every layer while their states
// are in cache. It computes what Reference computes, to rounding (Float32) or
// to the quantisation's error (Int8). It is immutable and safe for concurrent
// use.
type Packed struct {
	workers int
	level   kernel.Level
	ref     *Reference // embeddings, limits and shapes; its layers are not kept
	norm    packedNorm
	layers  []packedLayer
	scratch sync.Pool // of *packedScratch
}

// PackedOptions of NewPacked; the zero value is float32 on every CPU at the
// processor's best instruction level.
type PackedOptions struct {
	Workers   int // goroutines of one Forward; 0: one per CPU
	Precision Precision
	// Level forces an instruction level; nil takes the processor's best.
	Level *kernel.Level
}

// groupTokens is the number of tokens that pass through the layers together:
// enough rows to amortise reading the weights, few enough for the second-level
// cache.
const groupTokens = 192

// NewPacked prepares t; its embedding tables must stay valid as long as the
// engine is used. Errors wrap ErrModel.
func NewPacked(t *model.Transformer, c model.Config, o PackedOptions) (*Packed, error) {
	ref, err := NewReference(t, c, o.Workers)
	if err != nil {
		return nil, err
	}
	p := &Packed{workers: o.Workers, ref: ref}
	if p.workers <= 0 {
		p.workers = runtime.GOMAXPROCS(0)
	}
	if o.Level != nil {
		p.level = *o.Level
	} else if p.level, err = kernel.Choose(""); err != nil {
		return nil, err
	}
	if o.Precision == Int8 && p.level < kernel.VNNI {
		// Without vpdpbusd integer products are slower than float32 ones; the
		// weights are rounded to int8 all the same, so that vectors agree.
		o.Precision = roundedInt8
	}
	p.norm = packNorm(ref.norm, nil)
	for i := range ref.layers {
		p.layers = append(p.layers, packLayer(&ref.layers[i], ref.dims, o.Precision))
	}
	ref.layers = nil
	p.scratch.New = func() any {
		return &packedScratch{attention: kernel.Attention{Heads: ref.dims.heads, Dim: ref.dims.head}}
	}
	return p, nil
}

// Hidden is the width of a token's state.
func (p *Packed) Hidden() int { return p.ref.dims.hidden }

// Forward implements Engine.
func (p *Packed) Forward(ctx context.Context, b *Batch, sink Sink) error {
	if err := b.check(p.ref.limits); err != nil {
		return err
	}
	groups := p.groups(b)
	return share(ctx, p.workers, len(groups)-1, func(t *tickets) error {
		s := p.scratch.Get().(*packedScratch)
		defer p.scratch.Put(s)
		for i, ok := t.take(); ok; i, ok = t.take() {
			if err := p.group(t.ctx, s, b, groups[i], groups[i+1]); err != nil {
				return err
			}
			for j := groups[i]; j < groups[i+1]; j++ {
				lo, hi := int(b.Offsets[j]-b.Offsets[groups[i]]), int(b.Offsets[j+1]-b.Offsets[groups[i]])
				sink(j, s.x[lo*p.ref.dims.hidden:hi*p.ref.dims.hidden])
			}
		}
		return nil
	})
}

// groups cuts the batch into runs of sentences: at least one sentence each, up
// to groupTokens tokens, and no fewer runs than workers where that is possible.
// It returns the runs' borders.
func (p *Packed) groups(b *Batch) []int {
	limit := min(groupTokens, max(1, (b.Tokens()+p.workers-1)/p.workers))
	borders := []int{0}
	start := int32(0)
	for i := 1; i < b.Len(); i++ {
		if int(b.Offsets[i+1]-start) > limit {
			borders = append(borders, i)
			start = b.Offsets[i]
		}
	}
	if b.Len() > 0 {
		borders = append(borders, b.Len())
	}
	return borders
}

// group computes the states of sentences [lo, hi) into s.x.
func (p *Packed) group(ctx context.Context, s *packedScratch, b *Batch, lo, hi int) error {
	d := p.ref.dims
	first := b.Offsets[lo]
	tokens := int(b.Offsets[hi] - first)
	s.fit(tokens, d)
	for i := lo; i < hi; i++ {
		ids, types := b.sentence(i)
		p.ref.sum(s.x[int(b.Offsets[i]-first)*d.hidden:], s.row, ids, types)
	}
	p.norm.apply(p.level, s.x)
	for l := range p.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		layer := &p.layers[l]
		layer.qkv.run(p.level, s, tokens, s.x, d.hidden, s.qkv, 3*d.hidden, false)
		for i := lo; i < hi; i++ {
			at, n := int(b.Offsets[i]-first), int(b.Offsets[i+1]-b.Offsets[i])
			if n == 0 {
				continue
			}
			qkv := s.qkv[at*3*d.hidden:]
			s.attention.Run(p.level, n, qkv, qkv[d.hidden:], qkv[2*d.hidden:], 3*d.hidden, s.context[at*d.hidden:], d.hidden)
		}
		layer.output.run(p.level, s, tokens, s.context, d.hidden, s.x, d.hidden, true)
		layer.attentionNorm.apply(p.level, s.x)
		layer.up.run(p.level, s, tokens, s.x, d.hidden, s.inner, d.inner, false)
		layer.activate(p.level, s.inner)
		layer.down.run(p.level, s, tokens, s.inner, d.inner, s.x, d.hidden, true)
		layer.outputNorm.apply(p.level, s.x)
	}
	return nil
}

// packedScratch is one worker's memory for a group of T tokens. It grows to
// the largest group it has met.
type packedScratch struct {
	buf       []float32
	x         []float32 // [T, H] states
	qkv       []float32 // [T, 3H]
	context   []float32 // [T, H] attention's output
	inner     []float32 // [T, F]
	row       []float32 // [H] one decoded embedding row
	attention kernel.Attention
	bytes     kernel.Bytes // [T, max(H, F)] quantised activations
}

func (s *packedScratch) fit(t int, d shape) {
	need := t*(5*d.hidden+d.inner) + d.hidden
	if cap(s.buf) < need {
		s.buf = make([]float32, need)
	}
	rest := s.buf[:need]
	cut := func(n int) []float32 {
		p := rest[:n:n]
		rest = rest[n:]
		return p
	}
	s.x, s.qkv, s.context = cut(t*d.hidden), cut(t*3*d.hidden), cut(t*d.hidden)
	s.inner, s.row = cut(t*d.inner), cut(d.hidden)
}

// quantize fills s.bytes with the rows of x.
func (s *packedScratch) quantize(l kernel.Level, rows int, x []float32, width int) *kernel.Bytes {
	q := &s.bytes
	q.Stride = kernel.Padded(width)
	if need := rows * q.Stride; len(q.Data) < need {
		q.Data = make([]uint8, need)
	}
	if len(q.Scale) < rows {
		q.Scale, q.Zero = make([]float32, rows), make([]int32, rows)
	}
	for r := range rows {
		l.Quantize(q, r, x[r*width:(r+1)*width])
	}
	return q
}

// String names the engine for logs and benchmarks.
func (p *Packed) String() string {
	kind := "f32"
	if p.layers[0].up.i8 != nil {
		kind = "int8"
	}
	return fmt.Sprintf("packed %s, %v", kind, p.level)
}
