package encoder_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/internal/kernel"
)

// packedEncoder is m on the packed engine at one level.
func packedEncoder(t testing.TB, m *model.Model, l kernel.Level, p encoder.Precision, workers int) encoder.Encoder {
	t.Helper()
	engine, err := encoder.NewPacked(m.Transformer, m.Config, encoder.PackedOptions{Workers: workers, Precision: p, Level: &l})
	if err != nil {
		t.Fatal(err)
	}
	engine.ShareAll() // test models are tiny
	enc, err := encoder.NewTransformer(engine, m)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// eachLevel runs f at every instruction level that this processor has; under
// the race detector, which does not look into assembly, at the best alone.
func eachLevel(t *testing.T, f func(t *testing.T, l kernel.Level)) {
	best := bestLevel(t)
	lowest := kernel.Plain
	if raceDetector {
		lowest = best
	}
	for l := lowest; l <= best; l++ {
		t.Run(l.String(), func(t *testing.T) { f(t, l) })
	}
}

func bestLevel(t testing.TB) kernel.Level {
	t.Helper()
	best, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	return best
}

func TestPackedAgreesWithReference(t *testing.T) {
	for _, o := range []modeltest.Options{
		{Hidden: 64, Heads: 2, Intermediate: 128, Layers: 3},
		{Hidden: 20, Heads: 4, Intermediate: 36, Layers: 2}, // whole vectors nowhere
		{Hidden: 96, Heads: 12, Intermediate: 100, Layers: 2},
	} {
		for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
			for _, act := range []string{"gelu", "gelu_new", "relu"} {
				m := modeltest.New(arch, o)
				m.Config.Activation = act
				b := randomBatch(rng(t), m, fewer(20), 20)
				out := encoder.Output{Normalize: true}
				want := encode(t, newEncoder(t, m, 2), b, out)
				eachLevel(t, func(t *testing.T, l kernel.Level) {
					for i, got := range encode(t, packedEncoder(t, m, l, encoder.Float32, 2), b, out) {
						for d := range got {
							if math.Abs(float64(got[d]-want[i][d])) > tolerance {
								t.Fatalf("%s %s %+v, sentence %d, dimension %d: %v, want %v", arch, act, o, i, d, got[d], want[i][d])
							}
						}
					}
				})
			}
		}
	}
}

func TestPackedInt8IsCloseToFloat32(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Hidden: 128, Heads: 4, Intermediate: 512, Layers: 4, Positions: 300})
	r := rng(t)
	b := randomBatch(r, m, fewer(12), 40)
	b.Types = nil
	for _, n := range []int{100, 290} { // attention over bytes
		long := make([]int32, n)
		for i := range long {
			long[i] = int32(r.IntN(m.Config.VocabSize))
		}
		b.Append(long)
	}
	out := encoder.Output{Normalize: true}
	want := encode(t, newEncoder(t, m, 2), b, out)
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		for i, got := range encode(t, packedEncoder(t, m, l, encoder.Int8, 2), b, out) {
			var cos float64
			for d := range got {
				cos += float64(got[d]) * float64(want[i][d])
			}
			if cos < 0.999 {
				t.Errorf("sentence %d: cosine %v", i, cos)
			}
		}
	})
}

// TestPackedFromNarrowTensors packs 16-bit tensors, and the same numbers widened
// before.
func TestPackedFromNarrowTensors(t *testing.T) {
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		for _, p := range []encoder.Precision{encoder.Float32, encoder.Int8} {
			for _, to := range []model.DType{model.F16, model.BF16} {
				m := modeltest.New(model.BERT, modeltest.Options{Hidden: 24, Intermediate: 40})
				wide := modeltest.New(model.BERT, modeltest.Options{Hidden: 24, Intermediate: 40})
				tensors, same := everyTensor(m.Transformer), everyTensor(wide.Transformer)
				for i := range tensors {
					*tensors[i] = *narrow(tensors[i], to)
					*same[i] = *model.NewF32(same[i].Name, same[i].Shape, tensors[i].F32())
				}
				b := randomBatch(rng(t), m, 5, 20)
				want := encode(t, packedEncoder(t, wide, l, p, 1), b, encoder.Output{})
				for i, v := range encode(t, packedEncoder(t, m, l, p, 1), b, encoder.Output{}) {
					identical(t, fmt.Sprintf("%s, precision %v, sentence %d", to, p, i), v, want[i])
				}
			}
		}
	})
}

func everyTensor(t *model.Transformer) []*model.Tensor {
	all := []*model.Tensor{t.Word, t.Position, t.Type, t.Norm.Weight, t.Norm.Bias}
	for i := range t.Layers {
		l := &t.Layers[i]
		for _, part := range []model.Linear{l.Query, l.Key, l.Value, l.Output, l.Up, l.Down} {
			all = append(all, part.Weight, part.Bias)
		}
		all = append(all, l.AttentionNorm.Weight, l.AttentionNorm.Bias, l.OutputNorm.Weight, l.OutputNorm.Bias)
	}
	return all
}

