package encoder_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/model"
	"semdex/embed/model/modeltest"
)

// TestStaticByHand averages by hand, for every type of table: all the numbers
// are exact in each.
func TestStaticByHand(t *testing.T) {
	rows := []float32{
		1, 2, -3,
		5, 0, 0.5,
		-2, 4, 8,
		0, 0, 1,
		16, -16, 2,
	}
	f32 := model.NewF32("embedding.weight", []int{5, 3}, rows)
	quantised := &model.StaticTable{
		Rows:  model.NewI8("embedding.weight", []int{5, 3}, []int8{4, 8, -12, 10, 0, 1, -4, 8, 16, 0, 0, 127, 8, -8, 1}),
		Scale: model.NewF32("scale", []int{5}, []float32{0.25, 0.5, 0.5, 1. / 127, 2}),
	}
	for name, table := range map[string]*model.StaticTable{
		"f32":  {Rows: f32},
		"f16":  {Rows: narrow(f32, model.F16)},
		"bf16": {Rows: narrow(f32, model.BF16)},
		"int8": quantised,
	} {
		t.Run(name, func(t *testing.T) {
			m := &model.Model{Architecture: model.Static, Static: table, Pooling: "mean"}
			var b encoder.Batch
			b.Append([]int32{4})
			b.Append([]int32{0, 1})
			b.Append([]int32{2, 2, 3, 2}) // counted as often as it occurs
			b.Append([]int32{0, 1, 2, 3, 4, 4})
			got := encode(t, newEncoder(t, m, 1), &b, encoder.Output{})
			want := [][]float64{
				{16, -16, 2},
				{3, 1, -1.25},
				{-1.5, 3, 6.25},
				{36. / 6, -26. / 6, 10.5 / 6},
			}
			for i := range want {
				for d := range want[i] {
					if math.Abs(float64(got[i][d])-want[i][d]) > 1e-6 {
						t.Errorf("sentence %d: %v, want %v", i, got[i], want[i])
					}
				}
			}
			half := encode(t, newEncoder(t, m, 1), &b, encoder.Output{Dims: 2, Normalize: true})
			if x := half[1]; math.Abs(float64(x[0])-3/math.Sqrt(10)) > 1e-7 || len(x) != 2 {
				t.Errorf("truncated and normalised: %v", x)
			}
		})
	}
}

func TestStaticAgreesWithFloat64(t *testing.T) {
	for _, o := range []modeltest.Options{{}, {Hidden: 7, Vocab: 300}} {
		m := modeltest.New(model.Static, o)
		dense := modeltest.New(model.BERT, modeltest.Options{Hidden: m.Hidden(), Heads: 1, Dense: 5}).Dense
		for _, to := range []model.DType{model.F32, model.F16, model.BF16} {
			t.Run(fmt.Sprintf("%+v/%s", o, to), func(t *testing.T) {
				s := &model.Model{Config: m.Config, Static: m.Static, Pooling: m.Pooling}
				if to != model.F32 {
					s.Static = &model.StaticTable{Rows: narrow(m.Static.Rows, to)}
				}
				agrees(t, s, randomBatch(rng(t), s, 200, 30), encoder.Output{Normalize: true})
				s.Dense = dense
				agrees(t, s, randomBatch(rng(t), s, 20, 30), encoder.Output{Dims: 3})
			})
		}
	}
}

// TestStaticF16EveryValue decodes all finite binary16 numbers.
func TestStaticF16EveryValue(t *testing.T) {
	rows := &model.Tensor{Name: "w", DType: model.F16, Shape: []int{1 << 16, 1}}
	var b encoder.Batch
	for h := range 1 << 16 {
		bits := uint16(h)
		if bits&0x7c00 == 0x7c00 {
			bits = 0 // infinity or NaN
		}
		rows.Data = append(rows.Data, byte(bits), byte(bits>>8))
		b.Append([]int32{int32(h)})
	}
	got := encode(t, newEncoder(t, &model.Model{Static: &model.StaticTable{Rows: rows}}, 1), &b, encoder.Output{})
	for h, v := range got {
		want := model.F16ToF32(uint16(rows.Data[2*h]) | uint16(rows.Data[2*h+1])<<8)
		if v[0] != want {
			t.Fatalf("%#04x: %v, want %v", h, v[0], want)
		}
	}
}

