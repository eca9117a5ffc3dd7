package local

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync/atomic"
	"time"

	"semdex/index"
	"semdex/index/local/vector"
)

// sealing builds a graph beside the writer: of all slots, continuing the graph
// there is, or of the slots of live documents alone. Until finishSealing adopts
// it, searches scan what is not in a graph.
type sealing struct {
	cancel context.CancelFunc
	view   view
	fresh  bool // of live documents, with new slots
	coder  bool // searched by coder/hnsw

	total int           // passages that the graph is to have
	done  atomic.Int64  // that it has
	moved chan struct{} // tells who waits that there are more of them

	result *sealed
	err    error
}

// graphPassages is the number of passages from which index.VectorsGraph builds a
// graph: a search of fewer would scan in spite of it.
const graphPassages = 5000

// sealDue reports whether to build a graph, and whether without dead documents.
// While nothing is written, fewer passages are worth it: its whole file is
// written for them, but every search scans them until then. During a bulk load
// no number is, until the memory for it is full or nothing is written.
func (c *Collection) sealDue(quiet bool) (due, fresh bool) {
	s := c.state
	n, step, how := s.store.Len(), c.sealStep(), c.vectors()
	if how == index.VectorsExact {
		return false, false
	}
	wait := !quiet && c.loading()
	if s.sealed == nil {
		return s.passages >= step && !wait, 5*s.dead > n
	}
	old := s.sealed.rows.Len()
	fresh = 5*s.dead > n && s.dead > c.o.CompactPassages
	least := max(step, min(old/4, 4*step)) // what is in no graph is scanned by every search
	if quiet {
		least = max(1, step/4, old/64)
	}
	return !wait && (fresh || n-old >= least) || s.sealed.coder != (how == index.VectorsCoder), fresh && !wait
}

// sealStep is the number of passages that makes a graph, or its next step.
func (c *Collection) sealStep() int {
	if c.vectors() == index.VectorsGraph {
		return min(c.o.GraphPassages, graphPassages)
	}
	return c.o.GraphPassages
}

// startSealing begins to build a graph if it is time to.
func (c *Collection) startSealing(quiet bool) {
	due, fresh := c.sealDue(quiet)
	if !due || c.sealing != nil || c.failed != nil {
		return
	}
	if fresh && c.state.passages < c.sealStep()/2 {
		c.unseal()
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := newSealing(cancel, c.state.view, fresh, c.vectors() == index.VectorsCoder)
	k.view.sealed.acquire() // the collection's own is never gone
	c.sealing = k
	c.log.Debug("building the graph of vectors", "passages", k.view.passages, "fresh", fresh)
	go func() {
		start := time.Now()
		k.err = c.build(ctx, k)
		k.view.sealed.release()
		c.log.Debug("built the graph of vectors", "took", time.Since(start), "error", k.err)
		c.sealings <- k
	}()
}

func newSealing(cancel context.CancelFunc, v view, fresh, coder bool) *sealing {
	k := &sealing{cancel: cancel, view: v, fresh: fresh, coder: coder, total: v.store.Len(), moved: make(chan struct{}, 1)}
	if fresh {
		k.total = v.passages
	} else if v.sealed != nil {
		k.done.Store(int64(v.sealed.rows.Len()))
	}
	return k
}

// insert notes how many passages the graph has.
func (k *sealing) insert(rows int) {
	k.done.Store(int64(rows))
	select {
	case k.moved <- struct{}{}:
	default:
	}
}

// awaitQuiet sets the clock if a quiet time would start a sealing.
func (c *Collection) awaitQuiet(clock *time.Timer) {
	if due, _ := c.sealDue(true); due && c.sealing == nil && c.failed == nil {
		clock.Reset(c.o.Quiet)
		return
	}
	clock.Stop()
}

// unseal goes back to scanning a collection that has become small.
func (c *Collection) unseal() {
	old, s := c.state.sealed, c.state.compact()
	c.mu.Lock()
	c.state = s
	c.mu.Unlock()
	old.release()
	if err := c.o.fsys.Remove(c.sealedPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		c.log.Warn("cannot remove the graph of vectors", "error", err)
	}
}

// build makes the graph and its file.
func (c *Collection) build(ctx context.Context, k *sealing) error {
	rows, keys, err := k.rows(ctx)
	if err != nil {
		return err
	}
	p := vector.Params{Workers: c.o.GraphWorkers, Inserted: k.insert}
	var g *vector.Graph
	if old := k.view.sealed; old != nil && !k.fresh {
		g, err = old.graph.Extend(ctx, rows, p)
	} else {
		g, err = vector.Build(ctx, rows, p, c.engine.level)
	}
	if err != nil {
		return err
	}
	k.result, err = c.saveSealed(ctx, g, keys)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.log.Warn("the graph of vectors stays in memory; it will be made again at the next start", "error", err)
		k.result = k.unsaved(g, rows, keys)
	}
	c.useCoder(ctx, k.result, k.coder)
	return nil
}

