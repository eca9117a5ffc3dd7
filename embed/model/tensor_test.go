package model

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFloat16 takes every binary16 number there and back, and every midpoint of
// two neighbours, its lower and its upper neighbour to the right side.
func TestFloat16(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		f := F16ToF32(h)
		if nan := h&0x7c00 == 0x7c00 && h&0x3ff != 0; nan {
			if back := F16ToF32(F32ToF16(f)); !math.IsNaN(float64(f)) || !math.IsNaN(float64(back)) {
				t.Fatalf("%#04x: %v, back %v", h, f, back)
			}
			continue
		}
		if back := F32ToF16(f); back != h {
			t.Fatalf("%#04x: %v, back %#04x", h, f, back)
		}
	}
	for h := uint16(0); h < 0x7bff; h++ {
		low, high := float64(F16ToF32(h)), float64(F16ToF32(h+1))
		mid := float32((low + high) / 2) // exact: one more bit than binary16 has
		even := h + h&1
		for _, tt := range []struct {
			f    float32
			want uint16
		}{
			{mid, even},
			{math.Nextafter32(mid, 0), h},
			{math.Nextafter32(mid, math.MaxFloat32), h + 1},
		} {
			if got := F32ToF16(tt.f); got != tt.want {
				t.Fatalf("%v: %#04x, want %#04x", tt.f, got, tt.want)
			}
			if got := F32ToF16(-tt.f); got != tt.want|0x8000 {
				t.Fatalf("%v: %#04x, want %#04x", -tt.f, got, tt.want|0x8000)
			}
		}
	}
	for f, want := range map[float32]uint16{
		65504: 0x7bff, 65519.996: 0x7bff, 65520: 0x7c00, math.MaxFloat32: 0x7c00,
		float32(math.Inf(-1)): 0xfc00, 0x1p-25: 0, 0x1.8p-25: 1, 0x1p-26: 0,
	} {
		if got := F32ToF16(f); got != want {
			t.Errorf("%v: %#04x, want %#04x", f, got, want)
		}
	}
}

func TestBFloat16(t *testing.T) {
	const seed = 1
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 100000 {
		f := math.Float32frombits(rng.Uint32())
		got := BF16ToF32(F32ToBF16(f))
		if math.IsNaN(float64(f)) {
			if !math.IsNaN(float64(got)) {
				t.Fatalf("seed %d: NaN became %v", seed, got)
			}
			continue
		}
		// The nearest of the two neighbours, the even one on a tie.
		low := math.Float32bits(f) &^ 0xffff
		down, up := float64(math.Float32frombits(low)), float64(math.Float32frombits(low+0x10000))
		if math.IsInf(up, 0) {
			continue // rounding at the edge of the range is checked below
		}
		want := down
		switch d, u := math.Abs(float64(f)-down), math.Abs(up-float64(f)); {
		case u < d, u == d && low&0x10000 != 0:
			want = up
		}
		if float64(got) != want {
			t.Fatalf("seed %d: %v became %v, want %v", seed, f, got, want)
		}
	}
	if got := F32ToBF16(math.MaxFloat32); got != 0x7f80 {
		t.Errorf("the largest float32 became %#04x", got)
	}
}

// sample is a tensor of the given type with the values -3 to 4, shape [2, 4].
func sample(d DType) (*Tensor, []float32) {
	t := &Tensor{Name: string(d), DType: d, Shape: []int{2, 4}}
	var want []float32
	le := binary.LittleEndian
	for i := -3; i <= 4; i++ {
		v := i
		if d == U8 || d == U16 || d == U32 || d == U64 || d == Bool {
			v = i & 1
		}
		want = append(want, float32(v))
		switch d {
		case F64:
			t.Data = le.AppendUint64(t.Data, math.Float64bits(float64(v)))
		case F32:
			t.Data = le.AppendUint32(t.Data, math.Float32bits(float32(v)))
		case F16:
			t.Data = le.AppendUint16(t.Data, F32ToF16(float32(v)))
		case BF16:
			t.Data = le.AppendUint16(t.Data, F32ToBF16(float32(v)))
		case I64, U64:
			t.Data = le.AppendUint64(t.Data, uint64(v))
		case I32, U32:
			t.Data = le.AppendUint32(t.Data, uint32(v))
		case I16, U16:
			t.Data = le.AppendUint16(t.Data, uint16(v))
		default:
			t.Data = append(t.Data, byte(v))
		}
	}
	return t, want
}

func TestTensorTypes(t *testing.T) {
	for _, d := range []DType{F64, F32, F16, BF16, I64, I32, I16, I8, U64, U32, U16, U8, Bool} {
		x, want := sample(d)
		if len(x.Data) != x.Len()*d.Size() {
			t.Fatalf("%s: size %d", d, d.Size())
		}
		if got := x.F32(); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", d, got, want)
		}
		if got := x.AppendRow([]float32{9}, 1); !slices.Equal(got[1:], want[4:]) || got[0] != 9 {
			t.Errorf("%s: row 1 is %v, want %v", d, got, want[4:])
		}
		row := make([]float32, 4)
		if x.RowF32(row, 0); !slices.Equal(row, want[:4]) {
			t.Errorf("%s: row 0 is %v, want %v", d, row, want[:4])
		}
	}
}

func TestTensorF32IsAView(t *testing.T) {
	values := []float32{1, 2, 3, 4, 5, 6}
	x := NewF32("x", []int{3, 2}, values)
	if got := x.F32(); nativeLittle && &got[0] != &values[0] {
		t.Error("an aligned float32 tensor was copied")
	}
	if x.Rows() != 3 || x.Cols() != 2 {
		t.Errorf("%d rows of %d", x.Rows(), x.Cols())
	}
	// Data at an odd address, as in a file with an odd header.
	odd := &Tensor{DType: F32, Shape: []int{5}, Data: append(make([]byte, 1), x.Data...)[1:21]}
	if got := odd.F32(); !slices.Equal(got, values[:5]) {
		t.Errorf("unaligned: %v", got)
	}
	if n := testing.AllocsPerRun(10, func() { x.RowF32(values[:2], 1) }); n > 0 {
		t.Errorf("RowF32 allocates %v times", n)
	}
	scalar := NewF32("s", nil, []float32{7})
	if scalar.Len() != 1 || scalar.Rows() != 1 || scalar.Cols() != 1 {
		t.Errorf("a scalar has %d elements, %d rows of %d", scalar.Len(), scalar.Rows(), scalar.Cols())
	}
	empty := NewF32("e", []int{0, 4}, nil)
	if got := empty.F32(); len(got) != 0 {
		t.Errorf("an empty tensor has %v", got)
	}
}

func TestNewF32PanicsOnTheWrongLength(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	NewF32("x", []int{2, 3}, make([]float32, 5))
}

func BenchmarkAppendRow(b *testing.B) {
	for _, d := range []DType{F32, F16, BF16, I8} {
		b.Run(string(d), func(b *testing.B) {
			x := &Tensor{DType: d, Shape: []int{64, 384}, Data: bytes.Repeat([]byte{0x12, 0x3d}, 32*384*d.Size())}
			row := make([]float32, 384)
			b.SetBytes(int64(384 * d.Size()))
			for i := 0; b.Loop(); i++ {
				x.RowF32(row, i%64)
			}
		})
	}
}
