package local

import (
	"context"
	"time"

	"github.com/RoaringBitmap/roaring/v2"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

// textFlush is a tail on its way to bleve, beside the writer.
type textFlush struct {
	cancel context.CancelFunc
	tail   *textTail
	err    error
}

// startFlush gives the tail to bleve if it is full.
func (c *Collection) startFlush() {
	if c.flushing != nil || c.failed != nil || !c.text.full() {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	k := &textFlush{cancel: cancel, tail: c.text.closeTail()}
	c.flushing = k
	go func() {
		if k.err = c.text.save(k.tail); k.err == nil {
			c.awaitFiles(ctx)
		}
		c.flushes <- k
	}()
}

// makeRoom waits, before a write, until the tail can take it: in the long run
// writers are no faster than bleve.
func (c *Collection) makeRoom() {
	for c.failed == nil && c.text.full() {
		if c.flushing == nil {
			c.startFlush()
			return
		}
		if !c.text.brimful() {
			return
		}
		c.finishFlush(<-c.flushes)
	}
}

// finishFlush leaves the tail's passages to bleve.
func (c *Collection) finishFlush(k *textFlush) {
	defer c.wake()
	c.flushing = nil
	k.cancel()
	if k.err == nil {
		k.err = c.text.dropTail(k.tail)
	}
	if k.err != nil { // they are still searched in memory
		_ = c.fail(k.err)
	}
}

// stopFlush waits for a flush that is under way.
func (c *Collection) stopFlush() {
	if c.flushing != nil {
		c.flushing.cancel()
		c.finishFlush(<-c.flushes)
	}
}

const (
	// maxUnsaved bounds the flushes that bleve has in memory only.
	maxUnsaved = 4
	// filesTime bounds how long one more waits for its files. Without room on
	// the disk writers come to that pace before the log refuses them.
	filesTime = time.Minute
)

// awaitFiles waits until bleve is not far behind with its files.
func (c *Collection) awaitFiles(ctx context.Context) {
	timeout := time.NewTimer(filesTime)
	defer timeout.Stop()
	for c.text.unsaved.Load() > maxUnsaved {
		select {
		case <-c.text.written:
		case <-ctx.Done():
			return
		case <-timeout.C:
			c.log.Warn("the text leg does not get to the disk; writes are slowed down", "failures", c.text.asyncErrors())
			return
		}
	}
}

func (t *textLeg) full() bool    { return t.tails[len(t.tails)-1].full(t.tailPassages) }
func (t *textLeg) brimful() bool { return t.tails[len(t.tails)-1].brimful(t.tailPassages) }

// closeTail begins a new tail and returns the one before.
func (t *textLeg) closeTail() *textTail {
	t.tailMu.Lock()
	defer t.tailMu.Unlock()
	tail := t.tails[len(t.tails)-1]
	tail.last = t.sequence
	tail.skipped = roaring.New()
	if tail.dead != nil {
		tail.skipped = tail.dead
	}
	t.tails = append(t.tails[:len(t.tails):len(t.tails)], new(textTail))
	return tail
}

// save gives bleve the passages of a tail that nothing is added to any more.
func (t *textLeg) save(tail *textTail) error {
	t.unsaved.Add(1)
	return t.batch(func(b *bleveindex.Batch) {
		b.SetPersistedCallback(t.persisted)
		if tail.skipped == nil || tail.skipped.GetCardinality() < uint64(len(tail.keys)) {
			b.Update(&tailDocument{tail})
		}
	})
}

// persisted is called when a flush has reached the disk, or failed to.
func (t *textLeg) persisted(error) {
	t.unsaved.Add(-1)
	select {
	case t.written <- struct{}{}:
	default:
	}
}

// dropTail forgets a tail that bleve has; what went from it meanwhile goes from
// bleve first.
func (t *textLeg) dropTail(tail *textTail) error {
	var gone []textKey
	if tail.dead != nil {
		for it := roaring.AndNot(tail.dead, tail.skipped).Iterator(); it.HasNext(); {
			gone = append(gone, tail.keys[it.Next()])
		}
	}
	if err := t.removeSaved(gone, tail.last); err != nil {
		return err
	}
	t.tailMu.Lock()
	defer t.tailMu.Unlock()
	t.tails = t.tails[1:len(t.tails):len(t.tails)]
	t.saved = tail.last
	return nil
}

// drain gives everything to bleve; there is no flush under way.
func (t *textLeg) drain() error {
	if len(t.tails[0].keys) == 0 {
		return nil
	}
	tail := t.closeTail()
	if err := t.save(tail); err != nil {
		return err
	}
	return t.dropTail(tail)
}
