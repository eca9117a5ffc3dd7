package train

import (
	"fmt"
	"math"

	"github.com/nlpodyssey/spago/mat"

	"semdex/internal/kernel"
)

// loss is an operator that gives one value. It computes the gradients of its
// operands with the value, since both need the same intermediate results.
type loss struct {
	g     *Graph
	in    []mat.Tensor
	eval  func(o *loss) float64
	grads [][]float32 // of in; nil where none is wanted
}

// scalar adds a loss to the graph.
func (g *Graph) scalar(eval func(*loss) float64, in ...mat.Tensor) mat.Tensor {
	return g.run(&loss{g: g, in: in, eval: eval, grads: make([][]float32, len(in))})
}

func (o *loss) Operands() []mat.Tensor { return o.in }

func (o *loss) Forward() (mat.Tensor, error) {
	if o.g.train {
		for i, x := range o.in {
			if o.g.wants(x) {
				o.grads[i] = o.g.zeros(x.Size())
			}
		}
	}
	value := o.g.take(1)
	value[0] = float32(o.eval(o))
	return o.g.tensor(1, 1, value), nil
}

func (o *loss) Backward(gy mat.Tensor) error {
	scale := Values(gy)[0]
	for i, x := range o.in {
		grad := o.grads[i]
		if grad == nil {
			continue
		}
		if scale != 1 {
			const part = 1 << 14
			o.g.e.each((len(grad)+part-1)/part, func(j int) {
				o.g.e.level.Scale(grad[j*part:min(len(grad), (j+1)*part)], scale)
			})
		}
		o.g.pass(x, grad)
	}
	return nil
}

// mean is the mean of values, added in order.
func mean(values []float64, n int) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(n)
}

// logSoftmax writes softmax(scale x) to p, which must have room for
// kernel.Padded(len(x)) values, and returns its logarithms.
func (g *Graph) logSoftmax(p, x []float32, scale float32) logProbs {
	copy(p, x)
	g.e.level.Softmax(p[:kernel.Padded(len(x))], len(x), scale)
	top := 0
	for i, v := range x {
		if v > x[top] {
			top = i
		}
	}
	l := logProbs{x: x, scale: float64(scale), top: float64(x[top])}
	if len(x) > fewClasses {
		l.logTop = log(p[top]) // the largest probability is 1 / sum exp(scale (x - top))
		return l
	}
	var sum float64
	for i := range x {
		sum += math.Exp(l.at(i))
	}
	l.logTop = -math.Log(sum)
	return l
}

// fewClasses is the number of classes up to which the sum of a softmax costs
// nothing in float64. A classifier's KL needs that: it is multiplied by T^2, which
// brings the rounding of float32 to light.
const fewClasses = 16

// logProbs is the logarithms of softmax(scale x), which stay exact where the
// probability underflows: scale (x_i - top) - log sum.
type logProbs struct {
	x                  []float32
	scale, top, logTop float64
}

func (l *logProbs) at(i int) float64 { return l.scale*(float64(l.x[i])-l.top) + l.logTop }

// Ignore is the target of rows that have no loss.
const Ignore = -100

// CrossEntropy is the mean negative log-likelihood of the targets over the rows
// of logits, [rows, classes], whose target is not Ignore. Errors wrap ErrBatch.
func (g *Graph) CrossEntropy(logits mat.Tensor, targets []int32) (mat.Tensor, error) {
	rows, classes := logits.Shape()[0], logits.Shape()[1]
	if len(targets) != rows {
		return nil, fmt.Errorf("%w: %d targets for %d rows", ErrBatch, len(targets), rows)
	}
	counted := 0
	for i, t := range targets {
		if t == Ignore {
			continue
		}
		if uint(t) >= uint(classes) {
			return nil, fmt.Errorf("%w: target %d is %d of %d classes", ErrBatch, i, t, classes)
		}
		counted++
	}
	if counted == 0 {
		return nil, fmt.Errorf("%w: no row has a target", ErrBatch)
	}
	return g.scalar(func(o *loss) float64 {
		x, grad := Values(logits), o.grads[0]
		values := make([]float64, rows)
		g.eachRow(rows, classes, func(i int, p []float32) {
			t := int(targets[i])
			if t == Ignore {
				return
			}
			logs := g.logSoftmax(p, x[i*classes:(i+1)*classes], 1)
			values[i] = -logs.at(t)
			if grad != nil {
				d := grad[i*classes : (i+1)*classes]
				g.e.level.Axpy(d, p[:classes], 1/float32(counted))
				d[t] -= 1 / float32(counted)
			}
		})
		return mean(values, counted)
	}, logits), nil
}

// eachRow calls f for every row with a scratch of at least
// kernel.Padded(width) values.
func (g *Graph) eachRow(rows, width int, f func(i int, scratch []float32)) {
	const block = 8
	g.e.each((rows+block-1)/block, func(b int) {
		scratch := g.take(kernel.Padded(width))
		for i := b * block; i < min(rows, (b+1)*block); i++ {
			f(i, scratch)
		}
		g.give(scratch)
	})
}

