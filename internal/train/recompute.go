package train

import (
	"fmt"

	"github.com/nlpodyssey/spago/mat"
)

// VectorsInChunks is Vectors for batches whose intermediate results would not
// fit in memory: sentences go through the encoder in chunks of about the given
// number of tokens, of which the vectors alone are kept, and Backward runs every
// chunk again with the same dropout (GradCache, Gao et al. 2021). A loss over
// the vectors sees the whole batch. It costs a second forward pass; without
// dropout the step is that of Vectors. Errors wrap ErrBatch or ErrConfig.
func (s *SentenceEncoder) VectorsInChunks(g *Graph, b *Batch, tokens int) (mat.Tensor, error) {
	if tokens < 1 {
		return nil, fmt.Errorf("%w: chunks of %d tokens", ErrConfig, tokens)
	}
	if err := b.Check(&s.Encoder.Config); err != nil {
		return nil, err
	}
	if s.Pooling != PoolMean && s.Pooling != PoolCLS && s.Pooling != PoolMax {
		return nil, fmt.Errorf("%w: pooling %q", ErrConfig, s.Pooling)
	}
	g.sites++
	return g.run(&recompute{g: g, s: s, chunks: b.chunks(tokens), seed: Seed(g.seed, g.sites), sentences: b.Len()}), nil
}

// chunks cuts a batch into batches of at most tokens tokens, or of one sentence.
func (b *Batch) chunks(tokens int) []*Batch {
	var list []*Batch
	for i := range b.Len() {
		from, to := b.Offsets[i], b.Offsets[i+1]
		n := len(list)
		if n == 0 || list[n-1].Tokens()+int(to-from) > tokens {
			list = append(list, new(Batch))
			n++
		}
		var types []int32
		if len(b.Types) > 0 {
			types = b.Types[from:to]
		}
		list[n-1].Append(b.IDs[from:to], types)
	}
	return list
}

type recompute struct {
	g         *Graph
	s         *SentenceEncoder
	chunks    []*Batch
	seed      uint64
	sentences int
}

func (o *recompute) Operands() []mat.Tensor {
	var in []mat.Tensor
	for _, p := range Parameters(o.s) {
		in = append(in, p.Param)
	}
	return in
}

// graph is chunk i's own, with gradients or without, and with the same dropout
// each time.
func (o *recompute) graph(i int) *Graph {
	if !o.g.train {
		return o.g.e.Eval()
	}
	return o.g.e.Train(Seed(o.seed, uint64(i)))
}

func (o *recompute) Forward() (mat.Tensor, error) {
	dims := o.s.Dims()
	y := o.g.take(o.sentences * dims)
	rest := y
	for i, b := range o.chunks {
		g := o.graph(i)
		x, err := o.s.Vectors(g, b)
		if err != nil {
			g.Close()
			return nil, err
		}
		rest = rest[copy(rest, Values(x)):]
		g.Close()
	}
	return o.g.tensor(o.sentences, dims, y), nil
}

func (o *recompute) Backward(gy mat.Tensor) error {
	rest, dims := Values(gy), o.s.Dims()
	for i, b := range o.chunks {
		n := b.Len() * dims
		if err := o.chunk(i, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// chunk adds the gradients of chunk i, dy being that of its vectors.
func (o *recompute) chunk(i int, dy []float32) error {
	g := o.graph(i)
	defer g.Close()
	x, err := o.s.Vectors(g, o.chunks[i])
	if err != nil {
		return err
	}
	return g.Backward(g.scalar(func(l *loss) float64 {
		copy(l.grads[0], dy) // of the inner product with dy, whose value nobody needs
		return 0
	}, x), 1)
}
