package local

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"sync/atomic"

	"semdex/index"
	"semdex/index/local/vector"
	"semdex/internal/kernel"
)

// sealedName is the file of a collection's graph. It is derived: what cannot be
// used is made again from the log.
const sealedName = "vectors.graph"

// sealed is a graph over the first slots of a collection, with the vectors of
// these slots. Methods of a nil one do nothing and find nothing.
type sealed struct {
	graph *vector.Graph
	index vector.Index // the graph, or coder/hnsw over it
	coder bool         // coder/hnsw was asked for
	rows  vector.Rows
	keys  []sealedKey // by sequence

	// unsaved is a graph without a file: its rows share memory with the state
	// that it was made of.
	unsaved bool

	users atomic.Int64 // the collection and those who read; 0 once unmapped
	unmap func() error // nil if there is nothing to unmap
}

// sealedKey says which slots are a document's.
type sealedKey struct {
	sequence uint64
	first, n uint32
}

const sealedKeySize = 16

// acquire keeps the vectors readable until release; false if they are gone.
func (g *sealed) acquire() bool {
	if g == nil {
		return true
	}
	for {
		n := g.users.Load()
		if n == 0 {
			return false
		}
		if g.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (g *sealed) release() {
	if g != nil && g.users.Add(-1) == 0 && g.unmap != nil {
		_ = g.unmap() // what stays mapped is only address space
	}
}

// slot is where a document's vectors begin, if they are in the graph.
func (g *sealed) slot(d *document) (first int, ok bool) {
	if g == nil {
		return 0, false
	}
	i, ok := slices.BinarySearchFunc(g.keys, d.sequence, func(k sealedKey, sequence uint64) int {
		return cmp.Compare(k.sequence, sequence)
	})
	if !ok || int(g.keys[i].n) != d.passages() {
		return 0, false
	}
	return int(g.keys[i].first), true
}

// find is slot for a document from the log: its vectors must be those that the
// log has.
func (g *sealed) find(d *document, encoded []byte) (first int, ok bool) {
	first, ok = g.slot(d)
	if !ok {
		return 0, false
	}
	size := 4 * g.rows.Dims()
	for slot := first; len(encoded) > 0; slot++ {
		if !sameVector(g.rows.At(slot), encoded[:size]) {
			return 0, false
		}
		encoded = encoded[size:]
	}
	return first, true
}

func sameVector(x []float32, encoded []byte) bool {
	if binary.LittleEndian.Uint32(encoded) == noVector {
		return !slices.ContainsFunc(x, func(v float32) bool { return math.Float32bits(v) != 0 })
	}
	for i, v := range x {
		if math.Float32bits(v) != binary.LittleEndian.Uint32(encoded[4*i:]) {
			return false
		}
	}
	return true
}

// seal begins an empty state with the slots of a graph, which nobody owns yet.
func (s *state) seal(g *sealed) {
	if g == nil {
		return
	}
	s.sealed, s.store = g, g.rows
	s.owner = slices.Repeat([]uint32{noOwner}, g.rows.Len())
}

// appendMeta writes what a vector file says about its collection: the id, then
// the keys.
func appendMeta(dst []byte, id collectionID, keys []sealedKey) []byte {
	dst = append(dst, id[:]...)
	for _, k := range keys {
		dst = binary.LittleEndian.AppendUint64(dst, k.sequence)
		dst = binary.LittleEndian.AppendUint32(dst, k.first)
		dst = binary.LittleEndian.AppendUint32(dst, k.n)
	}
	return dst
}

func parseMeta(b []byte, id collectionID, rows int) ([]sealedKey, error) {
	if len(b) < len(id) || !bytes.Equal(b[:len(id)], id[:]) || (len(b)-len(id))%sealedKeySize != 0 {
		return nil, fmt.Errorf("%w: it belongs to another collection", vector.ErrCorrupt)
	}
	b = b[len(id):]
	keys := make([]sealedKey, 0, len(b)/sealedKeySize)
	end, last := uint64(0), uint64(0)
	for ; len(b) > 0; b = b[sealedKeySize:] {
		k := sealedKey{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
		if k.sequence <= last || uint64(k.first)+uint64(k.n) > uint64(rows) {
			return nil, fmt.Errorf("%w: it lists impossible documents", vector.ErrCorrupt)
		}
		end += uint64(k.n)
		last = k.sequence
		keys = append(keys, k)
	}
	if end > uint64(rows) {
		return nil, fmt.Errorf("%w: it lists impossible documents", vector.ErrCorrupt)
	}
	return keys, nil
}

// readSealed opens the file of a graph.
func readSealed(fsys fileSystem, path string, id collectionID, dims int, level kernel.Level) (*sealed, error) {
	data, unmap, err := mapFile(fsys, path)
	if err != nil {
		return nil, err
	}
	g := &sealed{unmap: unmap}
	g.users.Store(1)
	f, err := vector.Open(data, level)
	if err == nil {
		g.graph, g.index, g.rows = f.Graph, f.Graph, f.Rows()
		g.keys, err = parseMeta(f.Meta, id, g.rows.Len())
	}
	if err == nil && g.rows.Dims() != dims {
		err = fmt.Errorf("%w: its vectors have %d values, not %d", vector.ErrCorrupt, g.rows.Dims(), dims)
	}
	if err != nil {
		g.release()
		return nil, err
	}
	return g, nil
}

// mapper is a file system that can map files.
type mapper interface {
	Map(name string) (data []byte, unmap func() error, err error)
}

func mapFile(fsys fileSystem, name string) (data []byte, unmap func() error, err error) {
	if m, ok := fsys.(mapper); ok {
		return m.Map(name)
	}
	data, err = fsys.ReadFile(name)
	return data, nil, err
}

func (c *Collection) sealedPath() string { return filepath.Join(c.dir, sealedName) }

// openSealed begins the state with the collection's graph, if there is one that
// can be used.
func (c *Collection) openSealed() {
	if c.vectors() == index.VectorsExact {
		if c.settings.Vectors == index.VectorsExact { // a crash may have left it
			if err := ignoreMissing(c.o.fsys.Remove(c.sealedPath())); err != nil {
				c.log.Warn("cannot remove the graph of vectors", "error", err)
			}
		}
		return
	}
	g, err := readSealed(c.o.fsys, c.sealedPath(), c.manifestID, c.dims, c.engine.level)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return
	case err != nil:
		c.log.Warn("the graph of vectors cannot be used; it will be made again", "error", err)
		return
	}
	c.useCoder(context.Background(), g, c.vectors() == index.VectorsCoder)
	c.state.seal(g)
}

// useCoder puts coder/hnsw before a graph if that is asked for.
func (c *Collection) useCoder(ctx context.Context, g *sealed, asked bool) {
	g.coder = asked
	if !asked {
		return
	}
	coder, err := vector.NewCoder(ctx, g.graph)
	if err != nil {
		c.log.Warn("coder/hnsw cannot be used; searching the graph itself", "error", err)
		return
	}
	g.index = coder
}

// soundRecall is what a sound graph reaches on any data but noise.
const soundRecall = 0.8

// graph checks that the graph leads everywhere, and what it finds.
func (k *checker) graph(ctx context.Context) error {
	g := k.view.sealed
	if g == nil {
		return nil
	}
	if n := g.graph.Unreachable(); n > 0 {
		k.problem("%d passages cannot be reached in the graph of vectors", n)
	}
	recall, err := vector.Recall(ctx, g.index, &g.rows, k.c.engine.level, 20, 10)
	if err == nil && recall < soundRecall {
		k.problem("the graph of vectors finds %.0f %% of the nearest passages", 100*recall)
	}
	return err
}
