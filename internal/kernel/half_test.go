package kernel

import (
	"encoding/binary"
	"math"
	"testing"
)

// TestWidenF16 converts all numbers and compares with the format's definition:
// (-1)^s 2^(e-15) 1.f, and 2^-14 0.f for e = 0.
func TestWidenF16(t *testing.T) {
	src := make([]byte, 2<<16)
	for h := range 1 << 16 {
		binary.LittleEndian.PutUint16(src[2*h:], uint16(h))
	}
	for _, l := range levels() {
		for _, n := range []int{1 << 16, 1<<16 - 3} {
			dst := make([]float32, n)
			l.WidenF16(dst, src)
			for h, got := range dst {
				e, f := h>>10&31, float64(h&1023)/1024
				want := math.Ldexp(1+f, e-15)
				switch {
				case e == 0:
					want = math.Ldexp(f, -14)
				case e == 31 && f == 0:
					want = math.Inf(1)
				case e == 31:
					want = math.NaN()
				}
				if h>>15 == 1 {
					want = -want
				}
				if float64(got) != want && !(math.IsNaN(want) && got != got) {
					t.Fatalf("%v: %04x is %v, want %v", l, h, got, want)
				}
			}
		}
	}
}

func TestWidenBF16(t *testing.T) {
	dst := make([]float32, 3)
	WidenBF16(dst, []byte{0x80, 0x3f, 0x49, 0xc0, 0x80, 0x7f})
	if dst[0] != 1 || dst[1] != -3.140625 || !math.IsInf(float64(dst[2]), 1) {
		t.Errorf("%v", dst)
	}
}
