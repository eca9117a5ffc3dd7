package encoder

import (
	"context"
	"math"
	"testing"

	"semdex/embed/model"
)

// TestPooling computes every mode by hand over three tokens of two dimensions.
func TestPooling(t *testing.T) {
	states := []float32{
		1, -2,
		4, 0,
		-2, 8,
	}
	for mode, want := range map[model.PoolingMode][]float32{
		model.PoolMean:         {1, 2},                                                 // 3/3, 6/3
		model.PoolCLS:          {1, -2},                                                // token 1
		model.PoolMax:          {4, 8},                                                 //
		model.PoolMeanSqrtLen:  {float32(3 / math.Sqrt(3)), float32(6 / math.Sqrt(3))}, // sums over sqrt 3
		model.PoolWeightedMean: {float32(1+2*4-3*2) / 6, float32(-2+2*0+3*8) / 6},      // weights 1, 2, 3
		model.PoolLastToken:    {-2, 8},                                                // token 3
	} {
		p, err := poolerOf(mode)
		if err != nil {
			t.Fatal(err)
		}
		got := []float32{99, 99}
		p(got, states)
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-6 {
				t.Errorf("%s: %v, want %v", mode, got, want)
			}
		}
		// One token is its own mean, maximum, first and last.
		p(got, []float32{3, -5})
		if got[0] != 3 || got[1] != -5 {
			t.Errorf("%s of one token: %v", mode, got)
		}
	}
}

func TestConcatenatedPooling(t *testing.T) {
	e := fakeEngine{hidden: 2, states: []float32{1, 2, 5, -4}}
	enc, err := NewTransformer(e, &model.Model{Pooling: "lasttoken+max+mean"})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 6)
	b := Batch{IDs: []int32{0, 0}, Offsets: []int32{0, 2}}
	if err := enc.Encode(t.Context(), &b, Output{}, got); err != nil {
		t.Fatal(err)
	}
	if want := [6]float32{5, -4, 5, 2, 3, -1}; [6]float32(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
	// Dims slices first and normalises then: (5, -4, 5, 2) / sqrt(70).
	if err := enc.Encode(t.Context(), &b, Output{Dims: 4, Normalize: true}, got); err != nil {
		t.Fatal(err)
	}
	for i, v := range []float64{5, -4, 5, 2} {
		if math.Abs(float64(got[i])-v/math.Sqrt(70)) > 1e-7 {
			t.Errorf("truncated and normalised: %v", got[:4])
		}
	}
}

func TestNormalizeZero(t *testing.T) {
	v := []float32{0, 0, 0}
	Normalize(v)
	if v[0] != 0 || v[1] != 0 || v[2] != 0 {
		t.Errorf("%v", v)
	}
	v = []float32{3e-20, 4e-20} // its squares vanish in float32
	Normalize(v)
	if math.Abs(float64(v[0])-3e-8) > 1e-14 {
		t.Errorf("%v, want the vector over 1e-12", v)
	}
}

func TestMaxPoolingKeepsNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, states := range [][]float32{{nan, 1, 2}, {1, nan, 2}, {1, 2, nan}} {
		got := []float32{0}
		poolMax(got, states)
		if got[0] == got[0] {
			t.Errorf("max of %v is %v, want NaN", states, got[0])
		}
	}
}

// TestActivations checks single values against tables of the normal
// distribution: gelu(x) = x Φ(x).
func TestActivations(t *testing.T) {
	for _, c := range []struct {
		name string
		x    float32
		want float64
	}{
		{"gelu", 0, 0},
		{"gelu", 1, 0.8413447461},
		{"gelu", -1, -0.1586552539},
		{"gelu", 3, 2.9959503060},
		{"gelu", -9, -1.015e-18},
		{"gelu", 40, 40},
		{"gelu_new", 1, 0.8411919906},
		{"gelu_new", -1, -0.1588080094},
		{"gelu_new", 0, 0},
		{"relu", 2, 2},
		{"relu", -2, 0},
	} {
		act, err := activationOf(c.name)
		if err != nil {
			t.Fatal(err)
		}
		x := []float32{c.x}
		act(x)
		if math.Abs(float64(x[0])-c.want) > 2e-7*math.Max(1, math.Abs(c.want)) {
			t.Errorf("%s(%v) = %v, want %v", c.name, c.x, x[0], c.want)
		}
	}
}

func TestSoftmaxOfLargeScores(t *testing.T) {
	s := []float32{1000, 1000, -1000}
	softmax(s, 1)
	if s[0] != 0.5 || s[1] != 0.5 || s[2] != 0 {
		t.Errorf("%v", s)
	}
}

// TestMulT compares every small shape with the plain definition; strides are
// wider than the rows, and what lies between them must stay.
func TestMulT(t *testing.T) {
	value := func(i int) float32 { return float32(i%13) - 6 } // sums are exact
	for m := range 6 {
		for n := range 11 {
			for k := range 5 {
				x, w := matrix{make([]float32, 100), k + 1}, matrix{make([]float32, 100), k + 2}
				y := matrix{make([]float32, 100), n + 3}
				bias := make([]float32, n)
				for i := range x.data {
					x.data[i], w.data[i], y.data[i] = value(i*7), value(i*5+3), -99
				}
				for i := range bias {
					bias[i] = value(i * 3)
				}
				mulT(y, x, w, bias, m, n, k)
				for at, got := range y.data {
					i, j := at/y.stride, at%y.stride
					want := float32(-99)
					if i < m && j < n {
						want = bias[j]
						for c := range k {
							want += x.data[i*x.stride+c] * w.data[j*w.stride+c]
						}
					}
					if got != want {
						t.Fatalf("[%d,%d]x[%d,%d]: y[%d,%d] = %v, want %v", m, k, n, k, i, j, got, want)
					}
				}
			}
		}
	}
}

type fakeEngine struct {
	hidden int
	states []float32
}

func (f fakeEngine) Hidden() int { return f.hidden }
func (f fakeEngine) Forward(_ context.Context, b *Batch, sink Sink) error {
	for i := range b.Len() {
		sink(i, f.states)
	}
	return nil
}
