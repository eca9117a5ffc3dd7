package encoder_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// BenchmarkReference runs the plain encoder at the size of a small model: 6
// layers, hidden 384.
func BenchmarkReference(b *testing.B) {
	m := modeltest.New(model.BERT, modeltest.Options{
		Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Positions: 512, Spread: 0.05,
	})
	for _, tokens := range []int{16, 128} {
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("tokens=%d/workers=%d", tokens, workers), func(b *testing.B) {
				run(b, newEncoder(b, m, workers), m, 2, tokens)
			})
		}
	}
}

// BenchmarkStatic averages sentences of 12 tokens, 256 dimensions.
func BenchmarkStatic(b *testing.B) {
	base := modeltest.New(model.Static, modeltest.Options{Hidden: 256, Vocab: 24000})
	codes, scale := make([]int8, 24000*256), make([]float32, 24000)
	for i := range codes {
		codes[i] = int8(i * 31)
	}
	for _, table := range []*model.StaticTable{
		base.Static,
		{Rows: narrow(base.Static.Rows, model.F16)},
		{Rows: model.NewI8("w", []int{24000, 256}, codes), Scale: model.NewF32("s", []int{24000}, scale)},
	} {
		m := &model.Model{Config: base.Config, Static: table}
		for _, workers := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/workers=%d", table.Rows.DType, workers), func(b *testing.B) {
				run(b, newEncoder(b, m, workers), m, 1024, 12)
			})
		}
	}
}

func run(b *testing.B, enc encoder.Encoder, m *model.Model, sentences, tokens int) {
	r := rand.New(rand.NewPCG(1, 1))
	var batch encoder.Batch
	ids := make([]int32, tokens)
	for range sentences {
		for i := range ids {
			ids[i] = int32(r.IntN(m.Config.VocabSize))
		}
		batch.Append(ids)
	}
	dst := make([]float32, sentences*enc.Dims())
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(b.Context(), &batch, encoder.Output{Normalize: true}, dst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(sentences)*float64(b.N)/b.Elapsed().Seconds(), "sentences/s")
}
