//go:build !amd64

package kernel

func (t *tile) run(_ Level, h, tiles int) { t.runPlain(h * tiles) }
