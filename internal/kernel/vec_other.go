//go:build !amd64

package kernel

import "math"

func (Level) transpose(_, _ []float32, _, _, _ int) {} // no level has lanes here
func (Level) softmaxColumns(x []float32, n, cols int, scale float32) {
	softmaxColumnsPlain(x, n, cols, scale*math.Log2E)
}
func (Level) softmax(x []float32, scale float32)            { softmaxPlain(x, scale) }
func (Level) gelu(x []float32)                              { geluPlain(x) }
func (Level) layerNorm(x, add, w, b []float32, eps float32) { layerNormPlain(x, add, w, b, eps) }
func (Level) dot(a, b []float32) float32                    { return dotPlain(a, b) }
func (Level) scale(x []float32, s float32)                  { scalePlain(x, s) }
func (Level) axpy(y, x []float32, s float32)                { axpyPlain(y, x, s) }

// The following serve levels that do not exist here.

func (Level) largest([]float32) float32                     { return 0 }
func (Level) roundWeights([]float32, []int8, float32) int32 { return 0 }
func (Level) widenF16([]float32, []byte)                    {}
