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

	n          int         // pairs of the batch under way; matrices below are n x n
	dots       []float32   // inner products over the blocks so far
	h          [][]float32 // per width: first exp(s - scale), then H
	cos        [][]float32 // per width
	ht, block  []float32   // H transposed, and one block of A or B
	na, nb     []float64   // norms at the width under way
	rows, cols []float64   // R and C, each over exp(scale)
	pull       [][]float64 // per width, what a_i and then b_j lose of themselves: 2n
	each       []float64   // loss of each pair
}

// blockStep is what widths are multiples of, for the sake of the kernels.
const blockStep = 32

func newLoss(level kernel.Level, most, dims int, widths []int, scale float64, workers int) *loss {
	l := &loss{level: level, dims: dims, widths: widths, scale: scale, workers: workers,
		dots: make([]float32, most*most), ht: make([]float32, most*most), block: make([]float32, most*dims),
		na: make([]float64, most), nb: make([]float64, most),
		rows: make([]float64, most), cols: make([]float64, most), each: make([]float64, most)}
	for range widths {
		l.h = append(l.h, make([]float32, most*most))
		l.cos = append(l.cos, make([]float32, most*most))
		l.pull = append(l.pull, make([]float64, 2*most))
	}
	return l
}

// run gives the loss of the first n rows of a and b, [n, dims], and writes the
// gradients to da and db. masked lists, per row i, the columns that are no
// negatives of it.
func (l *loss) run(n int, a, b, da, db []float32, masked [][]int32) float64 {
	l.n = n
	clear(l.dots[:n*n])
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
	packed := kernel.Pack(columns(l.block, b, l.n, l.dims, from, to), l.n, to-from)
	parallel(l.workers, l.n, func(lo, hi int) {
		g := kernel.Gemm{M: hi - lo, A: a[lo*l.dims+from:], LDA: l.dims, B: packed, C: l.dots[lo*l.n:], LDC: l.n, Add: true}
		g.Run(l.level, 0, packed.Panels())
	})
}

// width computes the loss at widths[t] from dots, H and the pulls.
func (l *loss) width(t int, a, b []float32, masked [][]int32) {
	n, h, cos := l.n, l.h[t], l.cos[t]
	share := 1 / float64(len(l.widths))
	for i := range n {
		l.na[i] = norm(a[i*l.dims:][:l.widths[t]])
		l.nb[i] = norm(b[i*l.dims:][:l.widths[t]])
	}
	parallel(l.workers, n, func(lo, hi int) { // exp and its row sums
		for i := lo; i < hi; i++ {
			e, c := h[i*n:][:n], cos[i*n:][:n]
			inv := 1 / l.na[i]
			for j, dot := range l.dots[i*n:][:n] {
				c[j] = float32(float64(dot) * inv / l.nb[j])
				e[j] = float32(math.Exp(l.scale * (float64(c[j]) - 1)))
			}
			for _, j := range masked[i] {
				e[j] = 0
			}
			l.rows[i] = sum(e)
		}
	})
	parallel(l.workers, n, func(lo, hi int) { // column sums
		cols := l.cols[lo:hi]
		clear(cols)
		for i := range n {
			for j, v := range h[i*n+lo : i*n+hi] {
				cols[j] += float64(v)
			}
		}
	})
	parallel(l.workers, n, func(lo, hi int) { // H and the pull on a
		for i := lo; i < hi; i++ {
			e, c := h[i*n:][:n], cos[i*n:][:n]
			var pull float64
			for j := range e {
				g := float64(e[j]) * .5 * (1/l.rows[i] + 1/l.cols[j])
				if i == j {
					g--
				}
				g *= share * l.scale / float64(n)
				pull += g * float64(c[j])
				e[j] = float32(g / (l.na[i] * l.nb[j]))
			}
			l.pull[t][i] = pull / (l.na[i] * l.na[i])
			l.each[i] += share * (.5*math.Log(l.rows[i]*l.cols[i]) - l.scale*(float64(c[i])-1))
		}
	})
	parallel(l.workers, n, func(lo, hi int) { // the pull on b
		pull := l.pull[t][n+lo : n+hi]
		clear(pull)
		for i := range n {
			for j := lo; j < hi; j++ {
				pull[j-lo] += float64(h[i*n+j]) * float64(cos[i*n+j]) * l.na[i]
			}
		}
		for j := lo; j < hi; j++ {
			pull[j-lo] /= l.nb[j]
		}
	})
}

// gradients goes from the widest block down: there H of one width more is added
// to the sum, and the pulls of all widths from here on.
func (l *loss) gradients(a, b, da, db []float32) {
	n := l.n
	pa, pb := kernel.PackTransposed(a, l.dims, n), kernel.PackTransposed(b, l.dims, n)
	for t := len(l.widths) - 1; t >= 0; t-- {
		from, to := 0, l.widths[t]
		if t > 0 {
			from = l.widths[t-1]
		}
		h, ht, pull := l.h[t], l.ht, l.pull[t]
		if t+1 < len(l.widths) {
			parallel(l.workers, n, func(lo, hi int) { l.level.Axpy(h[lo*n:hi*n], l.h[t+1][lo*n:hi*n], 1) })
			for i, v := range l.pull[t+1][:2*n] {
				pull[i] += v
			}
		}
		parallel(l.workers, n, func(lo, hi int) { transpose(ht, h, n, lo, hi) })
		l.side(da, h, pb, a, pull[:n], from, to)
		l.side(db, ht, pa, b, pull[n:2*n], from, to)
	}
}

// side writes the columns [from, to) of dx = h y - pull x.
func (l *loss) side(dx, h []float32, y *kernel.Packed, x []float32, pull []float64, from, to int) {
	n, d := l.n, l.dims
	parallel(l.workers, n, func(lo, hi int) {
		g := kernel.Gemm{M: hi - lo, A: h[lo*n:], LDA: n, B: y, C: dx[lo*d:], LDC: d}
		g.Run(l.level, from/blockStep, to/blockStep)
		for i := lo; i < hi; i++ {
			l.level.Axpy(dx[i*d+from:i*d+to], x[i*d+from:i*d+to], -float32(pull[i]))
		}
	})
}

// norm is the length of v; a zero vector counts as length 1, so that it has
// cosine 0 with everything and gives no infinities.
func norm(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	if s == 0 {
		return 1
	}
	return math.Sqrt(s)
}

func sum(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x)
	}
	return s
}
