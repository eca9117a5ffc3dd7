package embed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"semdex/embed/encoder"
)

// Span is a stretch of a text in runes, half open.
type Span struct{ Start, End int }

// SpanText is a text with the parts of it that get vectors.
type SpanText struct {
	Text  string
	Spans []Span // ordered by start; they may overlap
	// Prefixes are what is read before the stretch of the text that a span is
	// read in, such as its title, by span; nil: nothing. Where spans share a
	// stretch it is the first one's.
	Prefixes []string
}

// SpanResult is the answer of EncodeSpans.
type SpanResult struct {
	// Vectors has one entry for each span, text by text. A span without a single
	// token has the zero vector.
	Vectors [][]float32
	Passes  int // inputs that the model has read
	Tokens  int // of those inputs, special ones and prefixes included
	// Waited is how long the call's batches stood in the model's queue.
	Waited time.Duration
}

// CanEncodeSpans is nil if the model gives vectors of parts of a text, or wraps
// ErrNoSpans and says why it does not.
func (m *Model) CanEncodeSpans() error {
	if m.model.Static != nil {
		return fmt.Errorf("%w: %s is a static table, in which a token's vector does not depend on the text around it", ErrNoSpans, m.Name())
	}
	for mode := range strings.SplitSeq(string(m.model.Pooling), "+") {
		if mode == "cls" || mode == "lasttoken" {
			return fmt.Errorf("%w: %s pools by %q, one token for the whole input; a part of it needs a mean over its tokens", ErrNoSpans, m.Name(), mode)
		}
	}
	if _, ok := m.encoder.(encoder.RangeEncoder); !ok {
		return fmt.Errorf("%w: %s", ErrNoSpans, m.Name())
	}
	return nil
}

// EncodeSpans gives the vectors of parts of texts in the context of the whole
// (late chunking: Günther et al. 2024). The model reads as much of a text at once
// as it has positions, a longer one in stretches that overlap, so that each span
// lies within one; the span's vector is pooled from the states of its tokens, as
// Encode pools all of them, and goes through the same Dense modules and
// normalisation. Only a span longer than the model's positions is read in parts,
// whose vectors' mean, weighted by their tokens, it gets.
//
// Long and Left of the options have no meaning. Errors are ErrNoSpans and those
// of Encode.
func (m *Model) EncodeSpans(ctx context.Context, texts []SpanText, o EncodeOptions) (SpanResult, error) {
	done, err := m.use()
	if err != nil {
		return SpanResult{}, err
	}
	defer done()
	if err := m.CanEncodeSpans(); err != nil {
		return SpanResult{}, err
	}
	if o.MaxTokens == 0 {
		o.MaxTokens = m.model.Config.MaxPositions
	}
	p, err := m.plan(o)
	if err != nil {
		return SpanResult{}, err
	}
	spans := 0
	for i, t := range texts {
		if t.Prefixes != nil && len(t.Prefixes) != len(t.Spans) {
			return SpanResult{}, fmt.Errorf("text %d has %d spans and %d prefixes", i, len(t.Spans), len(t.Prefixes))
		}
		spans += len(t.Spans)
	}
	r := SpanResult{Vectors: newVectors(spans, p.dims)}
	for from, first := 0, 0; from < len(texts); {
		to, n := spanWindow(texts, from)
		err := p.encodeSpans(ctx, texts[from:to], first, &r)
		if errors.Is(err, ErrNotFinite) {
			err = fmt.Errorf("model %s: %w", m.Name(), err)
		}
		if err != nil {
			return SpanResult{}, err
		}
		from, first = to, first+n
	}
	return r, ctx.Err()
}

// spanWindow is window for texts with spans, of which it also gives the number.
func spanWindow(texts []SpanText, from int) (to, spans int) {
	size := 0
	for i := from; i < len(texts); i++ {
		size += len(texts[i].Text)
		if i > from && (size > windowBytes || i-from == windowTexts) {
			return i, spans
		}
		spans += len(texts[i].Spans)
	}
	return len(texts), spans
}

