package reduce_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"semdex/embed"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
	"semdex/embed/reduce"
)

// Four points on a line through (1, 2, 0) along (3, 0, 4).
func TestFitByHand(t *testing.T) {
	var points [][]float32
	for _, x := range []float32{-1, 1, -2, 2} {
		points = append(points, []float32{1 + 3*x, 2, 4 * x})
	}
	p, err := reduce.Fit(t.Context(), points, reduce.Options{Center: true})
	if err != nil {
		t.Fatal(err)
	}
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }
	// The variance is 25 (1+1+4+4) / 3.
	if p.Rank() != 1 || !near(p.Variance[0], 250./3) || !near(p.Explained(1), 1) || !near(p.Components[0][0], .6) || !near(p.Components[0][2], .8) {
		t.Errorf("rank %d, variance %v, components %v", p.Rank(), p.Variance, p.Components)
	}
	d, err := p.Dense(1)
	if err != nil {
		t.Fatal(err)
	}
	// The bias is -(1, 2, 0) (.6, 0, .8) = -.6.
	if w := d.Weight.F32(); !slices.Equal(d.Weight.Shape, []int{1, 3}) || !near(float64(w[0]), .6) || !near(float64(d.Bias.F32()[0]), -.6) || d.Activation != "identity" {
		t.Errorf("weight %v %v, bias %v, activation %s", d.Weight.Shape, w, d.Bias.F32(), d.Activation)
	}
	if _, err := p.Dense(2); !errors.Is(err, reduce.ErrTexts) {
		t.Errorf("2 dimensions of 4 texts: %v", err)
	}
	again, err := reduce.Fit(t.Context(), slices.Concat(points, points), reduce.Options{Center: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Dense(2); !errors.Is(err, reduce.ErrDims) || !strings.Contains(err.Error(), "span 1") {
		t.Errorf("2 dimensions of rank 1: %v", err)
	}
	if _, err := again.Dense(4); !errors.Is(err, reduce.ErrDims) {
		t.Errorf("4 of 3 dimensions: %v", err)
	}
}

func TestFitErrors(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		vectors [][]float32
		want    error
	}{
		"none":     {nil, reduce.ErrTexts},
		"one":      {[][]float32{{1}}, reduce.ErrTexts},
		"widths":   {[][]float32{{1}, {1, 2}}, reduce.ErrVectors},
		"empty":    {[][]float32{{}, {}}, reduce.ErrVectors},
		"nan":      {[][]float32{{1}, {nan}}, reduce.ErrVectors},
		"the same": {[][]float32{{1, 2}, {1, 2}}, reduce.ErrVectors},
	} {
		if _, err := reduce.Fit(t.Context(), c.vectors, reduce.Options{Center: true}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

// random are vectors that differ mostly in the last of n dimensions.
func random(rng *rand.Rand, texts, n int) [][]float32 {
	out := make([][]float32, texts)
	for i := range out {
		for k := range n {
			out[i] = append(out[i], float32(rng.NormFloat64()*float64(k+1)))
		}
	}
	return out
}

// All components keep every neighbour; few keep more than the first dimensions.
func TestRecall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	vectors := random(rng, 300, 16)
	for _, center := range []bool{false, true} {
		p, err := reduce.Fit(t.Context(), vectors, reduce.Options{Center: center})
		if err != nil {
			t.Fatal(err)
		}
		at := func(dims int) float64 {
			short := make([][]float32, len(vectors))
			for i, v := range vectors {
				for _, c := range p.Components[:dims] {
					var sum float64
					for k, x := range v {
						sum += c[k] * (float64(x) - p.Mean[k])
					}
					short[i] = append(short[i], float32(sum))
				}
			}
			r, err := reduce.Recall(t.Context(), vectors, short, 10)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		var cut [][]float32
		for _, v := range vectors {
			cut = append(cut, v[:8])
		}
		truncated, err := reduce.Recall(t.Context(), vectors, cut, 10)
		if err != nil {
			t.Fatal(err)
		}
		// With the mean taken away even all components turn angles a little.
		if all := at(16); all < .85 || !center && all < .999 {
			t.Errorf("center %v: all components have a recall of %g", center, all)
		}
		if half := at(8); half < truncated+.2 {
			t.Errorf("center %v: 8 components have a recall of %g, 8 dimensions %g", center, half, truncated)
		}
	}
	if _, err := reduce.Recall(t.Context(), vectors[:10], vectors[:10], 10); !errors.Is(err, reduce.ErrTexts) {
		t.Errorf("ten texts: %v", err)
	}
}

// Against sorting all cosines.
func TestRecallAgainstSort(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	a, b := random(rng, 40, 6), random(rng, 40, 3)
	got, err := reduce.Recall(t.Context(), a, b, 5)
	if err != nil {
		t.Fatal(err)
	}
	top := func(v [][]float32, i int) []int {
		var others []int
		for j := range v {
			if j != i {
				others = append(others, j)
			}
		}
		slices.SortFunc(others, func(x, y int) int { return cmp.Compare(cosine(v[i], v[y]), cosine(v[i], v[x])) })
		return others[:5]
	}
	found := 0
	for i := range a {
		for _, j := range top(b, i) {
			if slices.Contains(top(a, i), j) {
				found++
			}
		}
	}
	if want := float64(found) / 200; got != want {
		t.Errorf("%g, want %g", got, want)
	}
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i, x := range a {
		y := float64(b[i])
		ab += float64(x) * y
		aa += float64(x) * float64(x)
		bb += y * y
	}
	return ab / math.Sqrt(aa*bb)
}

// A model with the module gives, from its folder and as often as it is loaded, the
// components of what it gave before: f32, int8, transformers and static tables.
func TestModelWithModule(t *testing.T) {
	var texts []string
	rng := rand.New(rand.NewPCG(5, 5))
	for range 80 {
		var words []string
		for range 3 + rng.IntN(6) {
			words = append(words, fmt.Sprintf("word%d", 100+rng.IntN(30)))
		}
		texts = append(texts, strings.Join(words, " "))
	}
	for _, arch := range []model.Architecture{model.DistilBERT, model.BERT, model.Static} {
		for _, center := range []bool{false, true} {
			t.Run(fmt.Sprint(arch, center), func(t *testing.T) {
				checkModule(t, arch, center, texts)
			})
		}
	}
}

func checkModule(t *testing.T, arch model.Architecture, center bool, texts []string) {
	small := func() *model.Model {
		return modeltest.New(arch, modeltest.Options{Vocab: 140, Hidden: 32, Layers: 2, Heads: 4, Positions: 32, Spread: .3, Normalize: true, Seed: 9})
	}
	full := encodeRaw(t, must(embed.FromModel(small(), embed.Options{}))(t), texts)
	p, err := reduce.Fit(t.Context(), full, reduce.Options{Center: center})
	if err != nil {
		t.Fatal(err)
	}
	const dims = 8
	d, err := p.Dense(dims)
	if err != nil {
		t.Fatal(err)
	}
	m := small()
	m.Dense = append(m.Dense, d)
	dir := filepath.Join(t.TempDir(), "reduced")
	if err := m.Save(dir, model.SaveOptions{}); err != nil {
		t.Fatal(err)
	}
	var before [][]float32
	for range 2 {
		e := must(embed.Load(t.Context(), dir, embed.Options{}))(t)
		if e.Dims() != dims {
			t.Fatalf("%d dimensions", e.Dims())
		}
		got := encodeRaw(t, e, texts)
		for i, v := range got {
			for k, c := range p.Components[:dims] {
				var want float64
				for j, x := range full[i] {
					want += c[j] * (float64(x) - p.Mean[j])
				}
				if math.Abs(float64(v[k])-want) > 1e-4 {
					t.Fatalf("text %d: component %d is %g, want %g", i, k, v[k], want)
				}
			}
			if before != nil && !slices.Equal(v, before[i]) {
				t.Fatalf("text %d: %v after loading again, %v before", i, v, before[i])
			}
		}
		before = got
		unit, err := e.Encode(t.Context(), texts[:1], embed.EncodeOptions{})
		if err != nil || math.Abs(cosine(unit.Vectors[0], got[0])-1) > 1e-6 {
			t.Fatalf("normalised: %v, %v", unit.Vectors, err)
		}
	}
	for i, v := range encodeRaw(t, must(embed.Load(t.Context(), dir, embed.Options{Int8: true}))(t), texts) {
		if c := cosine(v, before[i]); c < .99 {
			t.Errorf("text %d: int8 has a cosine of %g", i, c)
		}
	}
}

// must closes a model with the test, or ends the test.
func must(m *embed.Model, err error) func(t *testing.T) *embed.Model {
	return func(t *testing.T) *embed.Model {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
		return m
	}
}

func encodeRaw(t *testing.T, m *embed.Model, texts []string) [][]float32 {
	t.Helper()
	r, err := m.Encode(t.Context(), texts, embed.EncodeOptions{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	return r.Vectors
}
