package static

import (
	"math"

	"semdex/internal/kernel"
)

// The loss, and its gradient on a page.
//
// A batch is n pairs of vectors a_i, b_i. Every b_j is a candidate for a_i, and
// every a_j for b_i; the right one has the same index. With the scaled cosine
//
//	s_ij = scale * <a_i, b_j> / (|a_i| |b_j|)
//
// the loss (InfoNCE in both directions) is the mean over i of
//
//	1/2 (log sum_j exp s_ij - s_ii) + 1/2 (log sum_j exp s_ji - s_ii)
//
// and, with R_i and C_j the sums of exp s over row i and column j,
//
//	dL/ds_ij = 1/n (1/2 exp(s_ij)/R_i + 1/2 exp(s_ij)/C_j - [i = j])
//
// A pair (i, j) that is masked, because both are about the same thing, has
// exp s_ij = 0 in both sums. From s to the vectors, with the inner product and
// the norms taken apart:
//
//	H_ij    = scale * dL/ds_ij / (|a_i| |b_j|)
//	dL/da_i = sum_j H_ij b_j - a_i/|a_i|^2 sum_j dL/ds_ij s_ij
//	dL/db_j = sum_i H_ij a_i - b_j/|b_j|^2 sum_i dL/ds_ij s_ij
//
// Further vectors b_j, j > n, may stand behind the partners: texts that the a_i
// are to be told from and that have no partner. They are in the sums R alone; C_j
// counts as infinite for them.
//
// A nested (Matryoshka) loss is the mean of this loss over several widths, each
// seeing the leading part of the vectors alone. Inner products over [0, w) are
// sums over the blocks between the widths, and a coordinate of block t receives
// H from every width that contains it. So with H summed from the widest down,
// all widths together cost the matrix products of the widest alone.
type loss struct {
	level   kernel.Level
	dims    int
	widths  []int // ascending multiples of blockStep, the last is dims
	scale   float64
	workers int

	n, k       int         // pairs and candidates of the batch under way; matrices below are n x k
	dots       []float32   // inner products over the blocks so far
	h          [][]float32 // per width: first exp(s - scale), then H
	cos        [][]float32 // per width
	ht, block  []float32   // H transposed, and one block of B
	na, nb     []float32   // 1/|a|, 1/|b| at the width under way
	rows, cols []float64   // exp(scale)/R and exp(scale)/C
	pull       [][]float64 // per width, what a_i and then b_j lose of themselves: n + k
	each       []float64   // loss of each pair
}

// blockStep is what widths are multiples of, for the sake of the kernels.
const blockStep = 32

// newLoss makes room for so many pairs, and for candidates, partners included.
func newLoss(level kernel.Level, pairs, candidates, dims int, widths []int, scale float64, workers int) *loss {
	size := pairs * candidates
	l := &loss{
		level: level, dims: dims, widths: widths, scale: scale, workers: workers,
		dots: make([]float32, size), ht: make([]float32, size), block: make([]float32, candidates*dims),
		na: make([]float32, pairs), nb: make([]float32, candidates),
		rows: make([]float64, pairs), cols: make([]float64, candidates), each: make([]float64, pairs),
	}
	for range widths {
		l.h = append(l.h, make([]float32, size))
		l.cos = append(l.cos, make([]float32, size))
		l.pull = append(l.pull, make([]float64, pairs+candidates))
	}
	return l
}

// run gives the loss of the first n rows of a and the first k of b, and writes
// the gradients to da and db. masked lists, per row i, the columns that are no
// negatives of it.
func (l *loss) run(n, k int, a, b, da, db []float32, masked [][]int32) float64 {
	l.n, l.k = n, k
	clear(l.dots[:n*k])
	clear(l.each[:n])
	from := 0
	for t, to := range l.widths {
		l.accumulate(a, b, from, to)
		l.width(t, a, b, masked)
		from = to
	}
	l.gradients(a, b, da, db)
	var total float64
	for _, v := range l.each[:n] {
		total += v
	}
	return total / float64(n)
}

// accumulate adds the inner products over the columns [from, to) to dots.
func (l *loss) accumulate(a, b []float32, from, to int) {
	packed := kernel.Pack(columns(l.block, b, l.k, l.dims, from, to), l.k, to-from)
	parallel(l.workers, l.n, func(lo, hi int) {
		g := kernel.Gemm{M: hi - lo, A: a[lo*l.dims+from:], LDA: l.dims, B: packed, C: l.dots[lo*l.k:], LDC: l.k, Add: true}
		g.Run(l.level, 0, packed.Panels())
	})
}

