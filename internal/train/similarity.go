package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/kernel"
)

// Cosine gives the cosines of rows of a with rows of b, [pairs, 1]. Left and
// right name the rows; nil means all in order. Both sides may be the same
// tensor: a siamese batch. Errors wrap ErrBatch.
func (g *Graph) Cosine(a, b mat.Tensor, left, right []int32) (mat.Tensor, error) {
	left, right, err := pairs(a, b, left, right)
	if err != nil {
		return nil, err
	}
	return g.run(&cosine{g: g, a: a, b: b, left: left, right: right}), nil
}

// pairs checks and completes the row lists of two sides.
func pairs(a, b mat.Tensor, left, right []int32) (l, r []int32, err error) {
	if a.Shape()[1] != b.Shape()[1] {
		return nil, nil, fmt.Errorf("%w: vectors of %d and %d dimensions", ErrBatch, a.Shape()[1], b.Shape()[1])
	}
	if left == nil {
		left = inOrder(a.Shape()[0])
	}
	if right == nil {
		right = inOrder(b.Shape()[0])
	}
	if len(left) != len(right) || len(left) == 0 {
		return nil, nil, fmt.Errorf("%w: pairs of %d and %d rows", ErrBatch, len(left), len(right))
	}
	if err := checkRows("left row", left, a.Shape()[0]); err != nil {
		return nil, nil, err
	}
	return left, right, checkRows("right row", right, b.Shape()[0])
}

func inOrder(n int) []int32 {
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}

type cosine struct {
	g           *Graph
	a, b        mat.Tensor
	left, right []int32
	values      []float32
}

// tiny bounds the length of a vector from below, as in torch.
const tiny = 1e-8

func (g *Graph) norm(x []float32) float32 { return max(sqrt32(g.e.level.Dot(x, x)), tiny) }

func (o *cosine) Operands() []mat.Tensor { return []mat.Tensor{o.a, o.b} }

func (o *cosine) Forward() (mat.Tensor, error) {
	a, b, h := Values(o.a), Values(o.b), o.a.Shape()[1]
	o.values = o.g.take(len(o.left))
	o.g.e.eachBlock(len(o.left), func(_, lo, hi int) {
		for i := lo; i < hi; i++ {
			u, v := a[int(o.left[i])*h:][:h], b[int(o.right[i])*h:][:h]
			o.values[i] = o.g.e.level.Dot(u, v) / (o.g.norm(u) * o.g.norm(v))
		}
	})
	return o.g.tensor(len(o.left), 1, o.values), nil
}

// Backward: d cos / du = (v/|v| - cos u/|u|) / |u|.
func (o *cosine) Backward(gy mat.Tensor) error {
	o.side(Values(gy), o.a, o.b, o.left, o.right)
	o.side(Values(gy), o.b, o.a, o.right, o.left)
	return nil
}

func (o *cosine) side(dy []float32, x, y mat.Tensor, xs, ys []int32) {
	if !o.g.wants(x) {
		return
	}
	level, h := o.g.e.level, x.Shape()[1]
	d := o.g.zeros(x.Size())
	for i, r := range xs {
		u, v := Values(x)[int(r)*h:][:h], Values(y)[int(ys[i])*h:][:h]
		nu, nv := o.g.norm(u), o.g.norm(v)
		row := d[int(r)*h:][:h]
		level.Axpy(row, v, dy[i]/(nu*nv))
		level.Axpy(row, u, -dy[i]*o.values[i]/(nu*nu))
	}
	o.g.pass(x, d)
}

