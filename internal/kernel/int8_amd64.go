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

func (t *tileInt8) runVNNI(h int) {
	a := &t.a.Data[t.row*t.a.Stride]
	scale, zero := &t.a.Scale[t.row : t.row+h][0], &t.a.Zero[t.row : t.row+h][0]
	gemmI8VNNI(h, groups(t.b.K), a, t.a.Stride, &t.panelData()[0], &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom,
		scale, zero, &t.b.Col[t.col], &t.b.sum[t.col])
}
