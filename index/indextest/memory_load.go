package indextest

import "context"

// BeginLoad implements index.Collection. Nothing here makes searches faster.
func (h *memoryHandle) BeginLoad(ctx context.Context) (end func(), err error) {
	if err := h.read(ctx, func() error { return nil }); err != nil {
		return nil, err
	}
	return func() {}, nil
}

// Settle implements index.Collection.
func (h *memoryHandle) Settle(ctx context.Context, _ func(done, total int)) error {
	return h.read(ctx, func() error { return nil })
}
