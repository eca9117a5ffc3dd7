package model

import (
	"errors"
	"io/fs"
)

// Open reads the model folder at path. Its weights are memory-mapped where the
// system can; Close releases them.
func Open(path string) (*Model, error) { return nil, errors.New("model: not wired yet") }

// OpenFS reads the model folder name inside fsys, such as an embed.FS.
func OpenFS(fsys fs.FS, name string) (*Model, error) {
	return nil, errors.New("model: not wired yet")
}

// Close releases the weights. Tensors and slices taken from the model must not
// be used afterwards.
func (m *Model) Close() error {
	if m.closer == nil {
		return nil
	}
	c := m.closer
	m.closer = nil
	return c()
}
