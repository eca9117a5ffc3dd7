package model

// AppendRow appends row i of the table as float32, scaled if it is int8.
func (s *StaticTable) AppendRow(dst []float32, i int) []float32 {
	n := len(dst)
	dst = s.Rows.AppendRow(dst, i)
	if s.Scale != nil {
		scale := s.Scale.F32()[i]
		for j := range dst[n:] {
			dst[n+j] *= scale
		}
	}
	return dst
}

// Dims is the width of a row, Len the number of rows.
func (s *StaticTable) Dims() int { return s.Rows.Cols() }

// Len is the number of rows.
func (s *StaticTable) Len() int { return s.Rows.Rows() }
