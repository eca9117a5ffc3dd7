package encoder_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// tolerance is the largest difference to float64 that is allowed in an element
// of a vector of length 1. What is met in these tests is about a tenth of it.
const tolerance = 1e-5

func TestTransformerAgreesWithFloat64(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
		for _, act := range []string{"gelu", "gelu_new", "relu"} {
			for _, pooling := range []model.PoolingMode{"mean", "cls", "max", "mean_sqrt_len", "weightedmean", "lasttoken", "cls+max+mean"} {
				t.Run(fmt.Sprintf("%s/%s/%s", arch, act, pooling), func(t *testing.T) {
					m := modeltest.New(arch, modeltest.Options{Pooling: pooling, Seed: 7, Layers: 3})
					m.Config.Activation = act
					agrees(t, m, randomBatch(rng(t), m, fewer(9), 20), encoder.Output{Normalize: true})
				})
			}
		}
	}
}

func TestOddShapesAgreeWithFloat64(t *testing.T) {
	for _, o := range []modeltest.Options{
		{Hidden: 6, Heads: 3, Intermediate: 7, Layers: 2},   // no multiple of 4 anywhere
		{Hidden: 5, Heads: 5, Intermediate: 1, Layers: 1},   // heads of width 1
		{Hidden: 12, Heads: 1, Intermediate: 10, Layers: 4}, // one head
		{Hidden: 16, Heads: 2, Dense: 9, Pooling: "max+mean"},
		{Hidden: 16, Heads: 2, Dense: 40},
	} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			m := modeltest.New(model.BERT, o)
			m.Config.LayerNormEps = 1e-5
			agrees(t, m, randomBatch(rng(t), m, 6, 11), encoder.Output{Normalize: true})
		})
	}
}

func TestOutput(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Dense: 24})
	b := randomBatch(rng(t), m, 5, 12)
	for _, o := range []encoder.Output{{}, {Dims: 7}, {Dims: 7, Normalize: true}, {Dims: 24}, {Dims: 1, Normalize: true}} {
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) { agrees(t, m, b, o) })
	}
	enc := newEncoder(t, m, 1)
	for _, o := range []encoder.Output{{Dims: 25}, {Dims: -1}} {
		if err := enc.Encode(t.Context(), b, o, make([]float32, 1000)); !errors.Is(err, encoder.ErrDims) {
			t.Errorf("%+v: %v, want ErrDims", o, err)
		}
	}
	if err := enc.Encode(t.Context(), b, encoder.Output{}, make([]float32, 5*24-1)); !errors.Is(err, encoder.ErrDims) {
		t.Errorf("short dst: %v, want ErrDims", err)
	}
}

func TestHalfPrecisionTables(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{})
	m.Transformer.Word = narrow(m.Transformer.Word, model.F16)
	m.Transformer.Position = narrow(m.Transformer.Position, model.BF16)
	m.Transformer.Layers[0].Up.Weight = narrow(m.Transformer.Layers[0].Up.Weight, model.F16)
	agrees(t, m, randomBatch(rng(t), m, 6, 20), encoder.Output{Normalize: true})
}

// TestDenseIdentity: a Dense module without bias and without activation.
func TestDenseIdentity(t *testing.T) {
	m := modeltest.New(model.DistilBERT, modeltest.Options{Dense: 10})
	m.Dense[0].Activation = "identity"
	m.Dense[0].Bias = nil
	agrees(t, m, randomBatch(rng(t), m, 4, 9), encoder.Output{})
}

// TestBitIdentical is the promise of the package: a sentence's vector does not
// depend on its batch, its place there, or the number of workers.
func TestBitIdentical(t *testing.T) {
	r := rng(t)
	for _, arch := range []model.Architecture{model.BERT, model.DistilBERT, model.Static} {
		t.Run(string(arch), func(t *testing.T) {
			m := modeltest.New(arch, modeltest.Options{Hidden: 20, Heads: 4, Intermediate: 36, Pooling: "mean+max"})
			const n = 150
			b := randomBatch(r, m, n, 20)
			b.Types = nil
			out := encoder.Output{Normalize: true}
			want := make([][]float32, n)
			one := newEncoder(t, m, 1)
			for i := range want {
				var single encoder.Batch
				single.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
				want[i] = encode(t, one, &single, out)[0]
			}
			for _, workers := range []int{1, 2, 3, 8} {
				enc := newEncoder(t, m, workers)
				order := r.Perm(n)[:1+r.IntN(n)]
				var shuffled encoder.Batch
				for _, i := range order {
					shuffled.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
				}
				for at, v := range encode(t, enc, &shuffled, out) {
					for d := range v {
						if math.Float32bits(v[d]) != math.Float32bits(want[order[at]][d]) {
							t.Fatalf("%d workers, sentence %d at %d, dimension %d: %v, alone %v",
								workers, order[at], at, d, v[d], want[order[at]][d])
						}
					}
				}
			}
		})
	}
}

func TestNoTokensGiveTheZeroVector(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.Static} {
		m := modeltest.New(arch, modeltest.Options{Dense: 8})
		enc := newEncoder(t, m, 2)
		var b encoder.Batch
		b.Append(nil)
		b.Append([]int32{3, 4})
		b.Append(nil)
		v := encode(t, enc, &b, encoder.Output{Normalize: true})
		for d := range v[0] {
			if v[0][d] != 0 || v[2][d] != 0 {
				t.Fatalf("%s: vector of no tokens: %v", arch, v[0])
			}
		}
		if n := length(v[1]); math.Abs(n-1) > 1e-6 {
			t.Errorf("%s: vector beside it has length %v", arch, n)
		}
	}
}

