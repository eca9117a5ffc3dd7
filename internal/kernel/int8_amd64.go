package kernel

func (l Level) quantize(x []float32, q []uint8) (scale float32, zero int32) {
	return quantizeVNNI(&x[0], len(x), &q[0])
}

// run computes the tile's h rows and 32 columns.
func (t *tileInt8) run(l Level, h int) {
	_ = t.c[(h-1)*t.ldc+panel-1]
	_ = t.from[(h-1)*t.ldfrom+panel-1]
	_ = t.a.Data[(t.row+h-1)*t.a.Stride+4*groups(t.b.K)-1]
	if l < VNNI {
		t.runPlain(h)
		return
	}
	t.runVNNI(h)
}

// runVNNI calls the micro-kernel of height h (see runAVX512).
func (t *tileInt8) runVNNI(h int) {
	k4, b := groups(t.b.K), &t.panelData()[0]
	a, lda := &t.a.Data[t.row*t.a.Stride], t.a.Stride
	c, ldc, from, ldfrom := &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom
	scale, zero := &t.a.Scale[t.row : t.row+h][0], &t.a.Zero[t.row : t.row+h][0]
	col, sum := &t.b.Col[t.col], &t.b.sum[t.col]
	switch h {
	case 1:
		gemmI8VNNIx1(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 2:
		gemmI8VNNIx2(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 3:
		gemmI8VNNIx3(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 4:
		gemmI8VNNIx4(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 5:
		gemmI8VNNIx5(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 6:
		gemmI8VNNIx6(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 7:
		gemmI8VNNIx7(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 8:
		gemmI8VNNIx8(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 9:
		gemmI8VNNIx9(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 10:
		gemmI8VNNIx10(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 11:
		gemmI8VNNIx11(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	case 12:
		gemmI8VNNIx12(k4, a, lda, b, c, ldc, from, ldfrom, scale, zero, col, sum)
	}
}