// encodeSpans computes the vectors of the spans of texts, the first of which has
// the number first in r.
func (p *plan) encodeSpans(ctx context.Context, texts []SpanText, first int, r *SpanResult) error {
	passes, err := p.passes(ctx, texts, first)
	if err != nil {
		return err
	}
	// As in encode: long ones first, equal ones and parts of a span in order.
	slices.SortStableFunc(passes, func(a, b pass) int { return b.tokens(p) - a.tokens(p) })
	parts := make(map[int]int) // of spans
	last := first
	for _, s := range passes {
		for _, part := range s.parts {
			parts[part.span]++
			last = max(last, part.span+1)
		}
	}
	sums := newChunkSums(p.dims)
	var vectors []float32
	for begun := first > 0; len(passes) > 0; begun = true {
		batch, ranges, n := p.fillPasses(passes)
		count := 0
		for _, s := range ranges {
			count += len(s)
		}
		vectors = slices.Grow(vectors[:0], count*p.dims)[:count*p.dims]
		waited, err := p.computeRanges(ctx, batch, ranges, vectors, begun)
		if err != nil {
			return err
		}
		r.Waited += waited
		r.Passes += n
		r.Tokens += batch.Tokens()
		at := 0
		for _, s := range passes[:n] {
			for _, part := range s.parts {
				v := vectors[at*p.dims:][:p.dims]
				at++
				if parts[part.span] > 1 {
					sums.add(part.span, v, part.to-part.from)
					continue
				}
				copy(r.Vectors[part.span], v)
			}
		}
		passes = passes[n:]
	}
	sums.means(r.Vectors)
	if !p.raw {
		for _, v := range r.Vectors[first:last] {
			encoder.Normalize(v)
		}
	}
	return nil
}

// passes tokenises texts, whose first span has the number first, in parallel and
// cuts them.
func (p *plan) passes(ctx context.Context, texts []SpanText, first int) ([]pass, error) {
	starts := make([]int, len(texts))
	for i, t := range texts {
		starts[i] = first
		first += len(t.Spans)
	}
	out := make([][]pass, len(texts))
	var next atomic.Int64
	err := fanOut(ctx, min(p.m.options.Workers, len(texts)), func(ctx context.Context) error {
		for i := int(next.Add(1)) - 1; i < len(texts); i = int(next.Add(1)) - 1 {
			if err := ctx.Err(); err != nil {
				return err
			}
			out[i] = p.cut(&texts[i], starts[i])
		}
		return nil
	})
	return slices.Concat(out...), err
}

// fillPasses makes a batch of the first passes, at least one and up to the token
// budget, and says of how many.
func (p *plan) fillPasses(passes []pass) (b *encoder.Batch, ranges [][]encoder.Range, n int) {
	b = &encoder.Batch{Offsets: []int32{0}}
	for _, s := range passes {
		if n > 0 && len(b.IDs)+s.tokens(p) > p.m.options.BatchTokens {
			break
		}
		b.IDs = append(b.IDs, p.m.before...)
		b.IDs = append(b.IDs, s.prefix...)
		at := len(b.IDs) - int(b.Offsets[n]) - s.from
		b.IDs = append(b.IDs, s.ids...)
		b.IDs = append(b.IDs, p.m.after...)
		b.Offsets = append(b.Offsets, int32(len(b.IDs)))
		rows := make([]encoder.Range, len(s.parts))
		for i, part := range s.parts {
			rows[i] = encoder.Range{Start: int32(part.from + at), End: int32(part.to + at)}
		}
		ranges = append(ranges, rows)
		n++
	}
	return b, ranges, n
}

// computeRanges is compute for parts of inputs.
func (p *plan) computeRanges(ctx context.Context, b *encoder.Batch, ranges [][]encoder.Range, dst []float32, begun bool) (waited time.Duration, err error) {
	o := encoder.Output{Dims: p.dims}
	if p.m.queue == nil {
		return 0, p.m.encoder.(encoder.RangeEncoder).EncodeRanges(ctx, b, ranges, o, dst) // as CanEncodeSpans says
	}
	return p.m.queue.EncodeRanges(ctx, p.class, p.waits(begun), b, ranges, o, dst)
}
