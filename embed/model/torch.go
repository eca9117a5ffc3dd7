package model

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"path"

	"github.com/nlpodyssey/gopickle/types"
)

// readTorch parses a file of torch.save that holds a state dict: the zip form
// of torch 1.6 and later, or the older stream. Contiguous tensors of an
// uncompressed zip alias data.
func readTorch(data []byte) (map[string]*Tensor, error) {
	var state any
	var err error
	switch {
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		state, err = readTorchZip(data)
	case bytes.HasPrefix(data, []byte{0x80}):
		state, err = readTorchStream(data)
	default:
		return nil, fmt.Errorf("%w: neither a zip archive nor a pickle", ErrCorrupt)
	}
	if err != nil {
		return nil, err
	}
	return stateDict(state)
}

// stateDict turns the unpickled value into tensors. Training checkpoints keep
// the state dict one level down.
func stateDict(v any) (map[string]*Tensor, error) {
	tensors := make(map[string]*Tensor)
	nested := any(nil)
	copied := make(map[*storage]bool)
	err := eachEntry(v, func(key string, v any) error {
		if r, ok := v.(*rebuilt); ok {
			t, err := r.tensor(key, copied)
			tensors[key] = t
			return err
		}
		if key == "state_dict" || key == "model_state_dict" {
			nested = v
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(tensors) > 0 {
		return tensors, nil
	}
	if nested != nil {
		return stateDict(nested)
	}
	return nil, fmt.Errorf("%w: the pickle holds no state dict", ErrCorrupt)
}

// eachEntry visits the string keys of a dict, ordered or not.
func eachEntry(v any, visit func(key string, v any) error) error {
	switch dict := v.(type) {
	case *types.OrderedDict:
		for e := dict.List.Front(); e != nil; e = e.Next() {
			entry := e.Value.(*types.OrderedDictEntry)
			if key, ok := entry.Key.(string); ok {
				if err := visit(key, entry.Value); err != nil {
					return err
				}
			}
		}
	case *types.Dict:
		for _, entry := range *dict {
			if key, ok := entry.Key.(string); ok {
				if err := visit(key, entry.Value); err != nil {
					return err
				}
			}
		}
	default:
		return fmt.Errorf("%w: the pickle holds a %T, not a state dict", ErrCorrupt, v)
	}
	return nil
}

// storageID is a persistent id: ("storage", class, key, device, elements, ...).
func storageID(id *types.Tuple) (*storage, error) {
	if id.Len() < 5 || id.Get(0) != "storage" {
		return nil, errors.New("unexpected persistent id")
	}
	class, ok1 := id.Get(1).(storageClass)
	key, ok2 := id.Get(2).(string)
	n, ok3 := id.Get(4).(int)
	if !ok1 || !ok2 || !ok3 || n < 0 || n > maxDim {
		return nil, errors.New("malformed persistent id")
	}
	return &storage{key: key, dtype: DType(class), n: n}, nil
}

// readTorchZip reads the archive NAME/{data.pkl,data/KEY...}.
func readTorchZip(data []byte) (any, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	files := make(map[string]*zip.File, len(z.File))
	root := ""
	for _, f := range z.File {
		files[f.Name] = f
		switch dir, base := path.Split(f.Name); base {
		case "data.pkl":
			root = dir
		case "constants.pkl":
			return nil, fmt.Errorf("%w: a TorchScript archive; save the state dict or safetensors instead", ErrUnsupported)
		}
	}
	program := files[root+"data.pkl"]
	if program == nil {
		return nil, fmt.Errorf("%w: the archive has no data.pkl", ErrCorrupt)
	}
	code, err := zipEntry(data, program, maxHeader)
	if err != nil {
		return nil, err
	}
	if order := files[root+"byteorder"]; order != nil {
		if b, err := zipEntry(data, order, 16); err != nil || string(b) != "little" {
			return nil, fmt.Errorf("%w: weights in byte order %q", ErrUnsupported, b)
		}
	}
	loaded := make(map[string]*storage)
	value, _, err := unpickle(code, func(id *types.Tuple) (*storage, error) {
		st, err := storageID(id)
		if err != nil {
			return nil, err
		}
		if known := loaded[st.key]; known != nil {
			if known.dtype != st.dtype || known.n != st.n {
				return nil, fmt.Errorf("storage %q is used as two types", st.key)
			}
			return known, nil
		}
		f := files[root+"data/"+st.key]
		if f == nil {
			return nil, fmt.Errorf("the archive has no storage %q", st.key)
		}
		want := uint64(st.n * st.dtype.Size())
		if f.UncompressedSize64 != want {
			return nil, fmt.Errorf("storage %q: %d bytes, want %d", st.key, f.UncompressedSize64, want)
		}
		st.data, err = zipEntry(data, f, want)
		loaded[st.key] = st
		return st, err
	})
	return value, err
}

// zipEntry is the content of f, of at most limit bytes. It aliases archive:
// torch stores its entries uncompressed, and anything else could be a bomb.
func zipEntry(archive []byte, f *zip.File, limit uint64) ([]byte, error) {
	if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 {
		return nil, fmt.Errorf("%w: %s is compressed, which torch.save never does", ErrCorrupt, f.Name)
	}
	size := f.UncompressedSize64
	if size > limit {
		return nil, fmt.Errorf("%w: %s has %d bytes, at most %d are expected", ErrCorrupt, f.Name, size, limit)
	}
	at, err := f.DataOffset()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrCorrupt, f.Name, err)
	}
	if at < 0 || at > int64(len(archive)) || size > uint64(len(archive))-uint64(at) {
		return nil, fmt.Errorf("%w: %s lies beyond the end: the file is truncated", ErrCorrupt, f.Name)
	}
	return archive[at : at+int64(size) : at+int64(size)], nil
}

// The first two pickles of a stream, from torch/serialization.py.
var streamMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

const streamVersion = 1001

// readTorchStream reads the form before torch 1.6: pickles of a magic number, a
// version, the system, the value and the storage keys, then the storages in the
// order of the keys, each as its length and its elements.
func readTorchStream(data []byte) (any, error) {
	storages := make(map[string]*storage)
	collect := func(id *types.Tuple) (*storage, error) {
		st, err := storageID(id)
		if err != nil {
			return nil, err
		}
		if id.Len() > 5 && id.Get(5) != nil {
			return nil, errors.New("views of storages are not supported; save the model again with torch 1.6 or later")
		}
		if known := storages[st.key]; known != nil {
			return known, nil
		}
		storages[st.key] = st
		return st, nil
	}
	var values [5]any
	for i := range values {
		var load func(*types.Tuple) (*storage, error)
		if i == 3 {
			load = collect
		}
		value, n, err := unpickle(data, load)
		if err != nil {
			return nil, err
		}
		values[i], data = value, data[n:]
		if err := checkStream(i, value); err != nil {
			return nil, err
		}
	}
	keys, ok := values[4].(*types.List)
	if !ok {
		return nil, fmt.Errorf("%w: the storage keys are a %T", ErrCorrupt, values[4])
	}
	for _, k := range *keys {
		key, _ := k.(string)
		st := storages[key]
		if st == nil {
			return nil, fmt.Errorf("%w: storage %v is never used", ErrCorrupt, k)
		}
		if len(data) < 8 || binary.LittleEndian.Uint64(data) != uint64(st.n) {
			return nil, fmt.Errorf("%w: storage %q has another length than its tensors say", ErrCorrupt, key)
		}
		size := st.n * st.dtype.Size()
		if data = data[8:]; size > len(data) {
			return nil, fmt.Errorf("%w: storage %q ends beyond the file: it is truncated", ErrCorrupt, key)
		}
		st.data, data = data[:size:size], data[size:]
	}
	for _, st := range storages {
		if st.data == nil && st.n > 0 {
			return nil, fmt.Errorf("%w: storage %q is missing", ErrCorrupt, st.key)
		}
	}
	return values[3], nil
}

// checkStream verifies the pickles before the value.
func checkStream(i int, value any) error {
	switch i {
	case 0:
		if n, ok := value.(*big.Int); !ok || n.Cmp(streamMagic) != 0 {
			return fmt.Errorf("%w: a pickle, but not one of torch.save", ErrCorrupt)
		}
	case 1:
		if value != streamVersion {
			return fmt.Errorf("%w: version %v of torch.save", ErrUnsupported, value)
		}
	case 2:
		return eachEntry(value, func(key string, v any) error {
			if key == "little_endian" && v != true {
				return fmt.Errorf("%w: weights in big endian", ErrUnsupported)
			}
			return nil
		})
	}
	return nil
}
