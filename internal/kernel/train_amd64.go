package kernel

//go:generate go -C gen/train run . -out ../../zz_train_amd64.s -stubs ../../zz_train_amd64.go -pkg kernel

// The dispatchers of training. Their slices hold whole vectors, at least one.

func (l Level) mul(y, x []float32) {
	switch {
	case l >= AVX512:
		mulAVX512(&y[0], &x[0], len(y))
	case l == AVX2:
		mulAVX2(&y[0], &x[0], len(y))
	default:
		mulPlain(y, x)
	}
}

func (l Level) geluBoth(x, grad []float32) {
	switch {
	case l >= AVX512:
		geluBothAVX512(&x[0], &grad[0], len(x))
	case l == AVX2:
		geluBothAVX2(&x[0], &grad[0], len(x))
	default:
		geluBothPlain(x, grad)
	}
}

func (l Level) softmaxGrad(d, p []float32, scale float32) {
	switch {
	case l >= AVX512:
		softmaxGradAVX512(&d[0], &p[0], len(d), scale)
	case l == AVX2:
		softmaxGradAVX2(&d[0], &p[0], len(d), scale)
	default:
		softmaxGradPlain(d, p, scale)
	}
}

func (l Level) layerNormGrad(dx, gy, x, w, dw, db []float32, eps float32) {
	inv := 1 / float32(len(x))
	switch {
	case l >= AVX512:
		layerNormGradAVX512(&dx[0], &gy[0], &x[0], &w[0], &dw[0], &db[0], len(x), eps, inv)
	case l == AVX2:
		layerNormGradAVX2(&dx[0], &gy[0], &x[0], &w[0], &dw[0], &db[0], len(x), eps, inv)
	default:
		layerNormGradPlain(dx, gy, x, w, dw, db, eps)
	}
}

func (l Level) dropout(x []float32, state uint64, drop uint32, scale float32) {
	switch {
	case l >= AVX512:
		dropoutAVX512(&x[0], len(x), state, drop, scale)
	case l == AVX2:
		dropoutAVX2(&x[0], len(x), state, drop, scale)
	default:
		dropoutPlain(x, state, drop, scale)
	}
}

func (l Level) adamW(a *Adam, p, m, v, g []float32) {
	c := [8]float32{a.Keep, a.B1, a.B2, a.G1, a.G2, a.Size, a.Root, a.Eps}
	switch {
	case l >= AVX512:
		adamWAVX512(&p[0], &m[0], &v[0], &g[0], len(p), &c[0])
	case l == AVX2:
		adamWAVX2(&p[0], &m[0], &v[0], &g[0], len(p), &c[0])
	default:
		adamWPlain(a, p, m, v, g)
	}
}
