package vector

import (
	"context"
	"io"
)

// Coder is not available on Windows, where github.com/coder/hnsw does not
// compile.
type Coder struct{ *Graph }

// NewCoder fails with ErrUnsupported.
func NewCoder(context.Context, *Graph) (*Coder, error) { return nil, ErrUnsupported }

// SaveCoder fails with ErrUnsupported.
func (g *Graph) SaveCoder(io.WriterAt) (int64, error) { return 0, ErrUnsupported }

// OpenCoder fails with ErrUnsupported.
func OpenCoder(context.Context, *Graph, io.ReaderAt, int64) (*Coder, error) {
	return nil, ErrUnsupported
}
