package kernel

import "math"

const (
	// byteBlock is the number of queries, of keys and of the values' columns
	// that attention over bytes takes at a time.
	byteBlock = 16
	// byteTokens is the number of tokens from which it is faster than over
	// float32; it needs byteBlock of them.
	byteTokens = 32
)

// byteAttention is the memory of attention over bytes. Queries, keys and values
// are quantised symmetrically, queries and keys with one scale for each token,
// values with one for each column. Of the softmax's numerators, the largest of
// which is 1, it keeps 255ths, and it divides by the sum of those, so that the
// context stays a mean of values.
type byteAttention struct {
	turned []float32   // [Dim, 32] a block of queries or keys as columns
	query  byteColumns // of one block
	key    byteColumns
	value  byteColumns
	scores []float32 // [16, stride of n]; later the softmax's bytes
	inv    [byteBlock]float32
}

// byteColumns holds columns of bytes in blocks of 16, within a block four rows
// side by side for each column.
type byteColumns struct {
	block int       // bytes of a block
	words []int8    // [blocks][words][16][4]
	scale []float32 // [blocks*16]
	base  []int32   // [blocks*16] -128 times a column's sum
}

// fit makes room for a number of columns with so many rows.
func (c *byteColumns) fit(columns, rows int) {
	columns = Padded(columns)
	c.block = groups(rows) * 4 * byteBlock
	if need := columns / byteBlock * c.block; len(c.words) < need {
		c.words = make([]int8, need)
	}
	if len(c.scale) < columns {
		c.scale, c.base = make([]float32, columns), make([]int32, columns)
	}
}

// overBytes reports whether a sentence of n tokens takes the products of bytes.
func (a *Attention) overBytes(l Level, n int) bool {
	return a.Int8 && l >= VNNI && n >= byteTokens && a.Dim%byteBlock == 0
}

// fit makes room for sentences of n tokens in heads of dim values.
func (b *byteAttention) fit(n, dim int) {
	b.query.fit(byteBlock, dim)
	b.key.fit(n, dim)
	b.value.fit(dim, n)
	if len(b.turned) < dim*panel {
		b.turned = make([]float32, dim*panel)
	}
	if need := byteBlock * Stride(Padded(n)); len(b.scores) < need {
		b.scores = make([]float32, need)
	}
}

// headBytes is Head in bytes.
func (a *Attention) headBytes(l Level, n int, query, key, value []float32, stride int, out []float32, outStride int) {
	const signed, plus128 = 0, 0x80808080
	b := &a.bytes
	b.fit(n, a.Dim)
	for i := range a.Dim / byteBlock {
		l.quantizeColumns(&b.value, i, value[i*byteBlock:], stride, n, signed, 1.0/127)
	}
	for lo := 0; lo < n; lo += byteBlock {
		b.turn(l, &b.key, lo/byteBlock, key[lo*stride:], stride, min(byteBlock, n-lo), a.Dim, signed, 1.0/127)
	}
	for j := n; j < Padded(n); j++ { // keys that do not exist score minus infinity
		b.key.scale[j], b.key.base[j] = float32(math.Inf(1)), math.MinInt32/2
	}
	scale := float32(math.Log2E / 127 / math.Sqrt(float64(a.Dim)))
	for lo := 0; lo < n; lo += byteBlock {
		lo := min(lo, n-byteBlock) // the last block does rows of the one before again
		b.turn(l, &b.query, 0, query[lo*stride:], stride, byteBlock, a.Dim, plus128, scale)
		b.attend(l, n, a.Dim, out[lo*outStride:], outStride)
	}
}

// turn quantises block i of c, whose columns are rows of dim values.
func (b *byteAttention) turn(l Level, c *byteColumns, i int, rows []float32, ld, n, dim int, flip uint32, factor float32) {
	l.packColumns(b.turned, rows, ld, n, dim)
	l.quantizeColumns(c, i, b.turned, panel, dim, flip, factor)
}
