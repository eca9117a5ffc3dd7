package encoder

import (
	"fmt"
	"math"

	"semdex/embed/model"
)

// head is what follows pooling: the Dense modules, truncation, normalisation.
type head struct {
	dense []dense
	in    int // width of the pooled vector
	dims  int // width of a full vector
	wide  int // the widest vector on the way
}

type dense struct {
	linear
	tanh bool
}

func newHead(modules []model.Dense, in int) (head, error) {
	h := head{in: in, dims: in, wide: in}
	for i, m := range modules {
		if m.Weight == nil {
			return head{}, fmt.Errorf("%w: dense %d has no weight", ErrModel, i)
		}
		d := dense{tanh: m.Activation == "tanh"}
		if !d.tanh && m.Activation != "identity" && m.Activation != "" {
			return head{}, fmt.Errorf("%w: dense %d has activation %q (known: identity, tanh)", ErrModel, i, m.Activation)
		}
		var err error
		if d.linear, err = newLinear(fmt.Sprintf("dense %d", i), m.Linear, m.Weight.Rows(), h.dims); err != nil {
			return head{}, err
		}
		h.dense = append(h.dense, d)
		h.dims = d.out
		h.wide = max(h.wide, d.out)
	}
	return h, nil
}

// apply runs the Dense modules over the pooled vector in a and returns the full
// vector, which lies in a or in b. Both have room for h.wide elements.
func (h *head) apply(a, b []float32) []float32 {
	a = a[:h.in]
	for i := range h.dense {
		d := &h.dense[i]
		b = b[:d.out]
		d.linear.apply(b, a, 1)
		if d.tanh {
			for j, v := range b {
				b[j] = float32(math.Tanh(float64(v)))
			}
		}
		a, b = b, a[:cap(a)]
	}
	return a
}

// Output says what becomes of a full vector.
type Output struct {
	// Dims keeps the first dimensions alone (Kusupati et al. 2022, Matryoshka);
	// 0 keeps all. The slice is taken before the vector is normalised.
	Dims int
	// Normalize divides by the Euclidean norm; a zero vector stays zero.
	Normalize bool
}

// width is the length of an output vector, checked against what dst holds.
func (o Output) width(full, sentences int, dst []float32) (int, error) {
	dims := o.Dims
	if dims == 0 {
		dims = full
	}
	if dims < 0 || dims > full {
		return 0, fmt.Errorf("%w: %d asked for, the model has %d", ErrDims, o.Dims, full)
	}
	if len(dst) < sentences*dims {
		return 0, fmt.Errorf("%w: room for %d numbers, want %d x %d", ErrDims, len(dst), sentences, dims)
	}
	return dims, nil
}

// finish normalises v if asked and reports whether all of it is finite.
func (o Output) finish(v []float32) bool {
	n := norm2(v)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return false
	}
	if o.Normalize {
		Normalize(v)
	}
	return true
}
