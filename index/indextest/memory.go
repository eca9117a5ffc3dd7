package indextest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"semdex/index"
)

// Memory is an index.Engine that keeps everything in maps and looks at every
// passage for every query. It is the oracle of the suite and the engine of
// other packages' tests; nothing in it is fast. The zero value is not usable:
// see NewMemory.
type Memory struct {
	mu     sync.RWMutex
	closed bool
	data   *memoryData
}

// memoryData outlives an engine, so that Reopen finds it again.
type memoryData struct {
	collections map[string]*memoryCollection
	aliases     index.AliasTable
}

// NewMemory returns an empty engine.
func NewMemory() *Memory {
	return &Memory{data: &memoryData{collections: make(map[string]*memoryCollection), aliases: make(index.AliasTable)}}
}

// Reopen closes m and returns a new engine over the same collections, as
// opening a data folder again would.
func (m *Memory) Reopen() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return &Memory{data: m.data}
}

// Create implements index.Engine.
func (m *Memory) Create(ctx context.Context, name string, s index.Settings) (index.Collection, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	if err := index.CheckName(name); err != nil {
		return nil, err
	}
	if s.Dims < 1 {
		return nil, fmt.Errorf("collection %q: vectors of %d values", name, s.Dims)
	}
	if m.data.collections[name] != nil {
		return nil, fmt.Errorf("%w: %q", index.ErrCollectionExists, name)
	}
	if err := m.data.aliases.CheckCreate(name); err != nil {
		return nil, err
	}
	if err := s.Vectors.Check(); err != nil {
		return nil, fmt.Errorf("collection %q: %w", name, err)
	}
	s.Vectors = s.Vectors.OrAuto()
	s.Fields = maps.Clone(s.Fields)
	if s.Fields == nil {
		s.Fields = make(map[string]index.FieldKind)
	}
	c := &memoryCollection{name: name, settings: s, created: time.Now().UTC(), documents: make(map[string]*memoryDocument)}
	m.data.collections[name] = c
	return &memoryHandle{engine: m, memoryCollection: c}, nil
}

// Open implements index.Engine.
func (m *Memory) Open(ctx context.Context, name string) (index.Collection, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	c, err := m.find(m.data.aliases.Resolve(name))
	if err != nil {
		return nil, err
	}
	return &memoryHandle{engine: m, memoryCollection: c}, nil
}

// Drop implements index.Engine.
func (m *Memory) Drop(ctx context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.usable(ctx); err != nil {
		return err
	}
	if err := m.data.aliases.CheckDrop(name); err != nil {
		return err
	}
	if _, err := m.find(name); err != nil {
		return err
	}
	delete(m.data.collections, name)
	return nil
}

// List implements index.Engine.
func (m *Memory) List(ctx context.Context) ([]index.Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.usable(ctx); err != nil {
		return nil, err
	}
	var infos []index.Info
	for _, c := range m.data.collections {
		infos = append(infos, c.info())
	}
	slices.SortFunc(infos, func(a, b index.Info) int { return cmp.Compare(a.Name, b.Name) })
	return infos, nil
}

// Close implements index.Engine.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

func (m *Memory) usable(ctx context.Context) error {
	if m.closed {
		return index.ErrClosed
	}
	return ctx.Err()
}

func (m *Memory) find(name string) (*memoryCollection, error) {
	if c := m.data.collections[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("%w: %q", index.ErrCollectionNotFound, name)
}

// memoryHandle is a collection as one engine opened it; one lock over the
// whole engine makes every call atomic.
type memoryHandle struct {
	engine *Memory
	*memoryCollection
}

// read runs f under the engine's read lock if the collection is still there.
func (h *memoryHandle) read(ctx context.Context, f func() error) error {
	h.engine.mu.RLock()
	defer h.engine.mu.RUnlock()
	if err := h.alive(ctx); err != nil {
		return err
	}
	return f()
}

// write is read with the write lock.
func (h *memoryHandle) write(ctx context.Context, f func() error) error {
	h.engine.mu.Lock()
	defer h.engine.mu.Unlock()
	if err := h.alive(ctx); err != nil {
		return err
	}
	return f()
}

func (h *memoryHandle) alive(ctx context.Context) error {
	if err := h.engine.usable(ctx); err != nil {
		return err
	}
	if h.replaced {
		return fmt.Errorf("%w: %q", index.ErrReplaced, h.name)
	}
	if h.engine.data.collections[h.name] != h.memoryCollection {
		return fmt.Errorf("%w: %q", index.ErrCollectionNotFound, h.name)
	}
	return nil
}
