package indextest

import (
	"context"
	"fmt"

	"semdex/index"
)

// Replace implements index.Engine.
func (m *Memory) Replace(ctx context.Context, name, with string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if name == with {
		return fmt.Errorf("%w: %q cannot replace itself", index.ErrCollectionExists, name)
	}
	old, err := m.find(name)
	if err != nil {
		return err
	}
	c, err := m.find(with)
	if err != nil {
		return err
	}
	if err := m.data.aliases.CheckDrop(with); err != nil {
		return err
	}
	delete(m.data.collections, with)
	m.data.collections[name] = c
	c.name, old.replaced = name, true
	return nil
}

// Changed implements index.Collection.
func (h *memoryHandle) Changed(ctx context.Context, after uint64) (ids []string, sequence uint64, err error) {
	err = h.read(ctx, func() error {
		for id, d := range h.documents {
			if d.sequence > after {
				ids = append(ids, id)
			}
		}
		sequence = h.sequence
		return nil
	})
	return ids, sequence, err
}
