package kernel

// quantizeColumns quantises 16 columns of x, n rows ld values apart, to block i
// of c.
func (Level) quantizeColumns(c *byteColumns, i int, x []float32, ld, n int, flip uint32, factor float32) {
	_ = x[(n-1)*ld+byteBlock-1]
	words := c.words[i*c.block:][:groups(n)*4*byteBlock]
	scale, base := c.scale[i*byteBlock:][:byteBlock], c.base[i*byteBlock:][:byteBlock]
	quantizeColumnsVNNI(&x[0], 4*ld, n, &words[0], flip, factor, &scale[0], &base[0])
}

// attend computes the context of b's 16 queries over n keys.
func (b *byteAttention) attend(_ Level, n, dim int, out []float32, outStride int) {
	wide := Padded(n)
	ld := Stride(wide)
	q, k, v, s := &b.query, &b.key, &b.value, b.scores[:byteBlock*ld]
	_, _ = k.words[wide/byteBlock*k.block-1], k.base[wide-1]
	_, _ = v.words[dim/byteBlock*v.block-1], v.scale[dim-1]
	_ = out[(byteBlock-1)*outStride+dim-1]
	scoreBytesVNNI(&q.words[0], groups(dim), &k.words[0], &k.scale[0], &k.base[0], &s[0], 4*ld, wide/byteBlock)
	softmaxBytesVNNI(&s[0], 4*ld, wide, &q.scale[0], &b.inv[0])
	for col := 0; col < dim; col += byteBlock {
		mixBytesVNNI(&s[0], 4*ld, &v.words[col/byteBlock*v.block], groups(n), &v.scale[col], &b.inv[0], &out[col], 4*outStride)
	}
}
