package reduce

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// sweeps is how often all pairs of rows are visited at most; about ten suffice.
const sweeps = 60

// eigen replaces the symmetric positive semidefinite matrix a [n][n] by its
// eigenvectors, the rows, and gives their eigenvalues, largest first. Vectors of
// eigenvalues that are zero up to rounding are not to be used.
//
// It is one-sided Jacobi: pairs of rows are turned until all are orthogonal to
// each other (Hestenes 1958). A turned matrix QA with orthogonal rows has A =
// Q^T (QA), a singular value decomposition, which for such a matrix is its
// eigendecomposition: row i is an eigenvector times its eigenvalue. The order of
// the pairs is fixed, so that the same matrix gives the same result. Cost: about
// 4 n^3 operations per sweep.
func eigen(ctx context.Context, a [][]float64) ([]float64, error) {
	n := len(a)
	norms := make([]float64, n)
	for sweep := 0; ; sweep++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if sweep == sweeps {
			return nil, fmt.Errorf("%w: the decomposition does not settle", ErrVectors)
		}
		for i, row := range a {
			norms[i] = dot(row, row)
		}
		floor := tiny * slices.Max(norms) * tiny
		turned := false
		for i := range n - 1 {
			for j := i + 1; j < n; j++ {
				if turn(a[i], a[j], &norms[i], &norms[j], floor) {
					turned = true
				}
			}
		}
		if !turned {
			break
		}
	}
	return sortRows(a), nil
}

// tiny is the share of the largest eigenvalue below which one counts as zero, and
// of the cosine below which two rows count as orthogonal.
const tiny = 1e-13

// turn rotates two rows so that they become orthogonal, the longer one first; xx
// and yy are their squared lengths. It does nothing if they are orthogonal, or
// one of them is zero.
func turn(x, y []float64, xx, yy *float64, floor float64) bool {
	if *xx <= floor || *yy <= floor {
		return false
	}
	xy := dot(x, y)
	if math.Abs(xy) <= tiny*math.Sqrt(*xx**yy) {
		return false
	}
	zeta := (*yy - *xx) / (2 * xy)
	t := 1 / (math.Abs(zeta) + math.Sqrt(1+zeta*zeta))
	if zeta < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+t*t)
	s := c * t
	for k, v := range x {
		w := y[k]
		x[k], y[k] = float64(c*v)-float64(s*w), float64(s*v)+float64(c*w)
	}
	*xx, *yy = *xx-float64(t*xy), *yy+float64(t*xy)
	return true
}

// sortRows brings rows to length 1, the longest first, with the largest element
// of each positive, and gives the lengths they had.
func sortRows(a [][]float64) []float64 {
	slices.SortStableFunc(a, func(x, y []float64) int {
		switch xx, yy := dot(x, x), dot(y, y); {
		case xx > yy:
			return -1
		case xx < yy:
			return 1
		}
		return 0
	})
	values := make([]float64, len(a))
	for i, row := range a {
		values[i] = math.Sqrt(dot(row, row))
		top := 0.0
		for _, v := range row {
			if math.Abs(v) > math.Abs(top) {
				top = v
			}
		}
		if values[i] == 0 {
			continue
		}
		f := math.Copysign(1/values[i], top)
		for k := range row {
			row[k] *= f
		}
	}
	return values
}

// dot sums four strands side by side, which keeps the processor busy, and rounds
// every product, so that all processors agree.
func dot(x, y []float64) float64 {
	var s [4]float64
	for len(x) >= 4 && len(y) >= 4 {
		s[0] += float64(x[0] * y[0])
		s[1] += float64(x[1] * y[1])
		s[2] += float64(x[2] * y[2])
		s[3] += float64(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s[0] += float64(v * y[i])
	}
	return (s[0] + s[1]) + (s[2] + s[3])
}
