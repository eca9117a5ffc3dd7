package queue_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/queue"
)

// TestRangesBitIdentical has callers of parts and of whole sequences share batches.
func TestRangesBitIdentical(t *testing.T) {
	enc := tiny(t, model.BERT).(encoder.RangeEncoder)
	for _, o := range []queue.Options{{Workers: 1, BatchTokens: 1}, {Workers: 2, BatchTokens: 500}} {
		t.Run(fmt.Sprintf("%d workers", o.Workers), func(t *testing.T) {
			q := open(t, enc, o)
			var wg sync.WaitGroup
			for caller := range 6 {
				r := random(t)
				wg.Go(func() {
					for range 5 {
						b := randomBatch(r.IntN, false)
						out := encoder.Output{Dims: r.IntN(33), Normalize: r.IntN(2) == 0}
						if caller%2 == 0 {
							if got, want := encode(t, q.Encoder(queue.Bulk, true), b, out), encode(t, enc, b, out); !slices.Equal(got, want) {
								t.Error("a whole sequence differs")
							}
							continue
						}
						ranges, n := randomRanges(r, b)
						dims := out.Dims
						if dims == 0 {
							dims = enc.Dims()
						}
						got, want := make([]float32, n*dims), make([]float32, n*dims)
						view := q.Encoder(queue.Interactive, true).(encoder.RangeEncoder)
						err := errors.Join(view.EncodeRanges(t.Context(), b, ranges, out, got), enc.EncodeRanges(t.Context(), b, ranges, out, want))
						if err != nil || !slices.Equal(got, want) {
							t.Errorf("ranges %v differ, %v", ranges, err)
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func randomRanges(r *rand.Rand, b *encoder.Batch) (ranges [][]encoder.Range, n int) {
	ranges = make([][]encoder.Range, b.Len())
	for i := range ranges {
		tokens := int(b.Offsets[i+1] - b.Offsets[i])
		for range r.IntN(4) {
			from := r.IntN(tokens + 1)
			ranges[i] = append(ranges[i], encoder.Range{Start: int32(from), End: int32(from + r.IntN(tokens+1-from))})
			n++
		}
	}
	return ranges, n
}

func TestRangesThatCannotBe(t *testing.T) {
	q := open(t, &instant{}, queue.Options{})
	if _, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1}}, Ranges: [][]encoder.Range{{{End: 1}}}}); !errors.Is(err, encoder.ErrBatch) {
		t.Errorf("an encoder without ranges: %v", err)
	}
	q = open(t, tiny(t, model.BERT), queue.Options{})
	for _, ranges := range [][][]encoder.Range{{}, {{{End: 2}}}} {
		if _, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1}}, Ranges: ranges}); !errors.Is(err, encoder.ErrBatch) {
			t.Errorf("%v: %v", ranges, err)
		}
	}
	r, err := q.Do(t.Context(), queue.Request{IDs: [][]int32{{1}, {2}}, Ranges: [][]encoder.Range{{}, {{End: 1}, {End: 0}}}})
	if err != nil || len(r.Vectors) != 2*r.Dims || !slices.Equal(r.At(1), make([]float32, r.Dims)) {
		t.Errorf("%v, %v", r, err)
	}
}
