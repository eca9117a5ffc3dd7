package indextest

import (
	"context"
	"fmt"

	"semdex/index"
)

// SetAlias implements index.Engine.
func (m *Memory) SetAlias(ctx context.Context, alias, collection string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	exists := func(name string) bool { return m.data.collections[name] != nil }
	if err := m.data.aliases.CheckSet(alias, collection, exists); err != nil {
		return err
	}
	m.data.aliases[alias] = collection
	return nil
}

// DeleteAlias implements index.Engine.
func (m *Memory) DeleteAlias(ctx context.Context, alias string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if _, ok := m.data.aliases[alias]; !ok {
		return fmt.Errorf("%w: %q", index.ErrAliasNotFound, alias)
	}
	delete(m.data.aliases, alias)
	return nil
}

// Aliases implements index.Engine.
func (m *Memory) Aliases(ctx context.Context) ([]index.Alias, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.data.aliases.List(), m.usable(ctx)
}