func TestStaticAllocatesNothing(t *testing.T) {
	m := modeltest.New(model.Static, modeltest.Options{})
	b := randomBatch(rng(t), m, 200, 10)
	enc := newEncoder(t, m, 1)
	dst := make([]float32, 200*32)
	n := testing.AllocsPerRun(20, func() {
		if err := enc.Encode(t.Context(), b, encoder.Output{Normalize: true}, dst); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func TestModelsThatDoNotRun(t *testing.T) {
	bert := func(change func(m *model.Model)) *model.Model {
		m := modeltest.New(model.BERT, modeltest.Options{Dense: 8})
		change(m)
		return m
	}
	for want, m := range map[string]*model.Model{
		"layer 1 key weight is missing":              bert(func(m *model.Model) { m.Transformer.Layers[1].Key.Weight = nil }),
		"layer 0 feed-forward up weight":             bert(func(m *model.Model) { m.Config.Intermediate = 63 }),
		"word embedding":                             bert(func(m *model.Model) { m.Transformer.Word = nil }),
		"position embedding":                         bert(func(m *model.Model) { m.Config.MaxPositions = 1000 }),
		"token type embedding is missing":            bert(func(m *model.Model) { m.Transformer.Type = nil }),
		"embedding LayerNorm bias is missing":        bert(func(m *model.Model) { m.Transformer.Norm.Bias = nil }),
		"layer 1 output LayerNorm weight is missing": bert(func(m *model.Model) { m.Transformer.Layers[1].OutputNorm.Weight = nil }),
		`activation "swish"`:                         bert(func(m *model.Model) { m.Config.Activation = "swish" }),
		`pooling "median"`:                           bert(func(m *model.Model) { m.Pooling = "mean+median" }),
		"dense 0 weight":                             bert(func(m *model.Model) { m.Pooling = "mean+max" }),
		`activation "softmax"`:                       bert(func(m *model.Model) { m.Dense[0].Activation = "softmax" }),
		"2 layers":                                   bert(func(m *model.Model) { m.Config.Layers = 3 }),
		"not a multiple":                             bert(func(m *model.Model) { m.Config.Heads = 5 }),
		"no transformer":                             {Pooling: "mean"},
		"static scale is missing": {Static: &model.StaticTable{
			Rows: model.NewI8("w", []int{2, 2}, []int8{1, 2, 3, 4}),
		}},
		"static table of type I32": {Static: &model.StaticTable{
			Rows: &model.Tensor{Name: "w", DType: model.I32, Shape: []int{1, 1}, Data: make([]byte, 4)},
		}},
		"holds 3 bytes": {Static: &model.StaticTable{
			Rows: &model.Tensor{Name: "w", DType: model.F32, Shape: []int{1, 1}, Data: make([]byte, 3)},
		}},
	} {
		t.Run(want, func(t *testing.T) {
			_, err := encoder.New(m, 1)
			if !errors.Is(err, encoder.ErrModel) || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want ErrModel about %s", err, want)
			}
		})
	}
}

func TestNaNWeightsAreNamed(t *testing.T) {
	nan := float32(math.NaN())
	inf := float32(math.Inf(-1))
	poison := func(old *model.Tensor, at int, v float32) *model.Tensor {
		data := append([]float32(nil), old.F32()...)
		data[at] = v
		return model.NewF32(old.Name, old.Shape, data)
	}
	t.Run("transformer", func(t *testing.T) {
		for _, act := range []string{"gelu", "relu"} {
			m := modeltest.New(model.BERT, modeltest.Options{Pooling: "max"})
			m.Config.Activation = act
			up := &m.Transformer.Layers[1].Up
			up.Weight = poison(up.Weight, 5*32+9, nan)
			b := randomBatch(rng(t), m, 5, 9)
			err := newEncoder(t, m, 2).Encode(t.Context(), b, encoder.Output{}, make([]float32, 5*32))
			if !errors.Is(err, encoder.ErrNotFinite) ||
				!strings.Contains(err.Error(), "layer 1 feed-forward up weight") ||
				!strings.Contains(err.Error(), "row 5, column 9") {
				t.Errorf("%s: %v", act, err)
			}
		}
	})
	t.Run("overflow", func(t *testing.T) {
		m := modeltest.New(model.BERT, modeltest.Options{})
		m.Transformer.Layers[1].OutputNorm.Weight = poison(m.Transformer.Layers[1].OutputNorm.Weight, 0, 3e38)
		m.Dense = []model.Dense{{Linear: model.Linear{Weight: model.NewF32("d", []int{1, 32}, append([]float32{3e38}, make([]float32, 31)...))}}}
		err := newEncoder(t, m, 1).Encode(t.Context(), randomBatch(rng(t), m, 1, 9), encoder.Output{}, make([]float32, 1))
		if !errors.Is(err, encoder.ErrNotFinite) || !strings.Contains(err.Error(), "overflows") {
			t.Errorf("%v", err)
		}
	})
	t.Run("static", func(t *testing.T) {
		base := modeltest.New(model.Static, modeltest.Options{})
		bad := poison(base.Static.Rows, 2*32+3, inf)
		for _, rows := range []*model.Tensor{bad, narrow(bad, model.F16), narrow(bad, model.BF16)} {
			base.Static.Rows = rows
			_, err := encoder.New(base, 1)
			if !errors.Is(err, encoder.ErrNotFinite) || !strings.Contains(err.Error(), "row 2, column 3") {
				t.Errorf("%s: %v", rows.DType, err)
			}
		}
	})
}
