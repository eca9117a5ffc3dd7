package encoder_test

import (
	"math"
	"testing"

	"semdex/embed/encoder"
	"semdex/embed/encoder/encodertest"
)

// TestAgreesWithONNXRuntime compares vectors with those that onnxruntime
// computed from the exported models.
func TestAgreesWithONNXRuntime(t *testing.T) {
	for _, f := range encodertest.Read(t) {
		t.Run(f.Name, func(t *testing.T) {
			m := f.Model()
			out := encoder.Output{Dims: m.Dims(), Normalize: m.Normalize}
			worst := 0.0
			for i, got := range encode(t, newEncoder(t, m, 2), f.Batch(), out) {
				allowed := tolerance * math.Max(1, length(f.Vectors[i]))
				for d, want := range f.Vectors[i] {
					diff := math.Abs(float64(got[d]) - float64(want))
					worst = math.Max(worst, diff)
					if !(diff <= allowed) {
						t.Fatalf("sentence %d, dimension %d: %v, onnxruntime %v", i, d, got[d], want)
					}
				}
			}
			t.Logf("largest difference %.1e", worst)
		})
	}
}
