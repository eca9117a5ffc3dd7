package kernel

func (l Level) quantize(x []float32, q []uint8) (scale float32, zero int32) {
	_ = q[len(x)*l.byteSize()-1]
	if l >= VNNI {
		return quantizeVNNI(&x[0], len(x), &q[0])
	}
	return quantizeAVX2(&x[0], len(x), &q[0])
}

// run computes the tile's h rows and 32 columns.
func (t *tileInt8) run(l Level, h int) {
	if l == Plain {
		t.runPlain(h)
		return
	}
	_ = t.c[(h-1)*t.ldc+panel-1]
	_ = t.from[(h-1)*t.ldfrom+panel-1]
	_ = t.a.data[(t.row+h-1)*t.a.stride+4*groups(t.b.K)*l.byteSize()-1]
	k4, a, b := groups(t.b.K), &t.a.data[t.row*t.a.stride], &t.panelData()[0]
	scale, zero := &t.a.Scale[t.row : t.row+h][0], &t.a.Zero[t.row : t.row+h][0]
	if l >= VNNI {
		gemmI8VNNI(h, k4, a, t.a.stride, b, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom, scale, zero, &t.b.Col[t.col], &t.b.sum[t.col])
		return
	}
	gemmI8AVX2(h, k4, a, t.a.stride, b, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom, scale, zero, &t.b.Col[t.col], &t.b.sum[t.col])
}
