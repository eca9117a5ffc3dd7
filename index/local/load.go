package local

import (
	"context"
	"sync"
)

// BeginLoad implements index.Collection.
func (c *Collection) BeginLoad(ctx context.Context) (end func(), err error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	c.loads.Add(1)
	return sync.OnceFunc(c.endLoad), nil
}

// endLoad wakes the writer, if it is still there, when the last load has ended.
func (c *Collection) endLoad() {
	if c.loads.Add(-1) > 0 {
		return
	}
	select {
	case c.loaded <- struct{}{}:
	default: // it has not seen the end before yet
	}
}

// loading reports whether passages may wait for a graph: during a bulk load, as
// long as the vectors outside the graph take no more than LoadBytes.
func (c *Collection) loading() bool {
	if c.loads.Load() == 0 {
		return false
	}
	waiting := c.state.store.Len()
	if g := c.state.sealed; g != nil {
		waiting -= g.rows.Len()
	}
	const perValue = 5 // a float32 and a code
	return int64(waiting)*perValue*int64(c.dims) < c.o.LoadBytes
}
