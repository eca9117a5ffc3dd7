// Package reduce makes the vectors of a model shorter: it finds the directions in
// which the vectors of a corpus differ most (principal component analysis) and
// gives them as a Dense module for the model's folder. It never draws a random
// projection.
//
//	p, err := reduce.Fit(ctx, vectors, reduce.Options{Center: true})
//	if err != nil {
//		return err
//	}
//	d, err := p.Dense(128)
//	m.Dense = append(m.Dense, d) // m.Save stores it, embed.Load runs it
package reduce

import (
	"context"
	"errors"
	"fmt"
	"math"

	"semdex/embed/model"
)

// Errors of Fit and Dense.
var (
	// ErrVectors: the vectors are not of one width, or not finite.
	ErrVectors = errors.New("unusable vectors")
	// ErrDims: more dimensions are asked for than the vectors span.
	ErrDims = errors.New("too many dimensions")
	// ErrTexts: there are too few vectors to tell directions from chance.
	ErrTexts = errors.New("too few texts")
)

// TextsPerDim is how many vectors there have to be for each dimension kept.
const TextsPerDim = 4

// Options of Fit.
type Options struct {
	// Center takes the mean away, as principal component analysis does; the Dense
	// module then has a bias. Without it the vectors are brought to length 1 and
	// the directions are those that keep their dot products best (the truncated
	// singular value decomposition), through the origin.
	Center bool
}

// PCA is the directions of a corpus, the most important first.
type PCA struct {
	Mean       []float64   // [dims]; zero unless centred
	Components [][]float64 // [rank][dims], orthonormal
	Variance   []float64   // [rank] along each component
	Total      float64     // variance along all directions
	Texts      int

	centered bool
}

// Fit analyses vectors, as a model's last module gives them before they are
// normalised. The same vectors give the same result. Errors wrap ErrVectors or
// ErrTexts, or are ctx's.
func Fit(ctx context.Context, vectors [][]float32, o Options) (*PCA, error) {
	if len(vectors) < 2 {
		return nil, fmt.Errorf("%w: %d", ErrTexts, len(vectors))
	}
	n := len(vectors[0])
	for i, v := range vectors {
		if len(v) != n || n == 0 {
			return nil, fmt.Errorf("%w: vector %d has %d dimensions, the first %d", ErrVectors, i, len(v), n)
		}
		for _, x := range v {
			if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
				return nil, fmt.Errorf("%w: vector %d is not finite", ErrVectors, i)
			}
		}
	}
	p := &PCA{Mean: make([]float64, n), Texts: len(vectors), centered: o.Center}
	if o.Center {
		for _, v := range vectors {
			for k, x := range v {
				p.Mean[k] += float64(x)
			}
		}
		for k := range p.Mean {
			p.Mean[k] /= float64(len(vectors))
		}
	}
	moments, err := p.moments(ctx, vectors)
	if err != nil {
		return nil, err
	}
	for k := range moments {
		p.Total += moments[k][k]
	}
	values, err := eigen(ctx, moments)
	if err != nil {
		return nil, err
	}
	// What float32 vectors do not hold is no direction of theirs.
	const precision = 1e-10
	for i, v := range values {
		if v > precision*values[0] {
			p.Components, p.Variance = append(p.Components, moments[i]), append(p.Variance, v)
		}
	}
	if len(p.Components) == 0 {
		return nil, fmt.Errorf("%w: all are the same", ErrVectors)
	}
	return p, nil
}

// rowsPerLook is how many vectors are added between looks at the context.
const rowsPerLook = 256

// moments is the covariance matrix, or without centring the mean of the products
// of unit vectors.
func (p *PCA) moments(ctx context.Context, vectors [][]float32) ([][]float64, error) {
	n := len(p.Mean)
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
	}
	d := make([]float64, n)
	for at, v := range vectors {
		if at%rowsPerLook == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		for k, x := range v {
			d[k] = float64(x) - p.Mean[k]
		}
		if !p.centered {
			if length := math.Sqrt(dot(d, d)); length > 0 {
				for k := range d {
					d[k] /= length
				}
			}
		}
		for i, x := range d {
			row := m[i][:i+1]
			for j, y := range d[:i+1] {
				row[j] += float64(x * y)
			}
		}
	}
	degrees := float64(len(vectors))
	if p.centered {
		degrees--
	}
	for i := range m {
		for j := range i + 1 {
			m[i][j] /= degrees
			m[j][i] = m[i][j]
		}
	}
	return m, nil
}

// Rank is the number of dimensions that the vectors span.
func (p *PCA) Rank() int { return len(p.Components) }

// Explained is the share of the variance along the first dims components.
func (p *PCA) Explained(dims int) float64 {
	var sum float64
	for _, v := range p.Variance[:min(dims, len(p.Variance))] {
		sum += v
	}
	return sum / p.Total
}

// Dense is the module that keeps the first dims components: y = W (x - mean), so
// its bias is -W mean. The weights are float32. Errors wrap ErrDims or ErrTexts.
func (p *PCA) Dense(dims int) (model.Dense, error) {
	width := len(p.Mean)
	switch {
	case dims < 1 || dims > width:
		return model.Dense{}, fmt.Errorf("%w: %d asked for, the model gives %d", ErrDims, dims, width)
	case p.Texts < TextsPerDim*dims:
		return model.Dense{}, fmt.Errorf("%w: %d for %d dimensions, want %d or more", ErrTexts, p.Texts, dims, TextsPerDim*dims)
	case dims > p.Rank():
		return model.Dense{}, fmt.Errorf("%w: %d asked for, the vectors of the texts span %d", ErrDims, dims, p.Rank())
	}
	weight := make([]float32, 0, dims*width)
	bias := make([]float32, dims)
	for i, c := range p.Components[:dims] {
		for _, v := range c {
			weight = append(weight, float32(v))
		}
		bias[i] = float32(-dot(c, p.Mean))
	}
	d := model.Dense{Activation: "identity"}
	d.Weight = model.NewF32("linear.weight", []int{dims, width}, weight)
	if p.centered {
		d.Bias = model.NewF32("linear.bias", []int{dims}, bias)
	}
	return d, nil
}
