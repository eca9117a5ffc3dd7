package train

import (
	"slices"
	"sync"

	"github.com/nlpodyssey/spago/mat"
	"github.com/nlpodyssey/spago/nn"
)

// Tensor is spago's dense matrix with a gradient that is kept in place: spago's
// own clones the first gradient of every step and knows no sparse rows.
type Tensor struct {
	*mat.Dense[float32]
	values []float32 // the matrix's own memory
	fresh  bool      // a gradient that its receiver may keep

	mu    sync.Mutex
	grad  []float32 // dense gradient, valid if dense is set
	shown *Tensor   // grad as a tensor, if it has been asked for
	dense bool
	rows  rowGrad // row-sparse gradient, if there is no dense one

	param *paramInfo // nil for results of operators
}

// paramInfo is what the optimizer knows of a parameter.
type paramInfo struct {
	name  string
	shape []int
	decay bool
}

func newTensor(rows, cols int, data []float32) *Tensor {
	return &Tensor{Dense: mat.NewDense[float32](mat.WithShape(rows, cols), mat.WithBacking(data)), values: data}
}

// NewParam makes a parameter of one or two dimensions over data, which it
// keeps. Decay says whether weight decay applies to it.
func NewParam(name string, shape []int, data []float32, decay bool) *nn.Param {
	cols := 1
	if len(shape) > 1 {
		cols = shape[1]
	}
	t := newTensor(shape[0], cols, data)
	t.param = &paramInfo{name: name, shape: slices.Clone(shape), decay: decay}
	t.SetRequiresGrad(true)
	return &nn.Param{Matrix: t}
}

// paramTensor is the tensor behind a parameter of this package, or nil.
func paramTensor(x mat.Tensor) *Tensor {
	p, ok := x.(*nn.Param)
	if !ok {
		return nil
	}
	t, _ := p.Matrix.(*Tensor)
	return t
}

// Value implements mat.Tensor.
func (t *Tensor) Value() mat.Tensor { return t }

// HasGrad implements mat.Tensor.
func (t *Tensor) HasGrad() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.dense || len(t.rows.ids) > 0
}

// Grad implements mat.Tensor. A row-sparse gradient is written out in full.
func (t *Tensor) Grad() mat.Tensor {
	t.mu.Lock()
	defer t.mu.Unlock()
	shape := t.Shape()
	switch {
	case t.dense:
		if t.shown == nil {
			t.shown = newTensor(shape[0], shape[1], t.grad)
		}
		return t.shown
	case len(t.rows.ids) > 0:
		full := make([]float32, shape[0]*shape[1])
		t.rows.addTo(full)
		return newTensor(shape[0], shape[1], full)
	}
	return nil
}

// ZeroGrad implements mat.Tensor. It keeps the memory.
func (t *Tensor) ZeroGrad() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.dense = false
	t.rows.reset()
}

// AccGrad implements mat.Tensor.
func (t *Tensor) AccGrad(grad mat.Tensor) {
	if r, ok := grad.(*RowGrad); ok && t.addRows(r) {
		return
	}
	if f, ok := grad.(*Tensor); ok && f.fresh && t.adopt(f) {
		return
	}
	values := Values(grad)
	dst, add := t.open()
	defer t.shut()
	if !add {
		copy(dst, values)
		return
	}
	for i, v := range values {
		dst[i] += v
	}
}

// adopt takes over the memory of the first gradient of an operator's result.
func (t *Tensor) adopt(grad *Tensor) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dense || t.param != nil {
		return false
	}
	t.grad, t.shown, t.dense = grad.values, grad, true
	return true
}

// addRows adds a sparse gradient if there is no dense one yet.
func (t *Tensor) addRows(r *RowGrad) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	values := r.values
	if t.dense {
		add := rowGrad{ids: r.Rows, values: values}
		add.addTo(t.grad)
		return true
	}
	t.rows.merge(r.Rows, values)
	return true
}

// open locks the tensor and gives its dense gradient; add says whether it holds
// values to add to. After shut it does.
func (t *Tensor) open() (dst []float32, add bool) {
	t.mu.Lock()
	if len(t.grad) != t.Size() {
		t.grad, t.shown = make([]float32, t.Size()), nil
	}
	if !t.dense && len(t.rows.ids) > 0 {
		clear(t.grad)
		t.rows.addTo(t.grad)
		t.rows.reset()
		t.dense = true
	}
	return t.grad, t.dense
}

func (t *Tensor) shut() {
	t.dense = true
	t.mu.Unlock()
}

// RowGrad is the gradient of a table of which some rows were read. Rows are the
// row numbers, ascending and unique; the matrix has one row for each.
type RowGrad struct {
	*mat.Dense[float32]
	Rows   []int32
	values []float32
}

func newRowGrad(rows []int32, values []float32) *RowGrad {
	cols := len(values) / len(rows)
	return &RowGrad{
		Dense: mat.NewDense[float32](mat.WithShape(len(rows), cols), mat.WithBacking(values)),
		Rows:  rows, values: values,
	}
}

// rowGrad holds a sparse gradient and a spare to merge into.
type rowGrad struct {
	ids    []int32
	values []float32
	spare  struct {
		ids    []int32
		values []float32
	}
}

func (r *rowGrad) reset() { r.ids, r.values = r.ids[:0], r.values[:0] }

// merge adds rows ids, ascending, with their values.
func (r *rowGrad) merge(ids []int32, values []float32) {
	if len(r.ids) == 0 {
		r.ids = append(r.ids, ids...)
		r.values = append(r.values, values...)
		return
	}
	cols := len(values) / len(ids)
	row := func(v []float32, i int) []float32 { return v[i*cols : (i+1)*cols] }
	outIDs, out := r.spare.ids[:0], r.spare.values[:0]
	i, j := 0, 0
	for i < len(r.ids) || j < len(ids) {
		switch {
		case j == len(ids) || i < len(r.ids) && r.ids[i] < ids[j]:
			outIDs, out = append(outIDs, r.ids[i]), append(out, row(r.values, i)...)
			i++
		case i == len(r.ids) || ids[j] < r.ids[i]:
			outIDs, out = append(outIDs, ids[j]), append(out, row(values, j)...)
			j++
		default:
			outIDs, out = append(outIDs, ids[j]), append(out, row(r.values, i)...)
			sum := out[len(out)-cols:]
			for k, v := range row(values, j) {
				sum[k] += v
			}
			i, j = i+1, j+1
		}
	}
	r.spare.ids, r.spare.values = r.ids, r.values
	r.ids, r.values = outIDs, out
}

// addTo adds the rows to a full table.
func (r *rowGrad) addTo(full []float32) {
	if len(r.ids) == 0 {
		return
	}
	cols := len(r.values) / len(r.ids)
	for i, id := range r.ids {
		dst := full[int(id)*cols:][:cols]
		for k, v := range r.values[i*cols:][:cols] {
			dst[k] += v
		}
	}
}
