package encoder

import (
	"encoding/binary"
	"math"
	"unsafe"
)

// rowSummer adds the first len(dst) columns of the rows ids to dst.
//
// Each takes rows four at a time, so that a partial sum is loaded and stored
// once per four tokens, and the last one to three alone: the order of additions
// depends on the sentence's length and nothing else.
type rowSummer interface {
	sum(dst []float32, ids []int32)
	// unit is the number that sums are to be multiplied by.
	unit() float32
}

// rows is a table [vocab, width].
type rows[T any] struct {
	data  []T
	width int
}

// at is the first n columns of row id.
func (r rows[T]) at(id int32, n int) []T { return r.data[int(id)*r.width:][:n] }

type rowsF32 struct{ rows[float32] }

func (rowsF32) unit() float32 { return 1 }

func (t rowsF32) sum(dst []float32, ids []int32) {
	n := len(dst)
	for ; len(ids) >= 4; ids = ids[4:] {
		a, b, c, d := t.at(ids[0], n), t.at(ids[1], n), t.at(ids[2], n), t.at(ids[3], n)
		for i, s := range dst {
			dst[i] = s + ((a[i] + b[i]) + (c[i] + d[i]))
		}
	}
	for _, id := range ids {
		add(dst, t.at(id, n))
	}
}

// rowsI8 has a scale per row.
type rowsI8 struct {
	rows[int8]
	scale []float32
}

func (rowsI8) unit() float32 { return 1 }

func (t rowsI8) sum(dst []float32, ids []int32) {
	n := len(dst)
	for ; len(ids) >= 4; ids = ids[4:] {
		a, b, c, d := t.at(ids[0], n), t.at(ids[1], n), t.at(ids[2], n), t.at(ids[3], n)
		fa, fb, fc, fd := t.scale[ids[0]], t.scale[ids[1]], t.scale[ids[2]], t.scale[ids[3]]
		for i, s := range dst {
			ab := float32(fa*float32(a[i])) + float32(fb*float32(b[i]))
			cd := float32(fc*float32(c[i])) + float32(fd*float32(d[i]))
			dst[i] = s + (ab + cd)
		}
	}
	for _, id := range ids {
		f := t.scale[id]
		for i, v := range t.at(id, n) {
			dst[i] += float32(f * float32(v))
		}
	}
}

type rowsF16 struct{ rows[uint16] }

// unit is 2^(127-15), the difference of the exponents' biases that f16 leaves.
func (rowsF16) unit() float32 { return 0x1p112 }

func (t rowsF16) sum(dst []float32, ids []int32) {
	n := len(dst)
	for ; len(ids) >= 4; ids = ids[4:] {
		a, b, c, d := t.at(ids[0], n), t.at(ids[1], n), t.at(ids[2], n), t.at(ids[3], n)
		for i, s := range dst {
			dst[i] = s + ((f16(a[i]) + f16(b[i])) + (f16(c[i]) + f16(d[i])))
		}
	}
	for _, id := range ids {
		for i, h := range t.at(id, n) {
			dst[i] += f16(h)
		}
	}
}

type rowsBF16 struct{ rows[uint16] }

func (rowsBF16) unit() float32 { return 1 }

func (t rowsBF16) sum(dst []float32, ids []int32) {
	n := len(dst)
	for ; len(ids) >= 4; ids = ids[4:] {
		a, b, c, d := t.at(ids[0], n), t.at(ids[1], n), t.at(ids[2], n), t.at(ids[3], n)
		for i, s := range dst {
			dst[i] = s + ((bf16(a[i]) + bf16(b[i])) + (bf16(c[i]) + bf16(d[i])))
		}
	}
	for _, id := range ids {
		for i, h := range t.at(id, n) {
			dst[i] += bf16(h)
		}
	}
}

// f16 widens a finite binary16 number without a branch, up to a factor of
// 2^112: sign, exponent and fraction move to their places in a float32 (the
// shift carries the sign into bits 28 to 31, the mask clears three of them),
// and the exponent keeps its bias of 15. The factor is exact, for subnormals
// too. Infinity and NaN come out wrong; NewStatic refuses them.
func f16(h uint16) float32 {
	return math.Float32frombits(uint32(int32(int16(h))<<13) & 0x8fffffff)
}

func bf16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

// words is a tensor's data, little endian and of a 16-bit type, as numbers:
// without a copy where the host stores them so.
func words(data []byte) []uint16 {
	if len(data) == 0 {
		return nil
	}
	p := unsafe.Pointer(&data[0])
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 && uintptr(p)%2 == 0 {
		return unsafe.Slice((*uint16)(p), len(data)/2)
	}
	out := make([]uint16, len(data)/2)
	for i := range out {
		out[i] = binary.LittleEndian.Uint16(data[2*i:])
	}
	return out
}