// KL is the distillation loss of Hinton et al. (2015):
//
//	T^2 mean over rows of KL(softmax(teacher / T) || softmax(student / T))
//
// Both are logits, [rows, classes]; the teacher gets no gradient. T^2 keeps the
// gradient's size independent of the temperature. Errors wrap ErrBatch and
// ErrConfig.
func (g *Graph) KL(student, teacher mat.Tensor, temperature float64) (mat.Tensor, error) {
	if err := sameShape(student, teacher); err != nil {
		return nil, err
	}
	if !(temperature > 0) || !finite(temperature) {
		return nil, fmt.Errorf("%w: temperature %g", ErrConfig, temperature)
	}
	rows, classes := student.Shape()[0], student.Shape()[1]
	return g.scalar(func(o *loss) float64 {
		s, t, grad := Values(student), Values(teacher), o.grads[0]
		inv := float32(1 / temperature)
		values := make([]float64, rows)
		g.eachRow(rows, 2*kernel.Padded(classes), func(i int, scratch []float32) {
			ps, pt := scratch, scratch[kernel.Padded(classes):]
			logS := g.logSoftmax(ps, s[i*classes:(i+1)*classes], inv)
			logT := g.logSoftmax(pt, t[i*classes:(i+1)*classes], inv)
			var sum float64
			for c, p := range pt[:classes] {
				if p > 0 {
					sum += float64(p) * (logT.at(c) - logS.at(c))
				}
			}
			values[i] = sum * temperature * temperature
			if grad != nil {
				d, scale := grad[i*classes:(i+1)*classes], float32(temperature)/float32(rows)
				g.e.level.Axpy(d, ps[:classes], scale)
				g.e.level.Axpy(d, pt[:classes], -scale)
			}
		})
		return mean(values, rows)
	}, student), nil
}

func sameShape(a, b mat.Tensor) error {
	if x, y := a.Shape(), b.Shape(); x[0] != y[0] || x[1] != y[1] || x[0] == 0 {
		return fmt.Errorf("%w: shapes %v and %v", ErrBatch, x, y)
	}
	return nil
}

// MSE is the mean squared difference over all values (without the factor 1/2).
// Both sides get gradients if they require them. Errors wrap ErrBatch.
func (g *Graph) MSE(x, target mat.Tensor) (mat.Tensor, error) {
	if err := sameShape(x, target); err != nil {
		return nil, err
	}
	return g.scalar(func(o *loss) float64 {
		a, b := Values(x), Values(target)
		scale := 2 / float32(len(a))
		var sum float64
		for i, v := range a {
			d := v - b[i]
			sum += float64(d) * float64(d)
			if o.grads[0] != nil {
				o.grads[0][i] = d * scale
			}
			if o.grads[1] != nil {
				o.grads[1][i] = -d * scale
			}
		}
		return sum / float64(len(a))
	}, x, target), nil
}

// Sum is the weighted sum of losses. Errors wrap ErrBatch.
func (g *Graph) Sum(weights []float64, losses ...mat.Tensor) (mat.Tensor, error) {
	if len(weights) != len(losses) || len(losses) == 0 {
		return nil, fmt.Errorf("%w: %d weights for %d losses", ErrBatch, len(weights), len(losses))
	}
	return g.scalar(func(o *loss) float64 {
		var sum float64
		for i, l := range losses {
			sum += weights[i] * float64(Values(l)[0])
			if o.grads[i] != nil {
				o.grads[i][0] = float32(weights[i])
			}
		}
		return sum
	}, losses...), nil
}

// Span is the loss of span readers (Devlin et al. 2019, section 4.2): the mean
// over sentences of half the cross-entropies of start and end, each a softmax
// over the tokens of the sentence. Logits are [tokens, 2]; starts and ends count
// from the first token of the sentence. A sentence whose start is Ignore has no
// loss. Errors wrap ErrBatch.
func (g *Graph) Span(logits mat.Tensor, b *Batch, starts, ends []int32) (mat.Tensor, error) {
	counted, err := checkSpans(logits, b, starts, ends)
	if err != nil {
		return nil, err
	}
	return g.scalar(func(o *loss) float64 {
		x, grad := Values(logits), o.grads[0]
		values := make([]float64, 2*b.Len())
		weight := 1 / float32(2*counted)
		g.eachRow(2*b.Len(), 2*kernel.Padded(len(b.IDs)), func(i int, scratch []float32) {
			s, side := i/2, i%2
			target := [2][]int32{starts, ends}[side][s]
			if target == Ignore {
				return
			}
			from, n := int(b.Offsets[s]), int(b.Offsets[s+1]-b.Offsets[s])
			column, p := scratch[:n], scratch[kernel.Padded(n):]
			for t := range column {
				column[t] = x[2*(from+t)+side]
			}
			logs := g.logSoftmax(p, column, 1)
			values[i] = -logs.at(int(target))
			if grad != nil {
				for t := range column {
					grad[2*(from+t)+side] = p[t] * weight
				}
				grad[2*(from+int(target))+side] -= weight
			}
		})
		return mean(values, 2*counted)
	}, logits), nil
}

func checkSpans(logits mat.Tensor, b *Batch, starts, ends []int32) (counted int, err error) {
	if s := logits.Shape(); s[0] != b.Tokens() || s[1] != 2 {
		return 0, fmt.Errorf("%w: span logits %v for %d tokens", ErrBatch, s, b.Tokens())
	}
	if len(starts) != b.Len() || len(ends) != b.Len() {
		return 0, fmt.Errorf("%w: %d starts and %d ends for %d sentences", ErrBatch, len(starts), len(ends), b.Len())
	}
	for i, s := range starts {
		n := b.Offsets[i+1] - b.Offsets[i]
		switch {
		case s == Ignore && ends[i] == Ignore:
			continue
		case s < 0 || s >= n || ends[i] < s || ends[i] >= n:
			return 0, fmt.Errorf("%w: sentence %d of %d tokens has the span [%d, %d]", ErrBatch, i, n, s, ends[i])
		}
		counted++
	}
	if counted == 0 {
		return 0, fmt.Errorf("%w: no sentence has a span", ErrBatch)
	}
	return counted, nil
}
