package kernel

// Dots computes the inner products of query with rows of its length, stride
// values apart: one for each element of out.
func (l Level) Dots(out, query, rows []float32, stride int) {
	for i := range out {
		out[i] = l.Dot(query, rows[i*stride:][:len(query)])
	}
}

// DotsAt is Dots over the rows whose numbers are in at, as many as out has
// elements.
func (l Level) DotsAt(out, query, rows []float32, stride int, at []uint32) {
	for i, row := range at[:len(out)] {
		out[i] = l.Dot(query, rows[int(row)*stride:][:len(query)])
	}
}

// dotRows is the number of rows whose dots are computed together.
const dotRows = 4

// DotsInt8 computes the inner products of query with rows of its length, stride
// values apart: one for each element of out. Sums are exact, so they are the
// same at every level, up to 2^17 values.
func (l Level) DotsInt8(out []int32, query, rows []int8, stride int) {
	var at [64]uint32
	for lo := 0; lo < len(out); lo += len(at) {
		part := out[lo:min(lo+len(at), len(out))]
		for i := range part {
			at[i] = uint32(i)
		}
		l.DotsInt8At(part, query, rows[lo*stride:], stride, at[:])
	}
}

// DotsInt8At is DotsInt8 over the rows whose numbers are in at, as many as out
// has elements.
func (l Level) DotsInt8At(out []int32, query, rows []int8, stride int, at []uint32) {
	at = at[:len(out)]
	for _, row := range at { // reaches beyond rows, or not
		_ = rows[int(row)*stride+len(query)-1]
	}
	step := l.dotBytes()
	whole := len(query) / step * step
	if whole == 0 {
		clear(out)
	} else {
		blocks := len(out) / dotRows * dotRows
		if blocks > 0 {
			l.dotsInt8(out[:blocks], query, rows, stride, at, whole)
		}
		if rest := len(out) - blocks; rest > 0 {
			var four [dotRows]int32
			var same [dotRows]uint32
			for i := range same {
				same[i] = at[blocks+min(i, rest-1)]
			}
			l.dotsInt8(four[:], query, rows, stride, same[:], whole)
			copy(out[blocks:], four[:])
		}
	}
	if whole < len(query) {
		for i, row := range at {
			out[i] += dotInt8Plain(query[whole:], rows[int(row)*stride+whole:])
		}
	}
}

// dotInt8Plain is the reference of the assembly.
func dotInt8Plain(a, b []int8) int32 {
	var sum int32
	b = b[:len(a)]
	for i, v := range a {
		sum += int32(v) * int32(b[i])
	}
	return sum
}

// dotBytes is the number of bytes that the assembly takes at a time.
func (l Level) dotBytes() int {
	switch {
	case l >= VNNI:
		return 64
	case l >= AVX2:
		return 16
	}
	return 1
}

// dotsInt8Plain computes blocks of four rows.
func dotsInt8Plain(out []int32, query, rows []int8, stride int, at []uint32, whole int) {
	for i := range out {
		out[i] = dotInt8Plain(query[:whole], rows[int(at[i])*stride:])
	}
}
