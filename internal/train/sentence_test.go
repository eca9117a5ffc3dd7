package train

import (
	"errors"
	"math"
	"testing"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"

	"semdex/internal/kernel"
)

// The cosines of anchors (2, 0), (0, 3), (1, 0) and candidates (1, 0), (0, 2),
// (4, 0), (3, 4) are (1, 0, 1, .6), (0, 1, 0, .8), (1, 0, 1, .6).
var sentenceCases = []lossCase{
	{
		// Anchors 0 and 2 are of one group: candidates 2 and 0 do not count for
		// them. Candidate 3 is a hard negative and counts for all.
		name: "InfoNCE with groups", shapes: [][2]int{{3, 2}, {4, 2}},
		data: [][]float32{{2, 0, 0, 3, 1, 0}, {1, 0, 0, 2, 4, 0, 3, 4}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[1], Contrast{Scale: 2, Groups: []int32{7, 0, 7}})
		},
		want: (2*math.Log(1+math.Exp(-2)+math.Exp(-0.8)) + math.Log(1+2*math.Exp(-2)+math.Exp(-0.4))) / 3,
	},
	{
		// The hard negative is of that group as well and counts for anchor 1 alone.
		name: "InfoNCE with groups of hard negatives", shapes: [][2]int{{3, 2}, {4, 2}},
		data: [][]float32{{2, 0, 0, 3, 1, 0}, {1, 0, 0, 2, 4, 0, 3, 4}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[1], Contrast{Scale: 2, Groups: []int32{7, 0, 7, 7}})
		},
		want: (2*math.Log(1+math.Exp(-2)) + math.Log(1+2*math.Exp(-2)+math.Exp(-0.4))) / 3,
	},
	{
		// Anchor 1 and candidate 0 are one text. So candidate 0 does not count for
		// anchor 1, nor candidate 1 for anchor 0, which is two steps away.
		name: "InfoNCE with a chain of texts", shapes: [][2]int{{3, 2}, {4, 2}},
		data: [][]float32{{2, 0, 0, 3, 1, 0}, {1, 0, 0, 2, 4, 0, 3, 4}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.InfoNCE(in[0], in[1], Contrast{
				Scale: 2, AnchorTexts: []int32{1, 2, 3}, CandidateTexts: []int32{2, 4, 5, 6},
			})
		},
		want: (math.Log(2+math.Exp(-0.8)) + math.Log(1+math.Exp(-2)+math.Exp(-0.4)) + math.Log(2+math.Exp(-2)+math.Exp(-0.8))) / 3,
	},
	{
		// Squared differences from (1, 1, 1), (1, 1, 1): 0, 1, 4 and 1, 0, 9. The
		// means over three columns and over two are 15/6 and 2/4.
		name: "Matryoshka", shapes: [][2]int{{2, 3}},
		data: [][]float32{{1, 2, 3, 0, 1, -2}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			return g.Matryoshka(in[0], []int{3, 2}, func(x mat.Tensor) (mat.Tensor, error) {
				n := x.Shape()[1]
				return g.MSE(x, Constant(2, n, []float32{1, 1, 1, 1, 1, 1}[:2*n]))
			})
		},
		want:  (15.0/6 + 2.0/4) / 2,
		grads: [][]float32{{0, (1.0/3 + 1.0/2) / 2, (2.0 / 3) / 2, -(1.0/3 + 1.0/2) / 2, 0, -1.0 / 2}},
	},
	{
		// u = 1, 2, 0 and v = 0, 2, 3 have the features (1, 0, 1), (2, 2, 0),
		// (0, 3, 3), which the identity takes for the scores of three classes.
		name: "softmax over (u, v, |u - v|)", shapes: [][2]int{{6, 1}, {3, 3}},
		data: [][]float32{{1, 2, 0, 0, 2, 3}, {1, 0, 0, 0, 1, 0, 0, 0, 1}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			x, err := g.PairFeatures(in[0], []int32{0, 1, 2}, []int32{3, 4, 5})
			if err != nil {
				return nil, err
			}
			return g.CrossEntropy(g.Linear(x, &Linear{Weight: in[1].(*nn.Param)}), []int32{0, 1, 2})
		},
		want: (math.Log(2+math.Exp(-1)) + math.Log(2+math.Exp(-2)) + math.Log(2+math.Exp(-3))) / 3,
	},
	{
		name: "columns", shapes: [][2]int{{2, 3}},
		data: [][]float32{{1, 2, 3, 4, 5, 6}},
		loss: func(g *Graph, in []mat.Tensor) (mat.Tensor, error) {
			x, err := g.Columns(in[0], 1, 2)
			if err != nil {
				return nil, err
			}
			return g.MSE(x, Constant(2, 1, []float32{0, 0}))
		},
		want:  (4.0 + 25.0) / 2,
		grads: [][]float32{{0, 2, 0, 0, 5, 0}},
	},
}

func TestSentenceLosses(t *testing.T) {
	for _, level := range []kernel.Level{kernel.Plain, testLevel(t)} {
		for _, c := range sentenceCases {
			t.Run(level.String()+"/"+c.name, func(t *testing.T) { c.check(t, NewEngine(level, 2)) })
		}
	}
}

