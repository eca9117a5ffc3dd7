//go:build !amd64

package kernel

func (Level) mul(y, x []float32)                        { mulPlain(y, x) }
func (Level) geluBoth(x, grad []float32)                { geluBothPlain(x, grad) }
func (Level) softmaxGrad(d, p []float32, scale float32) { softmaxGradPlain(d, p, scale) }
func (Level) adamW(a *Adam, p, m, v, g []float32)       { adamWPlain(a, p, m, v, g) }
func (Level) layerNormGrad(dx, gy, x, w, dw, db []float32, eps float32) {
	layerNormGradPlain(dx, gy, x, w, dw, db, eps)
}

func (Level) dropout(x []float32, state uint64, drop uint32, scale float32) {
	dropoutPlain(x, state, drop, scale)
}
