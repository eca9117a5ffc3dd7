package encoder

// matrix is a row-major view: row i is data[i*stride : i*stride+cols], with the
// number of columns given by the operation.
type matrix struct {
	data   []float32
	stride int
}

func (m matrix) row(i, cols int) []float32 { return m.data[i*m.stride:][:cols] }

// mulT computes y = x W^T + b:
//
//	x [m, k]   W [n, k]   b [n] or nil   y [m, n]
//
// Both operands are read along k, the way the weights are stored, so nothing is
// packed or transposed. Blocks of 2 rows by 4 outputs keep eight sums in
// registers. Every sum starts at 0, runs over k in order and takes the bias
// last, so a row's result does not depend on the block it falls into.
func mulT(y, x, w matrix, bias []float32, m, n, k int) {
	j := 0
	for ; j+4 <= n; j += 4 {
		w0, w1, w2, w3 := w.row(j, k), w.row(j+1, k), w.row(j+2, k), w.row(j+3, k)
		var b [4]float32
		if bias != nil {
			b = [4]float32(bias[j:])
		}
		i := 0
		for ; i+2 <= m; i += 2 {
			p, q := dot2x4(x.row(i, k), x.row(i+1, k), w0, w1, w2, w3)
			store4(y.row(i, n)[j:], p, b)
			store4(y.row(i+1, n)[j:], q, b)
		}
		if i < m {
			r := x.row(i, k)
			p, _ := dot2x4(r, r, w0, w1, w2, w3)
			store4(y.row(i, n)[j:], p, b)
		}
	}
	for ; j < n; j++ {
		r := w.row(j, k)
		for i := range m {
			s := dot(x.row(i, k), r)
			if bias != nil {
				s += bias[j]
			}
			y.row(i, n)[j] = s
		}
	}
}

func store4(dst []float32, s, b [4]float32) {
	dst = dst[:4]
	dst[0], dst[1], dst[2], dst[3] = s[0]+b[0], s[1]+b[1], s[2]+b[2], s[3]+b[3]
}

// dot2x4 is the eight inner products of two rows with four.
func dot2x4(x0, x1, w0, w1, w2, w3 []float32) (p, q [4]float32) {
	x1 = x1[:len(x0)]
	w0, w1, w2, w3 = w0[:len(x0)], w1[:len(x0)], w2[:len(x0)], w3[:len(x0)]
	var p0, p1, p2, p3, q0, q1, q2, q3 float32
	for k, a := range x0 {
		c := x1[k]
		v := w0[k]
		p0 += float32(a * v)
		q0 += float32(c * v)
		v = w1[k]
		p1 += float32(a * v)
		q1 += float32(c * v)
		v = w2[k]
		p2 += float32(a * v)
		q2 += float32(c * v)
		v = w3[k]
		p3 += float32(a * v)
		q3 += float32(c * v)
	}
	return [4]float32{p0, p1, p2, p3}, [4]float32{q0, q1, q2, q3}
}

// dot is the inner product in the order of dot2x4.
func dot(x, w []float32) float32 {
	w = w[:len(x)]
	var s float32
	for k, a := range x {
		s += float32(a * w[k])
	}
	return s
}
