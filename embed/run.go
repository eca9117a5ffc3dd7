package embed

import (
	"context"
	"slices"
	"time"

	"semdex/embed/encoder"
	"semdex/embed/queue"
)

// encode computes the vectors of texts, whose first has the number first, into
// r.
func (p *plan) encode(ctx context.Context, texts []string, first int, r *Result) error {
	inputs, err := p.inputs(ctx, texts, first, r)
	if err != nil {
		return err
	}
	// Long inputs first: the last ones that workers take are short, so that
	// they finish together. Equal lengths keep their order, and with it the
	// order in which the chunks of a text are added up.
	if p.m.model.Static == nil {
		slices.SortStableFunc(inputs, func(a, b input) int { return len(b.ids) - len(a.ids) })
	}
	sums := newChunkSums(p.dims)
	var batch encoder.Batch
	var vectors []float32
	for begun := first > 0; len(inputs) > 0; begun = true {
		n := p.fill(&batch, inputs)
		vectors = slices.Grow(vectors[:0], n*p.dims)[:n*p.dims]
		waited, err := p.compute(ctx, &batch, vectors, begun)
		if err != nil {
			return err
		}
		r.Waited += waited
		for i, in := range inputs[:n] {
			v := vectors[i*p.dims:][:p.dims]
			r.Tokens[in.text] += int(batch.Offsets[i+1] - batch.Offsets[i])
			if r.Chunks[in.text] > 1 {
				sums.add(in.text, v, len(in.ids))
				continue
			}
			copy(r.Vectors[in.text], v)
		}
		inputs = inputs[n:]
	}
	sums.means(r.Vectors)
	if !p.raw {
		for i := range texts {
			encoder.Normalize(r.Vectors[first+i])
		}
	}
	return nil
}

// compute has a batch encoded and tells how long it waited in the queue. A call
// that has begun is not refused any more.
func (p *plan) compute(ctx context.Context, b *encoder.Batch, dst []float32, begun bool) (waited time.Duration, err error) {
	o := encoder.Output{Dims: p.dims}
	if p.m.queue == nil {
		return 0, p.m.encoder.Encode(ctx, b, o, dst)
	}
	return p.m.queue.Encode(ctx, p.class, p.waits(begun), b, o, dst)
}

// waits says whether a call waits for the queue's permits.
func (p *plan) waits(begun bool) bool { return begun || p.class == queue.Bulk }

// fill makes a batch of the first inputs, at least one and up to the token
// budget, and says of how many.
func (p *plan) fill(b *encoder.Batch, inputs []input) int {
	b.Reset()
	b.Offsets = append(b.Offsets, 0)
	for n, in := range inputs {
		if n > 0 && len(b.IDs)+len(in.ids) > p.m.options.BatchTokens {
			return n
		}
		b.IDs = append(b.IDs, p.m.before...)
		if in.prompt {
			b.IDs = append(b.IDs, p.promptID...)
		}
		b.IDs = append(b.IDs, in.ids...)
		b.IDs = append(b.IDs, p.m.after...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
	}
	return len(inputs)
}

// chunkSums adds up the vectors of texts in several chunks, weighted by their
// tokens.
type chunkSums struct {
	dims  int
	texts map[int]*chunkSum
}

type chunkSum struct {
	sum    []float64
	weight float64
}

func newChunkSums(dims int) *chunkSums { return &chunkSums{dims: dims, texts: map[int]*chunkSum{}} }

func (c *chunkSums) add(text int, v []float32, tokens int) {
	s := c.texts[text]
	if s == nil {
		s = &chunkSum{sum: make([]float64, c.dims)}
		c.texts[text] = s
	}
	w := float64(tokens)
	for i, x := range v {
		s.sum[i] += float64(w * float64(x))
	}
	s.weight += w
}

func (c *chunkSums) means(vectors [][]float32) {
	for text, s := range c.texts {
		for i, x := range s.sum {
			vectors[text][i] = float32(x / s.weight)
		}
	}
}
