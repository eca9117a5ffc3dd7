package kernel

func (l Level) dotsInt8(out []int32, query, rows []int8, stride int, at []uint32, whole int) {
	switch {
	case l >= VNNI:
		dotsI8VNNI(&out[0], len(out), &query[0], &rows[0], stride, &at[0], whole)
	case l >= AVX2:
		dotsI8AVX2(&out[0], len(out), &query[0], &rows[0], stride, &at[0], whole)
	default:
		dotsInt8Plain(out, query, rows, stride, at, whole)
	}
}
