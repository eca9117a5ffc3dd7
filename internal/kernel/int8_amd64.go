package kernel

func (l Level) quantize(x []float32, q []uint8) (scale float32, zero int32) {
	_ = q[len(x)*l.byteSize()-1]
	if l >= VNNI {
		return quantizeVNNI(&x[0], len(x), &q[0])
	}
	return quantizeAVX2(&x[0], len(x), &q[0])
}

// run computes tiles of h rows and 32 columns, one below the other.
func (t *tileInt8) run(l Level, h, tiles int) {
	n := h * tiles
	if l == Plain {
		t.runPlain(n)
		return
	}
	_ = t.c[(n-1)*t.ldc+panel-1]
	_ = t.from[(n-1)*t.ldfrom+panel-1]
	_ = t.a.data[(t.row+n-1)*t.a.stride+4*groups(t.b.K)*l.byteSize()-1]
	k4, a, b := groups(t.b.K), &t.a.data[t.row*t.a.stride], &t.panelData()[0]
	next := k4*rowBytes + t.fetched // the next panel begins where this one ends
	scale, zero := &t.a.Scale[t.row : t.row+n][0], &t.a.Zero[t.row : t.row+n][0]
	col, sum := &t.b.Col[t.col], &t.b.negSum[t.col]
	if l >= VNNI {
		gemmI8VNNI(h, tiles, k4, a, t.a.stride, b, next, t.step, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom, scale, zero, col, sum)
		return
	}
	gemmI8AVX2(h, tiles, k4, a, t.a.stride, b, next, t.step, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom, scale, zero, col, sum)
}
