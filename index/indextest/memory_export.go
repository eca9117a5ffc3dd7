package indextest

import (
	"context"
	"slices"

	"semdex/index"
)

func (h *memoryHandle) Export(ctx context.Context, vectors bool, begin func(index.Info) error, each func(index.Record) error) error {
	var info index.Info
	var records []index.Record
	err := h.read(ctx, func() error {
		info = h.info()
		all, err := h.accepted(nil)
		for _, d := range all {
			r := d.record
			r.Document, r.Passages = d.document(), slices.Clone(r.Passages)
			for i := range r.Passages {
				if !vectors {
					r.Passages[i].Vector = nil
				}
			}
			records = append(records, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := begin(info); err != nil {
		return err
	}
	for _, r := range records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}
