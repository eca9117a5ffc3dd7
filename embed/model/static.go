package model

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// The tensors of a StaticEmbedding module. The scale is semdex's own, beside
// weights in int8; model2vec calls its table "embeddings".
const (
	staticWeight   = "embedding.weight"
	staticScale    = "embedding.scale"
	model2vecTable = "embeddings"
)

// readStatic reads a StaticEmbedding module.
func (m *Model) readStatic(s *source, dir string) error {
	m.Architecture = Static
	named, err := s.weights(dir)
	if err != nil {
		return err
	}
	rows := named[staticWeight]
	if rows == nil {
		rows = named[model2vecTable]
	}
	if rows == nil {
		return fmt.Errorf("%w: no tensor %s%s", ErrTensor, staticWeight, someNames(named))
	}
	m.Static = &StaticTable{Rows: rows, Scale: named[staticScale]}
	want := 1
	if m.Static.Scale != nil {
		want = 2
	}
	if len(named) > want {
		return fmt.Errorf("%w: unexpected tensors%s", ErrTensor, someNames(named))
	}
	if err := m.Static.check(); err != nil {
		return err
	}
	m.Config = Config{VocabSize: rows.Rows(), Hidden: rows.Cols()}
	m.Pooling = PoolMean
	if err := m.readTokenizer(s, dir); err != nil {
		return err
	}
	m.MaxTokens = 0 // sentence-transformers sets no limit either
	return nil
}

// check verifies shapes and types.
func (s *StaticTable) check() error {
	r := s.Rows
	if len(r.Shape) != 2 || r.Rows() == 0 || r.Cols() == 0 {
		return fmt.Errorf("%w: tensor %s has shape %v, want [vocabulary, dims]", ErrTensor, r.Name, r.Shape)
	}
	switch {
	case r.DType == I8 && s.Scale == nil:
		return fmt.Errorf("%w: tensor %s is int8 and %s is missing", ErrTensor, r.Name, staticScale)
	case r.DType == I8:
		if s.Scale.DType != F32 || !slices.Equal(s.Scale.Shape, r.Shape[:1]) {
			return fmt.Errorf("%w: tensor %s is %s %v, want F32 %v", ErrTensor, staticScale, s.Scale.DType, s.Scale.Shape, r.Shape[:1])
		}
	case !r.DType.Float() || s.Scale != nil:
		return fmt.Errorf("%w: tensor %s is %s, want floats without a scale or I8 with one", ErrTensor, r.Name, r.DType)
	}
	return nil
}

// AppendRow appends row i of the table as float32, scaled if it is int8.
func (s *StaticTable) AppendRow(dst []float32, i int) []float32 {
	n := len(dst)
	dst = s.Rows.AppendRow(dst, i)
	if s.Scale != nil {
		scale := math.Float32frombits(binary.LittleEndian.Uint32(s.Scale.Data[4*i:]))
		for j := range dst[n:] {
			dst[n+j] *= scale
		}
	}
	return dst
}

// Dims is the width of a row.
func (s *StaticTable) Dims() int { return s.Rows.Cols() }

// Len is the number of rows.
func (s *StaticTable) Len() int { return s.Rows.Rows() }

// Quantize stores the rows as int8 with one scale per row, the row's largest
// absolute value over 127.
func (s *StaticTable) Quantize() *StaticTable {
	if s.Rows.DType == I8 {
		return s
	}
	n, d := s.Len(), s.Dims()
	codes, scales := make([]int8, 0, n*d), make([]float32, n)
	row := make([]float32, 0, d)
	for i := range n {
		row = s.AppendRow(row[:0], i)
		var top float32
		for _, v := range row {
			top = max(top, v, -v)
		}
		scale := top / 127
		scales[i] = scale
		for _, v := range row {
			if scale > 0 {
				v /= scale
			}
			codes = append(codes, int8(math.RoundToEven(float64(v))))
		}
	}
	return &StaticTable{
		Rows:  NewI8(staticWeight, []int{n, d}, codes),
		Scale: NewF32(staticScale, []int{n}, scales),
	}
}

// dequantize is the table in float32.
func (s *StaticTable) dequantize() *StaticTable {
	if s.Scale == nil {
		return s
	}
	n, d := s.Len(), s.Dims()
	values := make([]float32, 0, n*d)
	for i := range n {
		values = s.AppendRow(values, i)
	}
	return &StaticTable{Rows: NewF32(staticWeight, []int{n, d}, values)}
}
