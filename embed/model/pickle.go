package model

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// A pickle is a program. This file runs the few programs that torch.save writes
// and nothing else, in two steps: scanPickle reads the opcodes without running
// them, refuses those that no state dict needs and every length beyond the
// file; then the unpickler runs with an allow-list of globals, none of which
// calls anything outside this package.

// storageTypes maps the storage classes of torch to element types.
var storageTypes = map[string]DType{
	"torch.DoubleStorage":   F64,
	"torch.FloatStorage":    F32,
	"torch.HalfStorage":     F16,
	"torch.BFloat16Storage": BF16,
	"torch.LongStorage":     I64,
	"torch.IntStorage":      I32,
	"torch.ShortStorage":    I16,
	"torch.CharStorage":     I8,
	"torch.ByteStorage":     U8,
	"torch.BoolStorage":     Bool,
}

// storageClass stands for a torch storage class on the unpickler's stack.
type storageClass DType

// storage is the flat memory that tensors view; data is filled by the loader.
type storage struct {
	key   string
	dtype DType
	n     int // elements
	data  []byte
}

// rebuilt is a tensor as the pickle describes it.
type rebuilt struct {
	storage       *storage
	offset        int
	size, strides []int
}

// unpickle runs the pickle at the start of data and returns its value and
// length. load gives the storage for a persistent id.
func unpickle(data []byte, load func(*types.Tuple) (*storage, error)) (value any, n int, err error) {
	n, err = scanPickle(data)
	if err != nil {
		return nil, 0, err
	}
	// The unpickler indexes and asserts without checks on malformed input.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: malformed pickle: %v", ErrCorrupt, r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(data[:n]))
	u.FindClass = findClass
	u.PersistentLoad = func(id any) (any, error) {
		tuple, ok := id.(*types.Tuple)
		if !ok || load == nil {
			return nil, fmt.Errorf("%w: unexpected persistent id %T", ErrCorrupt, id)
		}
		return load(tuple)
	}
	value, err = u.Load()
	if err != nil && !errors.Is(err, ErrUnsafe) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if err != nil {
		return nil, 0, err
	}
	return value, n, nil
}

// rebuilders are the functions that a state dict may call.
var rebuilders = map[string]callable{
	"torch._utils._rebuild_tensor_v2": rebuildTensor,
	"torch._utils._rebuild_parameter": rebuildParameter,
}

// allowedGlobal is the allow-list by name. The unpickler builds ordered dicts
// itself.
func allowedGlobal(global string) bool {
	return storageTypes[global] != "" || rebuilders[global] != nil || global == "collections.OrderedDict"
}

// findClass gives what an allowed global stands for.
func findClass(module, name string) (any, error) {
	global := module + "." + name
	if d := storageTypes[global]; d != "" {
		return storageClass(d), nil
	}
	if f := rebuilders[global]; f != nil {
		return f, nil
	}
	return nil, refused(global)
}

func refused(global string) error {
	return fmt.Errorf("%w: it refers to %s, which no weights need; nothing was run. Convert the model to safetensors where you trust it", ErrUnsafe, global)
}

type callable func(args ...any) (any, error)

// Call implements types.Callable.
func (c callable) Call(args ...any) (any, error) { return c(args...) }

// rebuildTensor is torch._utils._rebuild_tensor_v2(storage, offset, size,
// stride, requires_grad, hooks, metadata=None).
func rebuildTensor(args ...any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("_rebuild_tensor_v2 with %d arguments", len(args))
	}
	st, ok1 := args[0].(*storage)
	offset, ok2 := args[1].(int)
	size, ok3 := ints(args[2])
	strides, ok4 := ints(args[3])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(size) != len(strides) {
		return nil, fmt.Errorf("_rebuild_tensor_v2 with unexpected arguments")
	}
	return &rebuilt{storage: st, offset: offset, size: size, strides: strides}, nil
}

// rebuildParameter is torch._utils._rebuild_parameter(tensor, requires_grad,
// hooks): the tensor.
func rebuildParameter(args ...any) (any, error) {
	if len(args) == 0 {
		return nil, fmt.Errorf("_rebuild_parameter without arguments")
	}
	return args[0], nil
}

func ints(v any) ([]int, bool) {
	tuple, ok := v.(*types.Tuple)
	if !ok {
		return nil, false
	}
	out := make([]int, tuple.Len())
	for i := range out {
		if out[i], ok = tuple.Get(i).(int); !ok {
			return nil, false
		}
	}
	return out, true
}

// tensor copies the view out of its storage, or aliases it if it is contiguous.
// A storage is copied from once: thousands of transposed views of one storage
// are no model but a way to fill the memory.
func (r *rebuilt) tensor(name string, copied map[*storage]bool) (*Tensor, error) {
	t := &Tensor{Name: name, DType: r.storage.dtype, Shape: r.size}
	n, contiguous, ok := r.extent()
	if !ok {
		return nil, fmt.Errorf("%w: tensor %q of size %v and strides %v at %d exceeds its storage of %d elements", ErrCorrupt, name, r.size, r.strides, r.offset, r.storage.n)
	}
	width := t.DType.Size()
	if n == 0 {
		return t, nil
	}
	if contiguous {
		t.Data = r.storage.data[r.offset*width : (r.offset+n)*width]
		return t, nil
	}
	if copied[r.storage] {
		return nil, fmt.Errorf("%w: tensor %q is a second strided view of one storage", ErrUnsupported, name)
	}
	copied[r.storage] = true
	t.Data = make([]byte, 0, n*width)
	r.gather(&t.Data, 0, r.offset)
	return t, nil
}

// extent counts the elements of the view and checks, without overflow, that
// neither they nor the highest one reach beyond the storage.
func (r *rebuilt) extent() (n int, contiguous, ok bool) {
	limit := r.storage.n
	if slices.Contains(r.size, 0) {
		return 0, true, r.offset >= 0 && r.offset <= limit
	}
	n, contiguous = 1, true
	room := limit - 1 - r.offset // elements after the first
	if r.offset < 0 || room < 0 {
		return 0, false, false
	}
	for i := len(r.size) - 1; i >= 0; i-- {
		d, stride := r.size[i], r.strides[i]
		if d < 0 || stride < 0 || d > limit/n || d > 1 && stride > room/(d-1) {
			return 0, false, false
		}
		contiguous = contiguous && (stride == n || d == 1)
		room -= (d - 1) * stride
		n *= d
	}
	return n, contiguous, true
}

// gather appends the elements of the dimensions from dim on in row-major order.
func (r *rebuilt) gather(dst *[]byte, dim, at int) {
	if dim == len(r.size) {
		width := r.storage.dtype.Size()
		*dst = append(*dst, r.storage.data[at*width:(at+1)*width]...)
		return
	}
	for i := range r.size[dim] {
		r.gather(dst, dim+1, at+i*r.strides[dim])
	}
}