// CosineEmbedding is torch's CosineEmbeddingLoss over cosines, [pairs, 1]: the
// mean of 1 - cos for pairs that belong together and max(0, cos - margin) for
// the others. Errors wrap ErrBatch.
func (g *Graph) CosineEmbedding(cos mat.Tensor, together []bool, margin float64) (mat.Tensor, error) {
	if n := cos.Size(); n != len(together) || n == 0 {
		return nil, fmt.Errorf("%w: %d labels for %d pairs", ErrBatch, len(together), n)
	}
	return g.scalar(func(o *loss) float64 {
		var sum float64
		n := len(together)
		for i, c := range Values(cos) {
			slope := float32(-1) / float32(n)
			v := 1 - float64(c)
			if !together[i] {
				v, slope = float64(c)-margin, -slope
				if v <= 0 {
					v, slope = 0, 0
				}
			}
			sum += v
			if o.grads[0] != nil {
				o.grads[0][i] = slope
			}
		}
		return sum / float64(n)
	}, cos), nil
}

// CoSENT (Su 2022) orders pairs by their labels:
//
//	log(1 + sum over label_i > label_j of exp(scale (cos_j - cos_i)))
//
// Cos is [pairs, 1]. A batch whose labels are all equal has the loss 0. Errors
// wrap ErrBatch.
func (g *Graph) CoSENT(cos mat.Tensor, labels []float32, scale float64) (mat.Tensor, error) {
	if n := cos.Size(); n != len(labels) || n == 0 {
		return nil, fmt.Errorf("%w: %d labels for %d pairs", ErrBatch, len(labels), n)
	}
	return g.scalar(func(o *loss) float64 {
		c, grad := Values(cos), o.grads[0]
		top := 0.0 // the exponent of the 1
		ordered := func(f func(i, j int, z float64)) {
			for i := range labels {
				for j := range labels {
					if labels[i] > labels[j] {
						f(i, j, scale*(float64(c[j])-float64(c[i])))
					}
				}
			}
		}
		ordered(func(_, _ int, z float64) { top = max(top, z) })
		sum := math.Exp(-top)
		ordered(func(_, _ int, z float64) { sum += math.Exp(z - top) })
		if grad != nil {
			d := make([]float64, len(grad))
			ordered(func(i, j int, z float64) {
				p := math.Exp(z-top) / sum * scale
				d[i] -= p
				d[j] += p
			})
			for i, v := range d {
				grad[i] = float32(v)
			}
		}
		return top + math.Log(sum)
	}, cos), nil
}

// Contrast describes an InfoNCE loss.
type Contrast struct {
	// Anchors and Candidates are rows of the two tensors; nil: all in order.
	// Candidate i is the positive of anchor i; those beyond the last anchor are
	// negatives for all.
	Anchors, Candidates []int32
	Scale               float64 // of the cosines, the inverse temperature
	// BothWays adds the loss of finding the anchor among all anchors from its
	// positive, and halves the sum.
	BothWays bool
	// AnchorTexts and CandidateTexts, if set, number the texts of anchors and
	// candidates. A candidate with the number of an anchor, or of its positive, is
	// no negative for it, nor is the positive of another anchor that stands for
	// either of the two.
	AnchorTexts, CandidateTexts []int32
	// Groups, if set, number the anchors' subjects, and after them, if there are as
	// many as candidates, those of the candidates beyond the last anchor; 0: a
	// subject of its own. What is about an anchor's subject is no negative for it.
	Groups []int32
}

// InfoNCE is the contrastive loss of van den Oord et al. (2018) over in-batch
// negatives, also known as multiple negatives ranking loss (Henderson et al.
// 2017): the mean cross-entropy of every anchor's positive among all
// candidates, by scaled cosine. Errors wrap ErrBatch and ErrConfig.
func (g *Graph) InfoNCE(anchors, candidates mat.Tensor, c Contrast) (mat.Tensor, error) {
	if err := c.complete(anchors, candidates); err != nil {
		return nil, err
	}
	h := anchors.Shape()[1]
	return g.scalar(func(o *loss) float64 {
		n := &contrast{Contrast: c, g: g, h: h}
		n.a = g.unit(Values(anchors), c.Anchors, h)
		n.b = g.unit(Values(candidates), c.Candidates, h)
		value := n.run(o.g.train)
		if o.grads[0] != nil {
			g.unitGrad(o.grads[0], n.da, n.a, c.Anchors, Values(anchors), h)
		}
		if o.grads[1] != nil {
			g.unitGrad(o.grads[1], n.db, n.b, c.Candidates, Values(candidates), h)
		}
		g.give(n.a, n.b, n.da, n.db)
		return value
	}, anchors, candidates), nil
}

