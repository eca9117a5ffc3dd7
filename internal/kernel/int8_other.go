//go:build !amd64

package kernel

func (Level) quantize(x []float32, q []uint8) (scale float32, zero int32) {
	return quantizePlain(x, q)
}

func (t *tileInt8) run(_ Level, h, tiles int) { t.runPlain(h * tiles) }
