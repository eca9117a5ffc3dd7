package train

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/nlpodyssey/spago/nn"
)

// BenchmarkStep is a whole MLM update with dropout, clipping and AdamW: 15 % of
// the tokens predicted.
func BenchmarkStep(b *testing.B) {
	shapes := []struct {
		name                         string
		layers, hidden, heads, inner int
	}{
		{"6x256", 6, 256, 8, 1024},
		{"6x384", 6, 384, 12, 1536},
		{"6x768", 6, 768, 12, 3072},
	}
	for _, s := range shapes {
		for _, size := range [][2]int{{64, 20}, {16, 128}, {8, 256}} {
			b.Run(fmt.Sprintf("%s/%dx%d", s.name, size[0], size[1]), func(b *testing.B) {
				c := Config{
					Architecture: DistilBERT, VocabSize: 24000, Hidden: s.hidden, Layers: s.layers, Heads: s.heads,
					Intermediate: s.inner, MaxPositions: 512, LayerNormEps: 1e-12, Dropout: 0.1, AttentionDropout: 0.1,
				}
				benchStep(b, c, size[0], size[1])
			})
		}
	}
}

func benchStep(b *testing.B, c Config, sentences, length int) {
	e, err := NewEncoder(c)
	if err != nil {
		b.Fatal(err)
	}
	head := NewMLMHead(c)
	Init(e, 0.02, 1)
	Init(head, 0.02, 2)
	rng := rand.New(rand.NewPCG(1, 2))
	batch := new(Batch)
	for range sentences {
		ids := make([]int32, length)
		for i := range ids {
			ids[i] = rng.Int32N(int32(c.VocabSize))
		}
		batch.Append(ids, nil)
	}
	var rows, targets []int32
	for i := range batch.IDs {
		if i%7 == 0 {
			rows, targets = append(rows, int32(i)), append(targets, rng.Int32N(int32(c.VocabSize)))
		}
	}
	engine := NewEngine(testLevel(b), 0)
	adam := &AdamW{WeightDecay: 0.01}
	params := Parameters([]nn.Model{e, head}...)
	step := func(n int) {
		g := engine.Train(uint64(n))
		defer g.Close()
		x, err := e.ForwardRows(g, batch, rows)
		if err != nil {
			b.Fatal(err)
		}
		logits, err := head.Scores(g, x, e.Word)
		if err != nil {
			b.Fatal(err)
		}
		l, err := g.CrossEntropy(logits, targets)
		if err != nil {
			b.Fatal(err)
		}
		if err := g.Backward(l, 1); err != nil {
			b.Fatal(err)
		}
		norm := engine.gradNorm(params)
		adam.Begin(engine, n, 1e-4, min(1, 1/norm))
		for _, p := range params {
			if err := adam.OptimizeParams(p.Param); err != nil {
				b.Fatal(err)
			}
		}
	}
	step(1)
	b.ReportAllocs()
	n := 1
	for b.Loop() {
		n++
		step(n)
	}
	b.ReportMetric(float64(sentences*length)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
