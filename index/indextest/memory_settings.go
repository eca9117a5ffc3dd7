package indextest

import (
	"context"

	"semdex/index"
)

// SetVectors implements index.Collection. All of them are scans here.
func (h *memoryHandle) SetVectors(ctx context.Context, v index.Vectors) error {
	if err := v.Check(); err != nil {
		return err
	}
	return h.write(ctx, func() error {
		h.settings.Vectors = v.OrAuto()
		h.configured++
		return nil
	})
}
