package encoder_test

import (
	"errors"
	"slices"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// A range over a whole sentence is the sentence, bit for bit; one over a part has
// what a sentence's pooling makes of the part's states.
func TestRanges(t *testing.T) {
	for _, pooling := range []model.PoolingMode{"mean", "max", "weightedmean+mean_sqrt_len"} {
		m := modeltest.New(model.BERT, modeltest.Options{Pooling: pooling, Dense: 10, Seed: 3})
		engine, err := encoder.NewReference(m.Transformer, m.Config, 1)
		if err != nil {
			t.Fatal(err)
		}
		enc, err := encoder.NewTransformer(engine, m)
		if err != nil {
			t.Fatal(err)
		}
		b := randomBatch(rng(t), m, 5, 12)
		var ranges [][]encoder.Range
		for i := range b.Len() {
			n := b.Offsets[i+1] - b.Offsets[i]
			ranges = append(ranges, []encoder.Range{{End: n}, {Start: n / 2, End: n / 2}, {Start: 0, End: n}}[:i%4])
		}
		o := encoder.Output{Dims: 7, Normalize: true}
		whole, got := make([]float32, b.Len()*7), make([]float32, 100)
		if err := errors.Join(enc.Encode(t.Context(), b, o, whole), enc.EncodeRanges(t.Context(), b, ranges, o, got)); err != nil {
			t.Fatal(err)
		}
		at := 0
		for i, parts := range ranges {
			for _, r := range parts {
				want := whole[i*7 : i*7+7]
				if r.Start == r.End {
					want = make([]float32, 7)
				}
				if v := got[at*7 : at*7+7]; !slices.Equal(v, want) {
					t.Errorf("%s: range %v of sentence %d: %v, want %v", pooling, r, i, v, want)
				}
				at++
			}
		}
	}
}

func TestBadRanges(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{})
	enc := newEncoder(t, m, 1).(encoder.RangeEncoder)
	b := &encoder.Batch{IDs: []int32{5, 6, 7}, Offsets: []int32{0, 2, 3}}
	dst := make([]float32, 1000)
	for _, ranges := range [][][]encoder.Range{
		nil, {{}}, {{}, {}, {}}, {{{0, 3}}, {}}, {{{-1, 1}}, {}}, {{}, {{1, 0}}}, {{}, {{0, 2}}},
	} {
		if err := enc.EncodeRanges(t.Context(), b, ranges, encoder.Output{}, dst); !errors.Is(err, encoder.ErrBatch) {
			t.Errorf("%v: %v, want ErrBatch", ranges, err)
		}
	}
	if err := enc.EncodeRanges(t.Context(), b, [][]encoder.Range{{{0, 1}, {1, 2}}, {{0, 1}}}, encoder.Output{}, dst[:95]); !errors.Is(err, encoder.ErrDims) {
		t.Errorf("too little room: %v", err)
	}
	if err := enc.EncodeRanges(t.Context(), &encoder.Batch{}, nil, encoder.Output{}, nil); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}
