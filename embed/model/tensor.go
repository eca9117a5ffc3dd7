package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// DType is the element type of a Tensor, under safetensors' names.
type DType string

// The element types of safetensors files. Weights are F32, F16, BF16 or F64, in
// static tables also I8; the others are carried along (BERT's position_ids are
// I64).
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	Bool DType = "BOOL"
)

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case F16, BF16, I16, U16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// Float says that elements are floating point numbers.
func (d DType) Float() bool {
	return d == F64 || d == F32 || d == F16 || d == BF16
}

// Tensor is a dense row-major array. Data holds the elements in little endian
// and may alias a read-only mapping of the file, so it is never written to.
type Tensor struct {
	Name  string // as the folder called it, for messages
	DType DType
	Shape []int
	Data  []byte

	mapped bool // Data lies in a mapped file
}

// nativeLittle says that the host stores numbers as Data does, so that Data can
// be viewed without a copy.
var nativeLittle = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// NewF32 makes a float32 tensor over data, which it keeps (without a copy on
// little-endian hosts) and which must not change afterwards. It panics if the
// shape does not hold len(data) elements: that is an error of the program.
func NewF32(name string, shape []int, data []float32) *Tensor {
	t := &Tensor{Name: name, DType: F32, Shape: slices.Clone(shape)}
	mustHold(t, len(data))
	if len(data) == 0 {
		return t
	}
	if nativeLittle {
		t.Data = unsafe.Slice((*byte)(unsafe.Pointer(&data[0])), 4*len(data))
		return t
	}
	t.Data = make([]byte, 0, 4*len(data))
	for _, v := range data {
		t.Data = binary.LittleEndian.AppendUint32(t.Data, math.Float32bits(v))
	}
	return t
}

// NewI8 makes an int8 tensor with a copy of data. Like NewF32 it panics if
// shape and data disagree.
func NewI8(name string, shape []int, data []int8) *Tensor {
	t := &Tensor{Name: name, DType: I8, Shape: slices.Clone(shape), Data: make([]byte, len(data))}
	mustHold(t, len(data))
	for i, v := range data {
		t.Data[i] = byte(v)
	}
	return t
}

func mustHold(t *Tensor, n int) {
	if t.Len() != n {
		panic(fmt.Sprintf("model: tensor %s of shape %v over %d elements", t.Name, t.Shape, n))
	}
}

// Len is the number of elements.
func (t *Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Rows is the first dimension: the number of rows that AppendRow accepts.
func (t *Tensor) Rows() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[0]
}

// Cols is the number of elements of one row.
func (t *Tensor) Cols() int {
	n := 1
	for _, d := range t.Shape[min(1, len(t.Shape)):] {
		n *= d
	}
	return n
}

// F32 is every element as float32. For an aligned F32 tensor on a little-endian
// host it aliases Data and is read-only; otherwise it is a fresh, converted
// slice at every call. Callers that want one row of a compact table use
// AppendRow instead.
func (t *Tensor) F32() []float32 {
	if v, ok := t.view32(); ok {
		return v
	}
	return t.appendElems(make([]float32, 0, t.Len()), 0, t.Len())
}

// I8 is every element of an I8 tensor, without a copy and read-only; nil for
// any other type.
func (t *Tensor) I8() []int8 {
	if t.DType != I8 || len(t.Data) == 0 {
		return nil
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(&t.Data[0])), len(t.Data))
}

// AppendRow appends row i, converted to float32, to dst and returns it. It
// allocates only to grow dst, so tables in f16, bf16 or int8 are used without
// doubling memory. Int8 rows come unscaled; see StaticTable.AppendRow.
func (t *Tensor) AppendRow(dst []float32, i int) []float32 {
	c := t.Cols()
	return t.appendElems(dst, i*c, (i+1)*c)
}

// RowF32 writes row i, converted to float32, into dst, whose length must be
// Cols.
func (t *Tensor) RowF32(dst []float32, i int) {
	t.AppendRow(dst[:0:t.Cols()], i)
}

// view32 is Data as float32 without a copy, if it can be had.
func (t *Tensor) view32() ([]float32, bool) {
	if t.DType != F32 || !nativeLittle {
		return nil, false
	}
	if len(t.Data) == 0 {
		return []float32{}, true
	}
	p := unsafe.Pointer(&t.Data[0])
	if uintptr(p)%4 != 0 {
		return nil, false
	}
	return unsafe.Slice((*float32)(p), len(t.Data)/4), true
}

// appendElems appends the elements [from, to), converted to float32.
func (t *Tensor) appendElems(dst []float32, from, to int) []float32 {
	if v, ok := t.view32(); ok {
		return append(dst, v[from:to]...)
	}
	size := t.DType.Size()
	data := t.Data[from*size : to*size]
	dst = slices.Grow(dst, to-from)
	le := binary.LittleEndian
	switch t.DType {
	case F16:
		for ; len(data) > 0; data = data[2:] {
			dst = append(dst, F16ToF32(le.Uint16(data)))
		}
		return dst
	case BF16:
		for ; len(data) > 0; data = data[2:] {
			dst = append(dst, BF16ToF32(le.Uint16(data)))
		}
		return dst
	case I8:
		for _, b := range data {
			dst = append(dst, float32(int8(b)))
		}
		return dst
	}
	decode := decoders[t.DType]
	if decode == nil {
		panic(fmt.Sprintf("model: tensor %s of unknown type %q", t.Name, t.DType))
	}
	for ; len(data) > 0; data = data[size:] {
		dst = append(dst, decode(data))
	}
	return dst
}

// decoders read the first element of little-endian data, for the types that no
// hot path meets.
var decoders = map[DType]func([]byte) float32{
	F64:  func(b []byte) float32 { return float32(math.Float64frombits(binary.LittleEndian.Uint64(b))) },
	F32:  func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) },
	I64:  func(b []byte) float32 { return float32(int64(binary.LittleEndian.Uint64(b))) },
	I32:  func(b []byte) float32 { return float32(int32(binary.LittleEndian.Uint32(b))) },
	I16:  func(b []byte) float32 { return float32(int16(binary.LittleEndian.Uint16(b))) },
	U64:  func(b []byte) float32 { return float32(binary.LittleEndian.Uint64(b)) },
	U32:  func(b []byte) float32 { return float32(binary.LittleEndian.Uint32(b)) },
	U16:  func(b []byte) float32 { return float32(binary.LittleEndian.Uint16(b)) },
	U8:   func(b []byte) float32 { return float32(b[0]) },
	Bool: func(b []byte) float32 { return float32(b[0]) },
}
