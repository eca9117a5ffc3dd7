package model

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// stored is a tensor on its way into a file: under key, as type as.
type stored struct {
	key string
	t   *Tensor
	as  DType
}

// writeSafetensors writes the tensors in the reference order (wide types first,
// then by name). Types are converted in small pieces, so no second copy of the
// weights is made.
func writeSafetensors(w io.Writer, tensors []stored) error {
	slices.SortFunc(tensors, func(a, b stored) int {
		if c := b.as.Size() - a.as.Size(); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	header, err := safetensorsHeader(tensors)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<16)
	var length [8]byte
	binary.LittleEndian.PutUint64(length[:], uint64(len(header)))
	out.Write(length[:]) // bufio keeps the first error for Flush
	out.Write(header)
	for _, s := range tensors {
		if err := writeElems(out, s.t, s.as); err != nil {
			return fmt.Errorf("tensor %s: %w", s.key, err)
		}
	}
	return out.Flush()
}

func safetensorsHeader(tensors []stored) ([]byte, error) {
	// Transformers refuses files that do not name their framework.
	entries := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var end uint64
	for _, s := range tensors {
		if _, twice := entries[s.key]; twice {
			return nil, fmt.Errorf("two tensors are named %s", s.key)
		}
		begin := end
		end += uint64(s.t.Len() * s.as.Size())
		shape := make([]uint64, len(s.t.Shape))
		for i, d := range s.t.Shape {
			shape[i] = uint64(d)
		}
		entries[s.key] = safetensor{DType: s.as, Shape: shape, Offsets: []uint64{begin, end}}
	}
	header, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	for len(header)%8 != 0 { // readers map the data aligned
		header = append(header, ' ')
	}
	return header, nil
}

// writeElems writes t's elements as type as.
func writeElems(w io.Writer, t *Tensor, as DType) error {
	if t.DType == as {
		_, err := w.Write(t.Data)
		return err
	}
	encode, err := encoder(as)
	if err != nil {
		return err
	}
	const piece = 1 << 14
	values := make([]float32, 0, piece)
	buf := make([]byte, 0, 4*piece)
	for from, n := 0, t.Len(); from < n; from += piece {
		values = t.appendElems(values[:0], from, min(from+piece, n))
		if buf, err = encode(buf[:0], values); err != nil {
			return err
		}
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// encoder converts float32 to a storage type.
func encoder(as DType) (func(dst []byte, v []float32) ([]byte, error), error) {
	le := binary.LittleEndian
	switch as {
	case F32:
		return func(dst []byte, values []float32) ([]byte, error) {
			for _, v := range values {
				dst = le.AppendUint32(dst, math.Float32bits(v))
			}
			return dst, nil
		}, nil
	case F16:
		return func(dst []byte, values []float32) ([]byte, error) {
			for _, v := range values {
				h := F32ToF16(v)
				if h&0x7fff == 0x7c00 && !math.IsInf(float64(v), 0) {
					return dst, fmt.Errorf("%g does not fit in f16; store it as bf16 or f32", v)
				}
				dst = le.AppendUint16(dst, h)
			}
			return dst, nil
		}, nil
	case BF16:
		return func(dst []byte, values []float32) ([]byte, error) {
			for _, v := range values {
				dst = le.AppendUint16(dst, F32ToBF16(v))
			}
			return dst, nil
		}, nil
	}
	return nil, fmt.Errorf("cannot store weights as %q", as)
}
