package vector

import (
	"math"

	"semdex/internal/kernel"
)

// Rows is a growing set of vectors, kept in float32 and as int8 codes. Rows are
// only ever appended, so that a copy of the struct is a snapshot that needs no
// lock.
type Rows struct {
	dims   int
	count  int
	base   flat
	blocks []flat
	// Of the rows so far: the largest distance of a row from its codes, and the
	// largest norm of codes.
	miss, norm float64
}

// flat is rows side by side. Codes have the values that a row's vector is
// closest to when multiplied with its scale; a scale of 0 marks a row of zeros.
type flat struct {
	values []float32 // rows x dims
	codes  []int8    // rows x codeStride(dims)
	scales []float32
}

// blockRows is the number of rows that are allocated together.
const blockRows = 256

// codeStride is the distance of codes: whole cache lines, the rest zero.
func codeStride(dims int) int { return (dims + 63) &^ 63 }

// NewRows returns an empty set of vectors of dims values.
func NewRows(dims int) Rows { return Rows{dims: dims} }

// Dims is the number of values of each row.
func (r *Rows) Dims() int { return r.dims }

// Len is the number of rows.
func (r *Rows) Len() int { return r.count }

// piece returns the rows that lie together with a row, and its place there.
func (r *Rows) piece(row int) (*flat, int) {
	base := len(r.base.scales)
	if row < base {
		return &r.base, row
	}
	row -= base
	return &r.blocks[row/blockRows], row % blockRows
}

// At returns a row. It must not be changed.
func (r *Rows) At(row int) []float32 {
	f, i := r.piece(row)
	return f.values[i*r.dims : (i+1)*r.dims : (i+1)*r.dims]
}

// Missing reports whether a row is all zeros.
func (r *Rows) Missing(row int) bool {
	f, i := r.piece(row)
	return f.scales[i] == 0
}

// Append adds a row; nil is a row of zeros. x is copied.
func (r *Rows) Append(x []float32) {
	at := r.count - len(r.base.scales)
	stride := codeStride(r.dims)
	if at == len(r.blocks)*blockRows {
		r.blocks = append(r.blocks, flat{
			values: make([]float32, blockRows*r.dims),
			codes:  make([]int8, blockRows*stride),
			scales: make([]float32, blockRows),
		})
	}
	b, i := &r.blocks[at/blockRows], at%blockRows
	r.count++
	if x == nil {
		return
	}
	copy(b.values[i*r.dims:(i+1)*r.dims], x)
	scale, miss, norm := quantize(b.codes[i*stride:(i+1)*stride], x)
	b.scales[i] = scale
	r.miss, r.norm = max(r.miss, miss), max(r.norm, norm)
}

// quantize writes x as codes, code times scale, and returns the distance
// between the two and the norm of the latter. The scale is 0 for zeros alone.
func quantize(codes []int8, x []float32) (scale float32, miss, norm float64) {
	var top float32
	for _, v := range x {
		top = max(top, v, -v)
	}
	if top == 0 {
		return 0, 0, 0
	}
	scale = max(top/127, math.SmallestNonzeroFloat32)
	inverse := 1 / float64(scale)
	var squares, missed float64
	for i, v := range x {
		c := max(-127, min(127, math.RoundToEven(float64(v)*inverse)))
		codes[i] = int8(c)
		d := float64(v) - c*float64(scale)
		missed += d * d
		squares += c * c
	}
	return scale, math.Sqrt(missed), math.Sqrt(squares) * float64(scale)
}

// target is a query prepared for codes.
type target struct {
	values     []float32
	codes      []int8
	scale      float32
	miss, norm float64 // as of Rows, for the query
}

func (t *target) prepare(x []float32) {
	t.values = x
	n := codeStride(len(x))
	if cap(t.codes) < n {
		t.codes = make([]int8, n)
	}
	t.codes = t.codes[:n]
	clear(t.codes)
	t.scale, t.miss, t.norm = quantize(t.codes, x)
}

// bound is how far the dot product of codes can be from that of the values, for
// any row: |qx - q'x'| <= |q| |x-x'| + |q-q'| |x'|, and the rounding of float32
// sums.
func (r *Rows) bound(t *target) float32 {
	q := t.norm + t.miss
	b := q*r.miss + t.miss*r.norm
	b += float64(r.dims) * 0x1p-22 * q * (r.norm + r.miss)
	return float32(b)
}

// codes computes dot products of codes, without the query's scale, of rows that
// lie in one piece.
func (f *flat) dots(level kernel.Level, out []float32, sums []int32, query []int8, at []uint32) {
	if len(at) == 0 {
		return
	}
	level.DotsInt8At(sums[:len(at)], query, f.codes, len(query), at)
	for i, row := range at {
		out[i] = float32(sums[i]) * f.scales[row]
	}
}