func (c *Contrast) complete(anchors, candidates mat.Tensor) error {
	if anchors.Shape()[1] != candidates.Shape()[1] {
		return fmt.Errorf("%w: anchors of %d dimensions, candidates of %d", ErrBatch, anchors.Shape()[1], candidates.Shape()[1])
	}
	if !(c.Scale > 0) || !finite(c.Scale) {
		return fmt.Errorf("%w: scale %g", ErrConfig, c.Scale)
	}
	if c.Anchors == nil {
		c.Anchors = inOrder(anchors.Shape()[0])
	}
	if c.Candidates == nil {
		c.Candidates = inOrder(candidates.Shape()[0])
	}
	if len(c.Anchors) == 0 || len(c.Candidates) < len(c.Anchors) {
		return fmt.Errorf("%w: %d candidates for %d anchors", ErrBatch, len(c.Candidates), len(c.Anchors))
	}
	if (c.AnchorTexts != nil || c.CandidateTexts != nil) &&
		(len(c.AnchorTexts) != len(c.Anchors) || len(c.CandidateTexts) != len(c.Candidates)) {
		return fmt.Errorf("%w: %d and %d text numbers for %d anchors and %d candidates",
			ErrBatch, len(c.AnchorTexts), len(c.CandidateTexts), len(c.Anchors), len(c.Candidates))
	}
	if n := len(c.Groups); c.Groups != nil && n != len(c.Anchors) && n != len(c.Candidates) {
		return fmt.Errorf("%w: %d groups for %d anchors and %d candidates", ErrBatch, n, len(c.Anchors), len(c.Candidates))
	}
	if err := checkRows("anchor", c.Anchors, anchors.Shape()[0]); err != nil {
		return err
	}
	return checkRows("candidate", c.Candidates, candidates.Shape()[0])
}

// unit is the given rows of x, each divided by its length.
func (g *Graph) unit(x []float32, rows []int32, h int) []float32 {
	out := g.zeros(len(rows) * h)
	for i, r := range rows {
		v := x[int(r)*h:][:h]
		g.e.level.Axpy(out[i*h:(i+1)*h], v, 1/g.norm(v))
	}
	return out
}

// unitGrad adds the gradient through unit: (du - u (u . du)) / |x|.
func (g *Graph) unitGrad(dst, du, u []float32, rows []int32, x []float32, h int) {
	for i, r := range rows {
		a, b := u[i*h:(i+1)*h], du[i*h:(i+1)*h]
		inv := 1 / g.norm(x[int(r)*h:][:h])
		row := dst[int(r)*h:][:h]
		g.e.level.Axpy(row, b, inv)
		g.e.level.Axpy(row, a, -inv*g.e.level.Dot(a, b))
	}
}

// contrast is one evaluation of InfoNCE over unit vectors.
type contrast struct {
	Contrast
	g      *Graph
	h      int
	a, b   []float32 // [anchors, h], [candidates, h]
	da, db []float32
}

// run gives the loss and, if wanted, da and db.
func (c *contrast) run(grads bool) float64 {
	e, n, m := c.g.e, len(c.Anchors), len(c.Candidates)
	scores := c.g.take(n * m)
	e.mulNT(dense(scores, n, m), dense(c.a, n, c.h), c.b, nil, false)
	d := c.g.zeros(n * m)
	half := 1.0
	if c.BothWays {
		half = 0.5
	}
	weight := half * c.Scale / float64(n)
	value := half * c.side(n, m, func(i, j int) (int, bool) { return i*m + j, c.hidden(i, j) }, scores, d, weight)
	if c.BothWays {
		value += half * c.side(n, n, func(i, j int) (int, bool) { return j*m + i, c.hidden(j, i) }, scores, d, weight)
	}
	if grads {
		c.da, c.db = c.g.take(n*c.h), c.g.take(m*c.h)
		e.mulNN(dense(c.da, n, c.h), dense(d, n, m), c.b, false)
		e.mulTN(dense(c.db, m, c.h), dense(d, n, m), c.a, false)
	}
	c.g.give(scores, d)
	return value
}