func TestSentenceRefuses(t *testing.T) {
	g := NewEngine(testLevel(t), 1).Train(1)
	defer g.Close()
	x := Constant(2, 3, make([]float32, 6))
	for _, c := range [][2]int{{-1, 2}, {0, 4}, {2, 2}} {
		if _, err := g.Columns(x, c[0], c[1]); !errors.Is(err, ErrBatch) {
			t.Errorf("columns %v: %v", c, err)
		}
	}
	if _, err := g.Matryoshka(x, []int{3, 4}, func(x mat.Tensor) (mat.Tensor, error) { return g.MSE(x, x) }); !errors.Is(err, ErrBatch) {
		t.Errorf("too wide: %v", err)
	}
	if _, err := g.InfoNCE(x, x, Contrast{Scale: 1, Groups: []int32{1}}); !errors.Is(err, ErrBatch) {
		t.Errorf("groups: %v", err)
	}
}

// sentenceEncoder is a small one with a dense layer, and a batch of sentences of
// one to seven tokens.
func sentenceEncoder(t *testing.T, dropout float64) (*SentenceEncoder, *Batch) {
	t.Helper()
	e, err := NewEncoder(Config{
		Architecture: DistilBERT, VocabSize: 20, Hidden: 16, Layers: 2, Heads: 2, Intermediate: 24, MaxPositions: 12,
		LayerNormEps: 1e-12, Dropout: dropout, AttentionDropout: dropout,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &SentenceEncoder{
		Encoder: e, Pooling: PoolMean, Normalize: true,
		Dense: []*Dense{{Linear: NewLinear("dense.0", 8, 16, true), Activation: Tanh}, {Linear: NewLinear("dense.1", 8, 8, false)}},
	}
	Init(s, 0.3, 4)
	b := new(Batch)
	for i := range 9 {
		ids := make([]int32, 1+i*5%7)
		for j := range ids {
			ids[j] = int32((7*i + 3*j) % 20)
		}
		b.Append(ids, nil)
	}
	return s, b
}

// gradients runs one contrastive step and gives the loss and all gradients.
func (s *SentenceEncoder) gradients(t *testing.T, b *Batch, chunk int) (float32, [][]float32) {
	t.Helper()
	g := NewEngine(testLevel(t), 2).Train(11)
	defer g.Close()
	x, err := s.Vectors(g, b)
	if chunk > 0 {
		x, err = s.VectorsInChunks(g, b, chunk)
	}
	if err != nil {
		t.Fatal(err)
	}
	l, err := g.Matryoshka(x, []int{8, 4}, func(x mat.Tensor) (mat.Tensor, error) {
		return g.InfoNCE(x, x, Contrast{Anchors: inOrder(4), Candidates: []int32{4, 5, 6, 7, 8}, Scale: 5, BothWays: true})
	})
	if err != nil {
		t.Fatal(err)
	}
	value := Values(l)[0]
	if err := g.Backward(l, 1); err != nil {
		t.Fatal(err)
	}
	var grads [][]float32
	for _, p := range Parameters(s) {
		grads = append(grads, append([]float32(nil), Values(p.Grad())...))
		p.ZeroGrad()
	}
	return value, grads
}

// A step in chunks is the step at once.
func TestVectorsInChunks(t *testing.T) {
	s, b := sentenceEncoder(t, 0)
	want, grads := s.gradients(t, b, 0)
	for _, chunk := range []int{1, 10, 1000} {
		got, list := s.gradients(t, b, chunk)
		if math.Abs(float64(got-want)) > 1e-5 {
			t.Errorf("chunks of %d: loss %g, at once %g", chunk, got, want)
		}
		for i, p := range Parameters(s) {
			near(t, p.Name, list[i], grads[i], 1e-5)
		}
	}
	if s.Dims() != 8 {
		t.Errorf("%d dims", s.Dims())
	}
}

// With dropout, what Backward computes again is what Forward computed: finite
// differences see the same masks.
func TestChunksKeepDropout(t *testing.T) {
	s, b := sentenceEncoder(t, 0.2)
	want, grads := s.gradients(t, b, 10)
	if again, _ := s.gradients(t, b, 10); again != want {
		t.Errorf("loss %g, then %g", want, again)
	}
	params := Parameters(s)
	for i, p := range params {
		const step = 2e-3
		j := len(p.Values) / 2
		was := p.Values[j]
		p.Values[j] = was + step
		up, _ := s.gradients(t, b, 10)
		p.Values[j] = was - step
		down, _ := s.gradients(t, b, 10)
		p.Values[j] = was
		if fd := float64(up-down) / (2 * step); math.Abs(fd-float64(grads[i][j])) > 2e-3*max(1, math.Abs(fd)) {
			t.Errorf("%s: gradient %g, finite difference %g", p.Name, grads[i][j], fd)
		}
	}
}

func TestVectorsInChunksRefuses(t *testing.T) {
	s, b := sentenceEncoder(t, 0)
	g := NewEngine(testLevel(t), 1).Eval()
	defer g.Close()
	if x, err := s.VectorsInChunks(g, b, 10); err != nil || x.Shape()[0] != 9 {
		t.Errorf("without gradients: %v", err)
	}
	if _, err := s.VectorsInChunks(g, b, 0); !errors.Is(err, ErrConfig) {
		t.Errorf("no tokens: %v", err)
	}
	b.IDs[0] = 99
	if _, err := s.VectorsInChunks(g, b, 10); !errors.Is(err, ErrBatch) {
		t.Errorf("a bad id: %v", err)
	}
	b.IDs[0], s.Pooling = 0, "best"
	if _, err := s.VectorsInChunks(g, b, 10); !errors.Is(err, ErrConfig) {
		t.Errorf("a bad pooling: %v", err)
	}
}
