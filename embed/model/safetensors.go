package model

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strings"
)

// The reader of safetensors is our own although github.com/nlpodyssey/safetensors
// exists: that one lets a repeated key win silently, does not name the tensor
// whose size is wrong and stops at nothing a user could act on. It stays the
// oracle of the tests: what we accept it accepts, and it reads what we write.

// maxHeader bounds the JSON header, as the reference implementation does.
const maxHeader = 100_000_000

// maxDim bounds one dimension, far above any real tensor and low enough for
// products of int.
const maxDim = 1 << 40

// safetensor is one entry of the header.
type safetensor struct {
	DType   DType    `json:"dtype"`
	Shape   []uint64 `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// readSafetensors parses a whole safetensors file. The tensors alias data.
func readSafetensors(data []byte) (map[string]*Tensor, error) {
	if len(data) < 8 {
		return nil, fmt.Errorf("%w: %d bytes do not hold a safetensors header", ErrCorrupt, len(data))
	}
	n := binary.LittleEndian.Uint64(data)
	if n > maxHeader {
		return nil, fmt.Errorf("%w: header length %d exceeds %d; this is no safetensors file", ErrCorrupt, n, maxHeader)
	}
	if n > uint64(len(data)-8) {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d: the file is truncated", ErrCorrupt, n, len(data))
	}
	entries, err := parseHeader(data[8 : 8+n])
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrCorrupt, err)
	}
	return place(entries, data[8+n:])
}

// parseHeader decodes the header's object entry by entry, so that a repeated
// name is an error and messages name the tensor.
func parseHeader(header []byte) (map[string]safetensor, error) {
	dec := json.NewDecoder(bytes.NewReader(header))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	entries := make(map[string]safetensor)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := t.(string)
		if !ok {
			return nil, fmt.Errorf("unexpected %v", t)
		}
		if name == "__metadata__" {
			var meta map[string]string
			if err := dec.Decode(&meta); err != nil {
				return nil, fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("tensor %q is listed twice", name)
		}
		if entries[name], err = parseEntry(dec); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON object")
	}
	return entries, nil
}

// parseEntry decodes one tensor's description. Its keys are matched exactly,
// which encoding/json does not do for a struct.
func parseEntry(dec *json.Decoder) (safetensor, error) {
	var e safetensor
	var fields map[string]json.RawMessage
	if err := dec.Decode(&fields); err != nil {
		return e, err
	}
	for key, into := range map[string]any{"dtype": &e.DType, "shape": &e.Shape, "data_offsets": &e.Offsets} {
		if fields[key] == nil {
			return e, fmt.Errorf("%s is missing", key)
		}
		if err := json.Unmarshal(fields[key], into); err != nil {
			return e, fmt.Errorf("%s: %w", key, err)
		}
	}
	if len(fields) != 3 {
		return e, fmt.Errorf("%d fields, want dtype, shape and data_offsets", len(fields))
	}
	return e, nil
}

// place cuts data into the tensors. The format wants every byte to belong to
// exactly one of them.
func place(entries map[string]safetensor, data []byte) (map[string]*Tensor, error) {
	tensors := make(map[string]*Tensor, len(entries))
	names := make([]string, 0, len(entries))
	for name, e := range entries {
		shape, err := e.check()
		if err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrCorrupt, name, err)
		}
		tensors[name] = &Tensor{Name: name, DType: e.DType, Shape: shape}
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		if c := slices.Compare(entries[a].Offsets, entries[b].Offsets); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	var end uint64
	for _, name := range names {
		from, to := entries[name].Offsets[0], entries[name].Offsets[1]
		if from != end {
			return nil, fmt.Errorf("%w: tensor %q begins at byte %d of the data, not at %d: tensors overlap or leave a hole", ErrCorrupt, name, from, end)
		}
		if to > uint64(len(data)) {
			return nil, fmt.Errorf("%w: tensor %q ends at byte %d of the data, the file has %d: it is truncated", ErrCorrupt, name, to, len(data))
		}
		tensors[name].Data = data[from:to:to]
		end = to
	}
	if end != uint64(len(data)) {
		return nil, fmt.Errorf("%w: %d bytes after the last tensor", ErrCorrupt, uint64(len(data))-end)
	}
	return tensors, nil
}

// check verifies that type, shape and offsets of one entry agree.
func (e safetensor) check() ([]int, error) {
	size := uint64(e.DType.Size())
	if size == 0 {
		return nil, fmt.Errorf("unknown type %q", e.DType)
	}
	if len(e.Offsets) != 2 || e.Offsets[1] < e.Offsets[0] {
		return nil, fmt.Errorf("bad data_offsets %v", e.Offsets)
	}
	shape := make([]int, len(e.Shape))
	for i, d := range e.Shape {
		hi, lo := bits.Mul64(size, d)
		if hi != 0 || d > maxDim {
			return nil, fmt.Errorf("shape %v is too large", e.Shape)
		}
		size, shape[i] = lo, int(d)
	}
	if have := e.Offsets[1] - e.Offsets[0]; have != size {
		return nil, fmt.Errorf("%s %v needs %d bytes, data_offsets %v hold %d", e.DType, e.Shape, size, e.Offsets, have)
	}
	return shape, nil
}
