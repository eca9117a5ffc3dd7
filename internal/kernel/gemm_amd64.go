package kernel

//go:generate go -C gen run . -out ../zz_kernel_amd64.s -stubs ../zz_kernel_amd64.go -pkg kernel -dispatch ../zz_dispatch_amd64.go

// run computes tiles of h rows, one below the other.
func (t *tile) run(l Level, h, tiles int) {
	t.check(h * tiles)
	switch {
	case l >= AVX512 && t.transposed:
		gemmF32TAVX512(h, tiles, t.k, &t.a[0], 4*t.lda, &t.b[0], 4*t.ldb, 4*t.next, t.step, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom)
	case l >= AVX512 && t.narrow:
		gemmF32NarrowAVX512(h, tiles, t.k, &t.a[0], 4*t.lda, &t.b[0], 4*t.ldb, 4*t.next, t.step, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom)
	case l >= AVX512:
		gemmF32AVX512(h, tiles, t.k, &t.a[0], 4*t.lda, &t.b[0], 4*t.ldb, 4*t.next, t.step, &t.c[0], 4*t.ldc, &t.from[0], 4*t.ldfrom)
	case l == AVX2:
		t.runAVX2(h, tiles, 0)
		if !t.narrow {
			t.runAVX2(h, tiles, panel/2)
		}
	default:
		t.runPlain(h * tiles)
	}
}

// runAVX2 computes half of the columns.
func (t *tile) runAVX2(h, tiles, col int) {
	if t.transposed {
		gemmF32TAVX2(h, tiles, t.k, &t.a[0], 4*t.lda, &t.b[col], 4*t.ldb, 4*t.next, t.step, &t.c[col], 4*t.ldc, &t.from[col], 4*t.ldfrom)
		return
	}
	gemmF32AVX2(h, tiles, t.k, &t.a[0], 4*t.lda, &t.b[col], 4*t.ldb, 4*t.next, t.step, &t.c[col], 4*t.ldc, &t.from[col], 4*t.ldfrom)
}