// hidden says that candidate j is left out for anchor i.
func (c *contrast) hidden(i, j int) bool {
	positive := j < len(c.Anchors) // of another anchor
	if i == j {
		return false
	}
	if j < len(c.Groups) && c.Groups[i] != 0 && c.Groups[i] == c.Groups[j] {
		return true
	}
	if c.AnchorTexts == nil {
		return false
	}
	a, b := c.AnchorTexts[i], c.CandidateTexts[i]
	text := c.CandidateTexts[j]
	same := text == a || text == b
	if positive {
		text = c.AnchorTexts[j]
		same = same || text == a || text == b
	}
	return same
}

// side is the mean cross-entropy of the diagonal over rows of scores, and adds
// weight (p - 1[i = j]) to d. At gives an element's place and whether it is
// left out. Rows write distinct places.
func (c *contrast) side(rows, cols int, at func(i, j int) (int, bool), scores, d []float32, weight float64) float64 {
	values := make([]float64, rows)
	c.g.eachRow(rows, 2*kernel.Padded(cols), func(i int, scratch []float32) {
		row, p := scratch[:cols], scratch[kernel.Padded(cols):]
		for j := range row {
			k, hidden := at(i, j)
			row[j] = scores[k]
			if hidden {
				row[j] = -1e4 // cosines end at -1
			}
		}
		logs := c.g.logSoftmax(p, row, float32(c.Scale))
		values[i] = -logs.at(i)
		for j := range row {
			k, _ := at(i, j)
			d[k] += p[j] * float32(weight)
		}
		k, _ := at(i, i)
		d[k] -= float32(weight)
	})
	return mean(values, rows)
}

// PairFeatures gives (u, v, |u - v|) for pairs of rows, [pairs, 3 hidden]: the
// input of SBERT's classification head (Reimers and Gurevych 2019, section 3).
// Errors wrap ErrBatch.
func (g *Graph) PairFeatures(x mat.Tensor, left, right []int32) (mat.Tensor, error) {
	left, right, err := pairs(x, x, left, right)
	if err != nil {
		return nil, err
	}
	return g.run(&features{g: g, x: x, left: left, right: right}), nil
}

type features struct {
	g           *Graph
	x           mat.Tensor
	left, right []int32
}

func (o *features) Operands() []mat.Tensor { return []mat.Tensor{o.x} }

func (o *features) Forward() (mat.Tensor, error) {
	x, h := Values(o.x), o.x.Shape()[1]
	y := o.g.take(len(o.left) * 3 * h)
	for i := range o.left {
		u, v := x[int(o.left[i])*h:][:h], x[int(o.right[i])*h:][:h]
		row := y[i*3*h : (i+1)*3*h]
		copy(row, u)
		copy(row[h:], v)
		for k, a := range u {
			row[2*h+k] = float32(math.Abs(float64(a - v[k])))
		}
	}
	return o.g.tensor(len(o.left), 3*h, y), nil
}

func (o *features) Backward(gy mat.Tensor) error {
	if !o.g.wants(o.x) {
		return nil
	}
	x, dy, h := Values(o.x), Values(gy), o.x.Shape()[1]
	d := o.g.zeros(len(x))
	for i := range o.left {
		l, r := int(o.left[i])*h, int(o.right[i])*h
		row := dy[i*3*h : (i+1)*3*h]
		for k := range h {
			d[l+k] += row[k]
			d[r+k] += row[h+k]
			switch a := x[l+k] - x[r+k]; {
			case a > 0:
				d[l+k] += row[2*h+k]
				d[r+k] -= row[2*h+k]
			case a < 0:
				d[l+k] -= row[2*h+k]
				d[r+k] += row[2*h+k]
			}
		}
	}
	o.g.pass(o.x, d)
	return nil
}
