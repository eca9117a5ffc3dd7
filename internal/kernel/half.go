package kernel

import (
	"encoding/binary"
	"math"
)

// WidenF16 converts IEEE 754 binary16 numbers, little endian, to float32; every
// value is exact. It fills dst.
func (l Level) WidenF16(dst []float32, src []byte) {
	whole := 0
	if lanes := l.lanes(); lanes > 1 {
		if whole = len(dst) / lanes * lanes; whole > 0 {
			_ = src[2*whole-1]
			l.widenF16(dst[:whole], src)
		}
	}
	for i := whole; i < len(dst); i++ {
		dst[i] = f16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// WidenBF16 converts bfloat16 numbers, little endian, to float32.
func WidenBF16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	for i := range dst {
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
	}
}

// f16 moves exponent and fraction to their places; a product corrects the
// exponent's bias, for subnormals too. Infinities and NaN get theirs.
func f16(h uint16) float32 {
	bits := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if h&0x7c00 == 0x7c00 {
		bits |= 0xff << 23
	}
	return math.Float32frombits(bits | uint32(h&0x8000)<<16)
}
