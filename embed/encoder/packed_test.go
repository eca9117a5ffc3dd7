package encoder_test

import (
	"fmt"
	"math"
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
	enc, err := encoder.NewTransformer(engine, m)
	if err != nil {
		t.Fatal(err)
	}
	return enc
}

// eachLevel runs f at every instruction level that this processor has.
func eachLevel(t *testing.T, f func(t *testing.T, l kernel.Level)) {
	best, err := kernel.Choose("")
	if err != nil {
		t.Fatal(err)
	}
	for l := kernel.Plain; l <= best; l++ {
		t.Run(l.String(), func(t *testing.T) { f(t, l) })
	}
}

func TestPackedAgreesWithReference(t *testing.T) {
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		for _, o := range []modeltest.Options{
			{Hidden: 64, Heads: 2, Intermediate: 128, Layers: 3},
			{Hidden: 20, Heads: 4, Intermediate: 36, Layers: 2}, // whole vectors nowhere
			{Hidden: 96, Heads: 12, Intermediate: 100, Layers: 2},
		} {
			for _, arch := range []model.Architecture{model.BERT, model.DistilBERT} {
				for _, act := range []string{"gelu", "gelu_new", "relu"} {
					m := modeltest.New(arch, o)
					m.Config.Activation = act
					b := randomBatch(rng(t), m, 40, 20)
					out := encoder.Output{Normalize: true}
					want := encode(t, newEncoder(t, m, 2), b, out)
					got := encode(t, packedEncoder(t, m, l, encoder.Float32, 2), b, out)
					for i := range want {
						for d := range want[i] {
							if math.Abs(float64(got[i][d]-want[i][d])) > tolerance {
								t.Fatalf("%s %s %+v, sentence %d, dimension %d: %v, want %v", arch, act, o, i, d, got[i][d], want[i][d])
							}
						}
					}
				}
			}
		}
	})
}

func TestPackedInt8IsCloseToFloat32(t *testing.T) {
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		m := modeltest.New(model.BERT, modeltest.Options{Hidden: 128, Heads: 4, Intermediate: 512, Layers: 4})
		b := randomBatch(rng(t), m, 30, 40)
		out := encoder.Output{Normalize: true}
		want := encode(t, newEncoder(t, m, 2), b, out)
		for i, got := range encode(t, packedEncoder(t, m, l, encoder.Int8, 2), b, out) {
			if len(b.IDs[b.Offsets[i]:b.Offsets[i+1]]) == 0 {
				continue
			}
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

func TestPackedBitIdentical(t *testing.T) {
	eachLevel(t, func(t *testing.T, l kernel.Level) {
		for _, p := range []encoder.Precision{encoder.Float32, encoder.Int8} {
			m := modeltest.New(model.DistilBERT, modeltest.Options{Hidden: 64, Heads: 2, Intermediate: 128, Pooling: "mean+max"})
			r := rng(t)
			b := randomBatch(r, m, 120, 20)
			b.Types = nil
			one := packedEncoder(t, m, l, p, 1)
			var want [][]float32
			for i := range b.Len() {
				var single encoder.Batch
				single.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
				want = append(want, encode(t, one, &single, encoder.Output{Normalize: true})[0])
			}
			for _, workers := range []int{1, 2, 5} {
				order := r.Perm(b.Len())[:1+r.IntN(b.Len())]
				var shuffled encoder.Batch
				for _, i := range order {
					shuffled.Append(b.IDs[b.Offsets[i]:b.Offsets[i+1]])
				}
				for at, v := range encode(t, packedEncoder(t, m, l, p, workers), &shuffled, encoder.Output{Normalize: true}) {
					for d := range v {
						if math.Float32bits(v[d]) != math.Float32bits(want[order[at]][d]) {
							t.Fatalf("precision %v, %d workers, sentence %d at %d, dimension %d: %v, alone %v",
								p, workers, order[at], at, d, v[d], want[order[at]][d])
						}
					}
				}
			}
		}
	})
}

// BenchmarkPacked runs the packed engine at the size of a small model: 6
// layers, hidden 384.
func BenchmarkPacked(b *testing.B) {
	m := modeltest.New(model.BERT, modeltest.Options{
		Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Positions: 512, Spread: 0.05,
	})
	best, err := kernel.Choose("")
	if err != nil {
		b.Fatal(err)
	}
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
