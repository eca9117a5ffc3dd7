package model

import "math"

// F16ToF32 widens an IEEE 754 binary16 number; every value is exact. Exponent
// and fraction go to float32's places and a product corrects the bias, for
// subnormals too; infinities and NaN then get their exponent.
func F16ToF32(h uint16) float32 {
	bits := math.Float32bits(math.Float32frombits(uint32(h&0x7fff)<<13) * 0x1p112)
	if h&0x7c00 == 0x7c00 {
		bits |= 0xff << 23
	}
	return math.Float32frombits(bits | uint32(h&0x8000)<<16)
}

// F32ToF16 narrows to binary16, rounding to nearest, ties to even. Too large
// numbers become infinite, NaN stays NaN.
func F32ToF16(f float32) uint16 {
	b := math.Float32bits(f)
	sign := uint16(b>>16) & 0x8000
	abs := b & 0x7fffffff
	switch {
	case abs > 0x7f800000:
		return sign | 0x7e00
	case abs >= 0x477ff000: // rounds to 65520 or more
		return sign | 0x7c00
	case abs >= 0x38800000: // normal: 2^-14 and up
		abs += 0xfff + abs>>13&1
		return sign | uint16((abs-(112<<23))>>13)
	}
	// Subnormal: the scaled value is below 2^11, so float32's own rounding to
	// an integer (ties to even) is the result.
	v := math.Float32frombits(abs) * 0x1p24
	return sign | uint16(math.RoundToEven(float64(v)))
}

// BF16ToF32 widens a bfloat16 number; every value is exact.
func BF16ToF32(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// F32ToBF16 narrows to bfloat16, rounding to nearest, ties to even.
func F32ToBF16(f float32) uint16 {
	b := math.Float32bits(f)
	if b&0x7fffffff > 0x7f800000 {
		return uint16(b>>16) | 0x40 // keep it a NaN
	}
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}