func TestEmptyBatch(t *testing.T) {
	for _, arch := range []model.Architecture{model.DistilBERT, model.Static} {
		enc := newEncoder(t, modeltest.New(arch, modeltest.Options{}), 2)
		if err := enc.Encode(t.Context(), &encoder.Batch{}, encoder.Output{}, nil); err != nil {
			t.Errorf("%s: %v", arch, err)
		}
	}
}

func TestInvalidBatches(t *testing.T) {
	bert := modeltest.New(model.BERT, modeltest.Options{Vocab: 10, Positions: 4, Types: 2})
	static := modeltest.New(model.Static, modeltest.Options{Vocab: 10})
	for name, c := range map[string]struct {
		m *model.Model
		b encoder.Batch
	}{
		"id beyond the vocabulary": {bert, encoder.Batch{IDs: []int32{1, 10}, Offsets: []int32{0, 2}}},
		"negative id":              {bert, encoder.Batch{IDs: []int32{-1}, Offsets: []int32{0, 1}}},
		"too long":                 {bert, encoder.Batch{IDs: make([]int32, 5), Offsets: []int32{0, 5}}},
		"token type":               {bert, encoder.Batch{IDs: []int32{1}, Types: []int32{2}, Offsets: []int32{0, 1}}},
		"types too few":            {bert, encoder.Batch{IDs: []int32{1, 2}, Types: []int32{0}, Offsets: []int32{0, 2}}},
		"offsets fall":             {bert, encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 2, 1, 2}}},
		"offset beyond the ids":    {bert, encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 3, 2}}},
		"offsets end early":        {bert, encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{0, 1}}},
		"offsets start late":       {bert, encoder.Batch{IDs: []int32{1, 2}, Offsets: []int32{1, 2}}},
		"no offsets":               {bert, encoder.Batch{IDs: []int32{1, 2}}},
		"static id":                {static, encoder.Batch{IDs: []int32{10}, Offsets: []int32{0, 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			err := newEncoder(t, c.m, 1).Encode(t.Context(), &c.b, encoder.Output{}, make([]float32, 1000))
			if !errors.Is(err, encoder.ErrBatch) {
				t.Errorf("%v, want ErrBatch", err)
			}
		})
	}
}

func TestCancel(t *testing.T) {
	for _, arch := range []model.Architecture{model.BERT, model.Static} {
		for _, workers := range []int{1, 3} {
			m := modeltest.New(arch, modeltest.Options{})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			b := randomBatch(rng(t), m, 300, 5)
			err := newEncoder(t, m, workers).Encode(ctx, b, encoder.Output{}, make([]float32, 300*32))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s, %d workers: %v, want context.Canceled", arch, workers, err)
			}
		}
	}
}

// agrees compares the encoder with the oracle on b.
func agrees(t *testing.T, m *model.Model, b *encoder.Batch, o encoder.Output) {
	t.Helper()
	got := encode(t, newEncoder(t, m, 2), b, o)
	worst := 0.0
	for i, want := range (oracle{m}).vectors(b, o) {
		allowed := tolerance * math.Max(1, length64(want))
		for d := range want {
			diff := math.Abs(float64(got[i][d]) - want[d])
			worst = math.Max(worst, diff)
			if !(diff <= allowed) {
				t.Fatalf("sentence %d, dimension %d: %v, float64 %v", i, d, got[i][d], want[d])
			}
		}
	}
	t.Logf("largest difference %.1e", worst)
}

func newEncoder(t testing.TB, m *model.Model, workers int) encoder.Encoder {
	t.Helper()
	enc, err := encoder.New(m, workers)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

func encode(t *testing.T, enc encoder.Encoder, b *encoder.Batch, o encoder.Output) [][]float32 {
	t.Helper()
	d := o.Dims
	if d == 0 {
		d = enc.Dims()
	}
	flat := make([]float32, b.Len()*d)
	if err := enc.Encode(t.Context(), b, o, flat); err != nil {
		t.Fatal(err)
	}
	rows := make([][]float32, b.Len())
	for i := range rows {
		rows[i] = flat[i*d : (i+1)*d]
	}
	return rows
}

// randomBatch has n sentences of 1 to longest tokens.
func randomBatch(r *rand.Rand, m *model.Model, n, longest int) *encoder.Batch {
	b := &encoder.Batch{}
	for range n {
		ids := make([]int32, 1+r.IntN(longest))
		for i := range ids {
			ids[i] = int32(r.IntN(m.Config.VocabSize))
		}
		b.Append(ids)
	}
	if m.Config.TypeVocabSize > 0 {
		b.Types = make([]int32, len(b.IDs))
		for i := range b.Types {
			b.Types[i] = int32(r.IntN(m.Config.TypeVocabSize))
		}
	}
	return b
}

// fewer is n, less under the race detector.
func fewer(n int) int {
	if raceDetector {
		return (n + 5) / 6
	}
	return n
}

// rng is seeded at random and says with what.
func rng(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func length(v []float32) float64 {
	sum := 0.0
	for _, e := range v {
		sum += float64(e) * float64(e)
	}
	return math.Sqrt(sum)
}

func length64(v []float64) float64 {
	sum := 0.0
	for _, e := range v {
		sum += e * e
	}
	return math.Sqrt(sum)
}

// narrow stores a tensor in a 16-bit type.
func narrow(t *model.Tensor, to model.DType) *model.Tensor {
	n := &model.Tensor{Name: t.Name, DType: to, Shape: t.Shape}
	for _, v := range t.F32() {
		h := model.F32ToF16(v)
		if to == model.BF16 {
			h = model.F32ToBF16(v)
		}
		n.Data = append(n.Data, byte(h), byte(h>>8))
	}
	return n
}
