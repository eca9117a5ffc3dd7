package kernel

//go:generate go -C gen run . -out ../zz_kernel_amd64.s -stubs ../zz_kernel_amd64.go -pkg kernel

// run computes the tile's h rows and 32 columns.
func (t *tile) run(l Level, h int) {
	// The last value of each operand, so that a slice too short fails here
	// and not in the assembly.
	_ = t.a[(h-1)*t.lda+t.k-1]
	_ = t.b[(t.k-1)*t.ldb+panel-1]
	_ = t.c[(h-1)*t.ldc+panel-1]
	_ = t.from[(h-1)*t.ldfrom+panel-1]
	switch {
	case l >= AVX512:
		t.runAVX512(h, 0)
	case l == AVX2:
		t.runAVX2(h, 0)
		t.runAVX2(h, panel/2)
	default:
		t.runPlain(h)
	}
}

// runAVX512 calls the micro-kernel of height h: by a switch, since a table of
// functions would make every operand escape to the heap.
func (t *tile) runAVX512(h, col int) {
	a, b, c, from := &t.a[0], &t.b[col], &t.c[col], &t.from[col]
	lda, ldb, ldc, ldfrom := 4*t.lda, 4*t.ldb, 4*t.ldc, 4*t.ldfrom
	switch h {
	case 1:
		gemmF32AVX512x1(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 2:
		gemmF32AVX512x2(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 3:
		gemmF32AVX512x3(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 4:
		gemmF32AVX512x4(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 5:
		gemmF32AVX512x5(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 6:
		gemmF32AVX512x6(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 7:
		gemmF32AVX512x7(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 8:
		gemmF32AVX512x8(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 9:
		gemmF32AVX512x9(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 10:
		gemmF32AVX512x10(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 11:
		gemmF32AVX512x11(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 12:
		gemmF32AVX512x12(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	}
}

// runAVX2 calls the micro-kernel of height h: by a switch, since a table of
// functions would make every operand escape to the heap.
func (t *tile) runAVX2(h, col int) {
	a, b, c, from := &t.a[0], &t.b[col], &t.c[col], &t.from[col]
	lda, ldb, ldc, ldfrom := 4*t.lda, 4*t.ldb, 4*t.ldc, 4*t.ldfrom
	switch h {
	case 1:
		gemmF32AVX2x1(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 2:
		gemmF32AVX2x2(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 3:
		gemmF32AVX2x3(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 4:
		gemmF32AVX2x4(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 5:
		gemmF32AVX2x5(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	case 6:
		gemmF32AVX2x6(t.k, a, lda, b, ldb, c, ldc, from, ldfrom)
	}
}
