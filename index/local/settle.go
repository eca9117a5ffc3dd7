package local

import "context"

// Settle implements index.Collection. Left to do may be a graph of vectors, a
// compaction, and passages on their way to the keyword leg's files.
func (c *Collection) Settle(ctx context.Context, onProgress func(done, total int)) error {
	for {
		w, err := c.busy(ctx)
		if err != nil || w == nil {
			return err
		}
		if err := w.wait(ctx, onProgress); err != nil {
			return err
		}
	}
}

// background is work under way beside the writer.
type background struct {
	ended   chan struct{} // closed when some of it has ended
	sealing *sealing      // nil if none
}

// wait returns when some of the work has ended.
func (w *background) wait(ctx context.Context, onProgress func(done, total int)) error {
	var moved chan struct{}
	tell := func() {}
	if k := w.sealing; k != nil && onProgress != nil {
		moved = k.moved
		tell = func() { onProgress(int(k.done.Load()), k.total) }
	}
	tell()
	for {
		select {
		case <-w.ended:
			tell()
			return nil
		case <-moved:
			tell()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// busy returns the work that is under way in the background; nil if there is
// none.
func (c *Collection) busy(ctx context.Context) (w *background, err error) {
	if err := c.enter(ctx); err != nil {
		return nil, err
	}
	defer c.leave()
	err = c.do(&request{ctx: ctx, inspect: func() {
		c.startSealing(false) // a load may have ended that run has not heard of
		if c.sealing != nil || c.running != nil || c.flushing != nil {
			w = &background{ended: make(chan struct{}), sealing: c.sealing}
			c.waiting = append(c.waiting, w.ended)
		}
	}})
	return w, err
}

// wake lets those go on who wait for work in the background.
func (c *Collection) wake() {
	for _, ended := range c.waiting {
		close(ended)
	}
	c.waiting = nil
}
