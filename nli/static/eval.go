package static

import (
	"context"

	"semdex/nli"
)

// encoder makes vectors with the table as it stands.
func (t *trainer) encoder() nli.Encoder {
	return nli.EncoderFunc(func(ctx context.Context, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		parallel(t.Workers, len(texts), func(lo, hi int) {
			var ids []int32
			for i := lo; i < hi && ctx.Err() == nil; i++ {
				ids = t.tok.AppendIDs(ids[:0], texts[i])
				out[i] = make([]float32, t.Dims)
				t.table.mean(out[i], ids[:min(len(ids), t.MaxTokens)])
			}
		})
		return out, ctx.Err()
	})
}
