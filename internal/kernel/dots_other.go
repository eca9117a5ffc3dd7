//go:build !amd64

package kernel

func (Level) dotsInt8(out []int32, query, rows []int8, stride int, at []uint32, whole int) {
	dotsInt8Plain(out, query, rows, stride, at, whole)
}
