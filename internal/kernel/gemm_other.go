//go:build !amd64

package kernel

func (t *tile) run(_ Level, h int) { t.runPlain(h) }
