package embed_test

import (
	"fmt"
	"testing"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/queue"
)

// BenchmarkEncode goes all the way from texts to vectors: a static table of 256
// dims and a transformer of 6 layers and hidden 384, over sentences of a dozen
// tokens, without a queue and with one.
func BenchmarkEncode(b *testing.B) {
	sizes := modeltest.Options{Hidden: 384, Heads: 12, Intermediate: 1536, Layers: 6, Vocab: 1000, Spread: 0.05}
	for _, c := range []struct {
		arch    model.Architecture
		options modeltest.Options
		n       int
	}{
		{model.Static, modeltest.Options{Hidden: 256, Vocab: 1000}, 5000},
		{model.DistilBERT, sizes, 64},
	} {
		texts := make([]string, c.n)
		for i := range texts {
			texts[i] = fmt.Sprintf("the search, searching the word%d 한국어 a b c the word%d.", 100+i%800, 150+i%700)
		}
		for _, workers := range []int{1, 2} {
			for name, q := range map[string]*queue.Options{"": nil, "/queue": {}} {
				b.Run(fmt.Sprintf("%s/workers=%d%s", c.arch, workers, name), func(b *testing.B) {
					m, err := embed.FromModel(modeltest.New(c.arch, c.options), embed.Options{Workers: workers, Queue: q})
					if err != nil {
						b.Fatal(err)
					}
					b.ReportAllocs()
					for b.Loop() {
						run(b, m, texts, embed.EncodeOptions{Class: queue.Bulk})
					}
					b.ReportMetric(float64(c.n)*float64(b.N)/b.Elapsed().Seconds(), "texts/s")
					if err := m.Close(); err != nil {
						b.Error(err)
					}
				})
			}
		}
	}
}
