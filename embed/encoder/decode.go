package encoder

import (
	"semdex/embed/model"
	"semdex/internal/kernel"
)

// decodeRow writes row i of t into dst as float32; 16-bit types by the kernels.
func decodeRow(l kernel.Level, dst []float32, t *model.Tensor, i int) {
	n := len(dst)
	switch t.DType {
	case model.F16:
		l.WidenF16(dst, t.Data[2*i*n:2*(i+1)*n])
	case model.BF16:
		kernel.WidenBF16(dst, t.Data[2*i*n:2*(i+1)*n])
	default:
		t.RowF32(dst, i)
	}
}