// unsaved is the result without a file. Its rows may be those of the graph
// before, which then stays.
func (k *sealing) unsaved(g *vector.Graph, rows vector.Rows, keys []sealedKey) *sealed {
	out := &sealed{graph: g, index: g, rows: rows, keys: keys, unsaved: true}
	out.users.Store(1)
	if before := k.view.sealed; !k.fresh && before.acquire() {
		out.unmap = func() error { before.release(); return nil }
	}
	return out
}

// rows are the vectors that the graph is to have, and where each document's
// are.
func (k *sealing) rows(ctx context.Context) (vector.Rows, []sealedKey, error) {
	v := &k.view
	keys := make([]sealedKey, 0, v.live.GetCardinality())
	rows := v.store
	if k.fresh {
		rows = vector.NewRows(v.store.Dims())
	}
	for it := v.live.Iterator(); it.HasNext(); {
		n := it.Next()
		d := v.docs[n]
		key := sealedKey{d.sequence, v.first[n], uint32(d.passages())}
		if k.fresh {
			if err := ctx.Err(); err != nil {
				return rows, nil, err
			}
			key.first = uint32(rows.Len())
			for i := range d.passages() {
				rows.Append(v.store.At(int(v.first[n]) + i))
			}
		}
		keys = append(keys, key)
	}
	return rows, keys, nil
}

// saveSealed writes the file of a graph, durable and whole or not at all, and
// opens it.
func (c *Collection) saveSealed(ctx context.Context, g *vector.Graph, keys []sealedKey) (*sealed, error) {
	fsys, path := c.o.fsys, c.sealedPath()
	temp := path + ".tmp"
	if err := ignoreMissing(fsys.Remove(temp)); err != nil {
		return nil, err
	}
	f, err := fsys.Create(temp)
	if err != nil {
		return nil, err
	}
	_, err = g.Save(writerUntil{ctx, f}, appendMeta(nil, c.manifestID, keys))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, errors.Join(err, ignoreMissing(fsys.Remove(temp)))
	}
	if err := fsys.Rename(temp, path); err != nil {
		return nil, errors.Join(err, ignoreMissing(fsys.Remove(temp)))
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("sync folder: %w", err)
	}
	return readSealed(fsys, path, c.manifestID, c.dims, c.engine.level)
}

// writerUntil writes until its context is done.
type writerUntil struct {
	ctx context.Context
	io.WriterAt
}

func (w writerUntil) WriteAt(p []byte, at int64) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.WriterAt.WriteAt(p, at)
}

// finishSealing adopts a graph. Documents that came meanwhile keep their
// vectors behind it.
func (c *Collection) finishSealing(k *sealing) {
	defer c.wake()
	c.sealing = nil
	k.cancel()
	if k.err != nil {
		if !errors.Is(k.err, context.Canceled) {
			c.log.Warn("building the graph of vectors failed", "error", k.err)
			c.o.GraphPassages *= 2 // not again before there is much more
			if g := c.state.sealed; g != nil {
				g.coder = k.coder
			}
		}
		return
	}
	old := c.state.sealed
	if k.fresh {
		s := c.state.renumber(k.result)
		c.mu.Lock()
		c.state = s
		c.mu.Unlock()
	} else {
		store := c.state.store
		if !k.result.unsaved {
			store = k.result.rows
		}
		for slot := store.Len(); slot < c.state.store.Len(); slot++ {
			store.Append(c.state.store.At(slot))
		}
		c.mu.Lock()
		c.state.store, c.state.sealed = store, k.result
		c.mu.Unlock()
	}
	old.release()
	c.startSealing(false) // what came meanwhile may be enough for the next one
}

// stopSealing ends the building of a graph and waits for it.
func (c *Collection) stopSealing() {
	if c.sealing == nil {
		return
	}
	c.sealing.cancel()
	k := <-c.sealings
	c.sealing = nil
	k.result.release()
}