// width computes the loss at widths[t] from dots, H and the pulls.
func (l *loss) width(t int, a, b []float32, masked [][]int32) {
	n, k, h, cos := l.n, l.k, l.h[t], l.cos[t]
	share := 1 / float64(len(l.widths))
	for i := range n {
		l.na[i] = inverseNorm(a[i*l.dims:][:l.widths[t]])
	}
	for j := range k {
		l.nb[j] = inverseNorm(b[j*l.dims:][:l.widths[t]])
	}
	parallel(l.workers, n, func(lo, hi int) { // exp and 1/R
		scale, nb := float32(l.scale), l.nb[:k]
		for i := lo; i < hi; i++ {
			e, c, na := h[i*k:][:k], cos[i*k:][:k], l.na[i]
			for j, dot := range l.dots[i*k:][:k] {
				c[j] = dot * na * nb[j]
				e[j] = exp32(scale*c[j] - scale)
			}
			for _, j := range masked[i] {
				e[j] = 0
			}
			l.rows[i] = 1 / sum(e)
		}
	})
	clear(l.cols[n:k])
	parallel(l.workers, n, func(lo, hi int) { // 1/C
		cols := l.cols[lo:hi]
		clear(cols)
		for i := range n {
			for j, v := range h[i*k+lo : i*k+hi] {
				cols[j] += float64(v)
			}
		}
		for j, v := range cols {
			cols[j] = 1 / v
		}
	})
	parallel(l.workers, n, func(lo, hi int) { // H and the pull on a
		cols, nb := l.cols[:k], l.nb[:k]
		factor := share * l.scale / float64(n)
		for i := lo; i < hi; i++ {
			e, c, na := h[i*k:][:k], cos[i*k:][:k], l.na[i]
			row := l.rows[i]
			var pull float64
			for j, v := range e {
				g := factor * .5 * float64(v) * (row + cols[j])
				pull += g * float64(c[j])
				e[j] = float32(g) * na * nb[j]
			}
			e[i] -= float32(factor) * na * nb[i] // the right answer's -[i = j]
			pull -= factor * float64(c[i])
			l.pull[t][i] = pull * float64(na) * float64(na)
			l.each[i] -= share * (.5*math.Log(row*cols[i]) + l.scale*(float64(c[i])-1))
		}
	})
	parallel(l.workers, k, func(lo, hi int) { // the pull on b, from H = dL/ds scale / (|a| |b|)
		pull := l.pull[t][n+lo : n+hi]
		clear(pull)
		for i := range n {
			norm := 1 / float64(l.na[i])
			c := cos[i*k+lo : i*k+hi]
			for j, v := range h[i*k+lo : i*k+hi] {
				pull[j] += float64(v) * float64(c[j]) * norm
			}
		}
		for j := range pull {
			pull[j] *= float64(l.nb[lo+j])
		}
	})
}

// gradients goes from the widest block down: there H of one width more is added
// to the sum, and the pulls of all widths from here on.
func (l *loss) gradients(a, b, da, db []float32) {
	n, k := l.n, l.k
	pa, pb := kernel.PackTransposed(a, l.dims, n), kernel.PackTransposed(b, l.dims, k)
	for t := len(l.widths) - 1; t >= 0; t-- {
		from, to := 0, l.widths[t]
		if t > 0 {
			from = l.widths[t-1]
		}
		h, ht, pull := l.h[t], l.ht, l.pull[t]
		if t+1 < len(l.widths) {
			parallel(l.workers, n, func(lo, hi int) { l.level.Axpy(h[lo*k:hi*k], l.h[t+1][lo*k:hi*k], 1) })
			for i, v := range l.pull[t+1][:n+k] {
				pull[i] += v
			}
		}
		parallel(l.workers, k, func(lo, hi int) { transpose(ht, h, n, k, lo, hi) })
		l.side(da, h, k, pb, a, pull[:n], from, to)
		l.side(db, ht, n, pa, b, pull[n:n+k], from, to)
	}
}

// side writes the columns [from, to) of dx = h y - pull x; h has a row per row of
// x, of so many columns.
func (l *loss) side(dx, h []float32, columns int, y *kernel.Packed, x []float32, pull []float64, from, to int) {
	d := l.dims
	parallel(l.workers, len(pull), func(lo, hi int) {
		g := kernel.Gemm{M: hi - lo, A: h[lo*columns:], LDA: columns, B: y, C: dx[lo*d:], LDC: d}
		g.Run(l.level, from/blockStep, to/blockStep)
		for i := lo; i < hi; i++ {
			l.level.Axpy(dx[i*d+from:i*d+to], x[i*d+from:i*d+to], -float32(pull[i]))
		}
	})
}

// inverseNorm is 1/|v|. A zero vector counts as length 1, so that it has cosine
// 0 with everything and gives no infinities.
func inverseNorm(v []float32) float32 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	if s == 0 {
		return 1
	}
	return float32(1 / math.Sqrt(s))
}

// exp32 is e^x for x <= 0, give or take rounding, with a relative error below 1e-7 (3 + |x|):
// 2^k by its bits times the series of 2^f, |f| <= 1/2. The loss calls it three
// million times a step at a batch of 1024.
func exp32(x float32) float32 {
	t := x * math.Log2E
	k := int32(t - .5)
	if k < -126 {
		return 0
	}
	f := (t - float32(k)) * math.Ln2
	p := 1 + f*(1+f*(1./2+f*(1./6+f*(1./24+f*(1./120+f*(1./720))))))
	return p * math.Float32frombits(uint32(k+127)<<23)
}

func sum(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x)
	}
	return s
}