// TestPackedBitIdentical holds a sentence's vector, computed alone by one
// worker, against the one it gets in batches, at any place in them and by teams
// of any size: with so many sentences that each worker has its own, with few
// rows for each (shared by columns) and many (shared by blocks of rows).
func TestPackedBitIdentical(t *testing.T) {
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		for _, p := range []encoder.Precision{encoder.Float32, encoder.Int8} {
			m := modeltest.New(model.DistilBERT, modeltest.Options{Hidden: 64, Heads: 2, Intermediate: 128, Positions: 300, Pooling: "mean+max"})
			r := rng(t)
			b := randomBatch(r, m, 20, 20)
			b.Types = nil
			for _, n := range []int{1, 33, 80, 110, 290} {
				b.Append(make([]int32, n))
			}
			for i := range b.IDs {
				b.IDs[i] = int32(r.IntN(m.Config.VocabSize))
			}
			b.Append(nil)
			want := alone(t, packedEncoder(t, m, l, p, 1), b)
			for _, workers := range []int{1, 2, 5} {
				enc := packedEncoder(t, m, l, p, workers)
				for _, size := range []int{1, 2, 7, b.Len()} {
					checkShuffled(t, r, enc, b, size, want)
				}
				for i, v := range alone(t, enc, b) {
					identical(t, fmt.Sprintf("sentence %d by %d workers", i, workers), v, want[i])
				}
			}
		}
	})
}

// alone is the vector of every sentence of b in a batch of its own.
func alone(t *testing.T, enc encoder.Encoder, b *encoder.Batch) [][]float32 {
	var vectors [][]float32
	for i := range b.Len() {
		var single encoder.Batch
		single.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
		vectors = append(vectors, encode(t, enc, &single, encoder.Output{Normalize: true})[0])
	}
	return vectors
}

// checkShuffled encodes size sentences of b, drawn and ordered at random.
func checkShuffled(t *testing.T, r *rand.Rand, enc encoder.Encoder, b *encoder.Batch, size int, want [][]float32) {
	t.Helper()
	order := r.Perm(b.Len())[:size]
	var shuffled encoder.Batch
	for _, i := range order {
		shuffled.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
	}
	for at, v := range encode(t, enc, &shuffled, encoder.Output{Normalize: true}) {
		identical(t, fmt.Sprintf("sentence %d, at %d of %d", order[at], at, size), v, want[order[at]])
	}
}

func identical(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for d := range got {
		if math.Float32bits(got[d]) != math.Float32bits(want[d]) {
			t.Fatalf("%s: dimension %d is %v, want %v", what, d, got[d], want[d])
		}
	}
}

func TestPackedAllocatesNothing(t *testing.T) {
	best := bestLevel(t)
	m := modeltest.New(model.BERT, modeltest.Options{Hidden: 64, Heads: 2, Intermediate: 128, Positions: 300})
	for _, p := range []encoder.Precision{encoder.Float32, encoder.Int8} {
		for _, workers := range []int{1, 3} {
			enc := packedEncoder(t, m, best, p, workers)
			for _, s := range [][2]int{{1, 10}, {1, 200}, {9, 30}} {
				b, dst := &encoder.Batch{}, make([]float32, s[0]*enc.Dims())
				for range s[0] {
					b.Append(make([]int32, s[1]))
				}
				run := func() {
					if err := enc.Encode(t.Context(), b, encoder.Output{Normalize: true}, dst); err != nil {
						t.Fatal(err)
					}
				}
				if n := testing.AllocsPerRun(10, run); n != 0 {
					t.Errorf("precision %v, %d workers, %d sentences of %d tokens: %v allocations", p, workers, s[0], s[1], n)
				}
			}
		}
	}
}

// TestPackedSurvivesItsSink: a server may recover from a panic in a handler.
func TestPackedSurvivesItsSink(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{Hidden: 64, Positions: 300})
	best := bestLevel(t)
	engine, err := encoder.NewPacked(m.Transformer, m.Config, encoder.PackedOptions{Workers: 3, Level: &best})
	if err != nil {
		t.Fatal(err)
	}
	engine.ShareAll()
	before := runtime.NumGoroutine()
	b := &encoder.Batch{}
	b.Append(make([]int32, 200)) // shared by all, so that sink runs here
	for range 5 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = engine.Forward(t.Context(), b, func(int, []float32) { panic("sink") })
		}()
		if err := engine.Forward(t.Context(), b, func(int, []float32) {}); err != nil {
			t.Fatal(err)
		}
	}
	for runtime.NumGoroutine() > before {
		runtime.Gosched()
	}
}

func TestPackedStopsWithItsContext(t *testing.T) {
	m := modeltest.New(model.BERT, modeltest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, sentences := range []int{1, 30} {
		for _, workers := range []int{1, 3} {
			enc := packedEncoder(t, m, kernel.Plain, encoder.Float32, workers)
			b := randomBatch(rng(t), m, sentences, 20)
			err := enc.Encode(ctx, b, encoder.Output{}, make([]float32, sentences*enc.Dims()))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d workers, %d sentences: %v", workers, sentences, err)
			}
		}
	}
}

// BenchmarkPacked runs the packed engine at the size of a small model: 6
// layers, hidden 384.
func BenchmarkPacked(b *testing.B) {
	m := modeltest.New(model.BERT, modeltest.Options{
		Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Positions: 512, Spread: 0.05,
	})
	best := bestLevel(b)
	for _, p := range []encoder.Precision{encoder.Float32, encoder.Int8} {
		for _, s := range [][2]int{{1, 16}, {1, 128}, {32, 16}, {32, 128}} {
			for _, workers := range []int{1, 2} {
				name := map[encoder.Precision]string{encoder.Float32: "f32", encoder.Int8: "int8"}[p]
				b.Run(fmt.Sprintf("%s/%dx%d/workers=%d", name, s[0], s[1], workers), func(b *testing.B) {
					run(b, packedEncoder(b, m, best, p, workers), m, s[0], s[1])
				})
			}
		}
	}
}
